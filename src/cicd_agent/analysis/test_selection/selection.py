"""Which tests a change can reach, by what each of them executed and opened when it was last seen; in doubt all."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import Final

from cicd_agent.analysis.test_selection.outline import Outline, outline
from cicd_agent.analysis.test_selection.test_map import KnownTest, TestMap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.test_run import Outcome

MAX_FILES: Final = 1_000
OLDEST: Final = 100
"""Commits between that of the map and the base, at most."""

_CONFIGURATION: Final = (
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg", "tox.ini"),
    *("noxfile.py", ".coveragerc", "sitecustomize.py", "usercustomize.py", "*.pth", ".python-version", ".env"),
)
_PROSE: Final = (".md", ".rst")


def whole(test_map: TestMap | None, change: Change, since: Change, python: str, *, oldest: int) -> Iterator[str]:
    """Why the map cannot be used for the change at all.

    `change` begins where the base ends, `since` at the commit of the map; both end in the same.
    """
    if test_map is None:
        yield "there is no test map yet"
        return
    made_at = test_map.commit[:12]
    if not test_map.tests:
        yield "the test map has no tests"
    if since.base != test_map.commit:
        yield f"the test map was made at {made_at}, which this commit does not come from"
    elif since.base in {commit.sha for commit in change.commits}:
        # What made it ran under the change's own code, and the base is what it has to be compared with.
        yield f"the test map was made at {made_at}, which the base does not have"
    age = len(since.commits) - len(change.commits)
    if age > oldest:
        yield f"the test map is stale: {count(age, 'commit')} older than the base, over {oldest}"
    if _minor(python) != _minor(test_map.python):
        current = f"this is Python {python}" if python else "which Python runs the tests here is not known"
        yield f"the test map was made with Python {test_map.python}, {current}"
    if len(since.files) > MAX_FILES:
        yield f"the change is too large: {count(len(since.files), 'file')}"
    for note in dict.fromkeys((*since.notes, *change.notes)):
        yield f"not all of the change is known: {note}"


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def of_file(file: FileDiff, *, tests: frozenset[str]) -> Iterator[str]:
    """Why one changed file alone makes everything run, as far as its name and kind tell; `tests` are test modules."""
    path, name = file.path, basename(file.path)
    names = {basename(file.path), basename(file.old_path)}
    if file.is_submodule:
        yield f"{path}: a submodule"
    elif "120000" in (file.old_mode, file.new_mode):
        yield f"{path}: a symbolic link"
    elif file.old_mode and file.new_mode and file.old_mode != file.new_mode:
        yield f"{path}: its mode changed"
    if "conftest.py" in names:
        yield f"{path}: conftest.py"
    elif name == "__init__.py" and file.kind in {ChangeKind.ADDED, ChangeKind.COPIED}:
        yield f"{path}: it makes its folder a package"
    if any(fnmatchcase(each, pattern) for each in names for pattern in _CONFIGURATION):
        yield f"{path}: configuration"
    elif kinds(path) & {PathKind.LOCK_FILE, PathKind.DEPENDENCY_MANIFEST}:
        yield f"{path}: what is installed"
    if file.kind is ChangeKind.RENAMED and file.old_path not in tests:
        yield f"{path}: renamed, it was {file.old_path}"
    elif file.kind is ChangeKind.DELETED and file.old_path not in tests:
        yield f"{path}: deleted"


def is_prose(path: str) -> bool:
    """Whether it is documentation, which counts only when a test has opened it."""
    path_kinds = kinds(path)
    return path.lower().endswith(_PROSE) and PathKind.DOCS in path_kinds and PathKind.TEST not in path_kinds


def is_imported(test_map: TestMap, path: str) -> bool:
    stem = module_stem(path)
    return any(stem in name.split(".") for other, name in _imports(test_map) if other != path)


def imports_name(test_map: TestMap, name: str, path: str) -> bool:
    """Whether another file imports this name, or whatever the module has."""
    stem = module_stem(path)
    return any(
        last == name or (last == "*" and rest.rpartition(".")[2] in {stem, ""})
        for other, dotted in _imports(test_map)
        if other != path
        for rest, _, last in [dotted.rpartition(".")]
    )


def _imports(test_map: TestMap) -> Iterator[tuple[str, str]]:
    for path, source in test_map.sources.items():
        for name in source.imports:
            yield path, name


def module_stem(path: str) -> str:
    stem = basename(path).removesuffix(".py")
    return basename(dirname(path)) if stem == "__init__" else stem


def of_new_module(test_map: TestMap, path: str) -> str:
    """Why a module that was not there can reach tests that know nothing of it, "" when it cannot."""
    if is_imported(test_map, path):
        return f"{path}: new, and something of its name is imported already"
    modules = {nodeid.partition("::")[0] for nodeid in test_map.tests}
    executed = {name.partition("::")[0] for test in test_map.tests.values() for name in test.functions} - modules
    for each in sorted(executed):
        beside = dirname(each) == dirname(path) and basename(each) != "__init__.py"
        if beside and not is_imported(test_map, each):
            return f"{path}: new, and modules beside it are loaded by name ({each})"
    return ""


def of_parts(path: str, test_map: TestMap, head: Outline) -> Iterator[str]:
    """Why what changed in a module that the map knows makes everything run."""
    known = test_map.sources[path]
    if known.at_import != head.at_import:
        yield f"{path}: what runs at import changed"
    for name, function in head.functions.items():
        before = known.functions.get(name)
        last = name.rpartition(".")[2]
        if before is None:
            yield from _added(path, name, test_map, head)
        elif before.head != function.head:
            yield f"{path}: the decorators or the signature of {name} changed"
        elif before.body != function.body and (before.early or last in {"__getattr__", "__dir__"}):
            yield f"{path}: {name} changed, which runs at import"
    for name, gone in known.functions.items():
        if name not in head.functions and (gone.early or imports_name(test_map, name, path)):
            yield f"{path}: {name} was removed, which {'runs at import' if gone.early else 'is imported'}"


def _added(path: str, name: str, test_map: TestMap, head: Outline) -> Iterator[str]:
    scope, _, last = name.rpartition(".")
    if scope and scope not in head.classes:
        return  # inside of a function, which changed with it
    if head.functions[name].decorated:
        yield f"{path}: {name} is new, and its decorators run at import"
    elif scope and (scope not in head.plain or _is_special(last) or _is_base(test_map, scope)):
        yield f"{path}: {name} is new, and can take the place of what its class inherits"
    elif not scope and (_is_special(last) or re.match(r"pytest_", last) or imports_name(test_map, last, path)):
        yield f"{path}: {name} is new, and its name is used already"


def _is_base(test_map: TestMap, name: str) -> bool:
    return any(name.rpartition(".")[2] in source.bases for source in test_map.sources.values())


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def several(reasons: Iterable[str]) -> tuple[str, ...]:
    """Each reason once, in order."""
    return tuple(dict.fromkeys(reasons))


_SPECIAL: Final = frozenset("()<>|&;$`'\"\\*?!#~{} \t\n\r")


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run: `tests` by node id and `files` whole; everything when there is a reason in `run_all`.

    A node id without parameters stands for all of them. `because` has a reason for each, `skipped` counts the tests of
    the map that need not run, `notes` are changed files that were not counted, a sentence each.
    """

    tests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    run_all: tuple[str, ...] = ()
    because: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """Which tests, in a word: none, affected, full."""
        if self.run_all:
            return "full"
        return "affected" if self.tests or self.files else "none"

    def selects(self, nodeid: str) -> bool:
        name = nodeid.partition("[")[0]
        return bool(self.run_all) or not {nodeid, name, nodeid.partition("::")[0]}.isdisjoint(
            (*self.tests, *self.files)
        )


@dataclass(slots=True)
class _Progress:
    """What is found on the way: the first reason for each test and file counts."""

    tests: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    run_all: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def affected(
    test_map: TestMap | None, change: Change, since: Change, python: str, *, oldest: int = OLDEST
) -> Selection:
    """The tests that can end otherwise than they did when the map was made.

    `change` is what is not in the base, `since` what is not in the map's commit; both end in the same. `python` is the
    version of the interpreter that runs the tests, "" when that is not known.
    """
    run_all = several(whole(test_map, change, since, python, oldest=oldest))
    if test_map is None or run_all:
        return Selection(run_all=run_all)
    modules = frozenset(nodeid.partition("::")[0] for nodeid in test_map.tests)
    progress = _Progress()
    gone: set[str] = set()
    for file in since.files:
        progress.run_all += of_file(file, tests=modules)
        if not file.path.endswith(".py") and not file.old_path.endswith(".py"):
            _data(file, test_map, modules, progress)
        else:
            gone |= _module(file, since, test_map, modules, progress)
    if progress.run_all:
        return Selection(run_all=several(progress.run_all), notes=tuple(progress.notes))
    if since.files:
        _unconditional(since, test_map, progress)
    return _selection(test_map, progress, gone)


def _data(file: FileDiff, test_map: TestMap, modules: frozenset[str], progress: _Progress) -> None:
    """A file that is no Python."""
    paths = {file.path, file.old_path}
    known = paths & modules
    for path in known - ({file.old_path} if file.kind is ChangeKind.DELETED else set()):
        progress.files.setdefault(path, f"{path} changed")
    users = [nodeid for nodeid, test in test_map.tests.items() if not test.files.isdisjoint(paths)]
    for nodeid in users:
        progress.tests.setdefault(nodeid, f"it opened {file.path}")
    if not test_map.files.isdisjoint(paths):
        progress.run_all.append(f"{file.path}: it is read at import")
    elif not users and not known:
        if all(map(is_prose, paths)):
            progress.notes.append(f"{file.path} is documentation that no test opened")
        else:
            progress.run_all.append(f"{file.path}: a data file that no test opened")


def _module(file: FileDiff, since: Change, test_map: TestMap, modules: frozenset[str], progress: _Progress) -> set[str]:
    """A Python file; the tests that are gone with it."""
    path, old = file.path, file.old_path
    fresh = file.kind in {ChangeKind.ADDED, ChangeKind.COPIED, ChangeKind.RENAMED}
    _readers(file, test_map, progress)
    gone = set()
    if file.kind in {ChangeKind.DELETED, ChangeKind.RENAMED}:
        gone = {nodeid for nodeid in test_map.tests if nodeid.partition("::")[0] == old}
        if old in modules and is_imported(test_map, old):
            progress.run_all.append(f"{old}: gone, and something of its name is imported")
    if fresh:
        if _is_test_module(path):
            progress.files.setdefault(path, f"{path} is new")
        if reason := of_new_module(test_map, path):
            progress.run_all.append(reason)
    elif file.kind is ChangeKind.MODIFIED:
        gone |= _changed(path, since.texts.get(path), test_map, modules, progress)
    return gone


def _readers(file: FileDiff, test_map: TestMap, progress: _Progress) -> None:
    """Tests that read the file, as data or by importing it; where one comes or goes, those that read what is beside."""
    paths = {file.path, file.old_path}
    folders = set() if file.kind is ChangeKind.MODIFIED else {dirname(path) for path in paths}
    for nodeid, test in test_map.tests.items():
        for opened in sorted(test.files):
            if opened in paths:
                progress.tests.setdefault(nodeid, f"it opened {opened}")
            elif opened.endswith(".py") and dirname(opened) in folders:
                progress.tests.setdefault(nodeid, f"it opened {opened}, beside {file.path}")


def _changed(path: str, text: str | None, test_map: TestMap, modules: frozenset[str], progress: _Progress) -> set[str]:
    """A module that is there on both sides; the tests of it that are gone."""
    head = outline(text) if text is not None else None
    if head is None or path not in test_map.sources:
        reason = "not known to the test map" if head is not None else "its text cannot be read as Python"
        progress.run_all.append(f"{path}: {reason}")
        return set()
    reasons = list(of_parts(path, test_map, head))
    if path in modules and not is_imported(test_map, path):
        # Nobody else sees what is in it: what would reach all tests reaches its own.
        if reasons:
            progress.files.setdefault(path, reasons[0])
    else:
        progress.run_all += reasons
    known = test_map.sources[path].functions
    for name, function in known.items():
        now = head.functions.get(name)
        if now is None:
            _executing(f"{path}::{name}", "was removed", test_map, progress)
        elif (now.head, now.body) != (function.head, function.body):
            _executing(f"{path}::{name}", "changed", test_map, progress)
    for name in head.functions.keys() - known.keys():
        _fresh(path, name, head, test_map, progress)
    return {nodeid for nodeid in test_map.tests if _is_gone(nodeid, path, known, head)}


def _is_gone(nodeid: str, path: str, known: Mapping[str, object], head: Outline) -> bool:
    """Whether a test's function was in the file and is not any more; one that is inherited never was."""
    where, _, name = nodeid.partition("[")[0].partition("::")
    function = name.replace("::", ".")
    return where == path and function in known and function not in head.functions


def _executing(function: str, what: str, test_map: TestMap, progress: _Progress) -> None:
    for nodeid, test in test_map.tests.items():
        if function in test.functions or function == _own(nodeid):
            progress.tests.setdefault(nodeid, f"{function} {what}")


def _own(nodeid: str) -> str:
    path, _, name = nodeid.partition("[")[0].partition("::")
    return f"{path}::{name.replace('::', '.')}"


def _fresh(path: str, name: str, head: Outline, test_map: TestMap, progress: _Progress) -> None:
    """A function that was not there: a test, or a method that can take the place of another one."""
    scope, _, last = name.rpartition(".")
    if last.startswith("test") and any(nodeid.partition("::")[0] == path for nodeid in test_map.tests):
        test = f"{path}::{name.replace('.', '::')}"
        progress.tests.setdefault(test, "it is new")
    if scope not in head.classes:
        return
    for nodeid, known in test_map.tests.items():
        for each in known.functions:
            if each.startswith(f"{path}::{scope}.") or each.rpartition("::")[2].rpartition(".")[2] == last:
                progress.tests.setdefault(nodeid, f"{path}::{name} is new")
                break


def _unconditional(since: Change, test_map: TestMap, progress: _Progress) -> None:
    """Tests that no map excuses from any change of more than documentation."""
    tracked = frozenset((*since.paths, *(file.old_path for file in since.files)))
    counted = any(not is_prose(file.path) for file in since.files)
    for nodeid, test in sorted(test_map.tests.items()):
        if test.outcome is not Outcome.PASSED:
            progress.tests.setdefault(nodeid, f"it was {_ended(test)} when the map was made")
        elif counted and test.unseen:
            progress.tests.setdefault(nodeid, test.unseen)
        elif strange := sorted(test.files - tracked):
            progress.tests.setdefault(nodeid, f"it opened {strange[0]}, which git does not have")


def _ended(test: KnownTest) -> str:
    return "in error" if test.outcome is Outcome.ERROR else str(test.outcome)


def _is_test_module(path: str) -> bool:
    name = basename(path)
    return name.startswith("test_") or name.endswith("_test.py")


def _selection(test_map: TestMap, progress: _Progress, gone: set[str]) -> Selection:
    named = dict(_as_arguments(progress.tests, gone, progress.files))
    # A name without parameters stands for all of them.
    chosen = {test: reason for test, reason in named.items() if "[" not in test or test.partition("[")[0] not in named}
    selection = Selection(
        tuple(sorted(chosen)),
        tuple(sorted(progress.files)),
        because={**dict(sorted(chosen.items())), **dict(sorted(progress.files.items()))},
        notes=tuple(progress.notes),
    )
    if odd := [each for each in (*selection.tests, *selection.files) if not each.isprintable() or _SPECIAL & {*each}]:
        return Selection(run_all=(f"{odd[0]!r} cannot be given to pytest as it is",), notes=selection.notes)
    ends = {nodeid for nodeid in test_map.tests if nodeid in gone or selection.selects(nodeid)}
    return Selection(
        selection.tests,
        selection.files,
        because=selection.because,
        skipped=len(test_map.tests) - len(ends),
        notes=selection.notes,
    )


def _as_arguments(tests: Mapping[str, str], gone: set[str], files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Node ids as a shell takes them: one whose parameters have blanks and the like stands for all parameters."""
    for nodeid, reason in tests.items():
        name, bracket, _ = nodeid.partition("[")
        if nodeid in gone or name.partition("::")[0] in files:
            continue
        yield (name if bracket and _SPECIAL & {*nodeid} else nodeid), reason
