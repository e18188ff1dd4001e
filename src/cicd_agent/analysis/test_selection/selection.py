"""Which tests a change can reach, by what each of them executed and opened when it was last seen; in doubt all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import Final

from cicd_agent.analysis.test_selection.outline import REFLECTIVE, Outline, outline
from cicd_agent.analysis.test_selection.test_map import TestMap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.test_run import Outcome

MAX_FILES: Final = 1_000
MAX_AGE: Final = 100
"""Commits between that of the map and the base."""

_CONFIGURATION: Final = (
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg", "tox.ini"),
    *("noxfile.py", ".coveragerc", "sitecustomize.py", "usercustomize.py", "*.pth", ".python-version", ".env"),
)
_SPECIAL: Final = frozenset("()<>|&;$`'\"\\*?!#~{} \t\n\r")
"""Characters of which a shell makes something else."""


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
        if self.run_all:
            return "full"
        return "affected" if self.tests or self.files else "none"

    def selects(self, nodeid: str) -> bool:
        names = {nodeid, nodeid.partition("[")[0], _path(nodeid)}
        return bool(self.run_all) or not names.isdisjoint((*self.tests, *self.files))


def affected(
    test_map: TestMap | None, change: Change, since: Change, python: str, *, oldest: int = MAX_AGE
) -> Selection:
    """The tests that can end otherwise than they did when the map was made.

    `change` is what is not in the base, `since` what is not in the map's commit; both end in the same. `python` is the
    version of the interpreter that runs the tests, "" when that is not known.
    """
    if test_map is None:
        return Selection(run_all=("there is no test map yet",))
    if reasons := tuple(dict.fromkeys(_unusable(test_map, change, since, python, oldest))):
        return Selection(run_all=reasons)
    return _Selector(test_map, since).select()


def _unusable(test_map: TestMap, change: Change, since: Change, python: str, oldest: int) -> Iterator[str]:
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
    if python.split(".")[:2] != test_map.python.split(".")[:2]:
        current = f"this is Python {python}" if python else "which Python runs the tests here is not known"
        yield f"the test map was made with Python {test_map.python}, {current}"
    if len(since.files) > MAX_FILES:
        yield f"the change is too large: {count(len(since.files), 'file')}"
    for note in (*since.notes, *change.notes):
        yield f"not all of the change is known: {note}"


class _Selector:
    """What a change since the map's commit reaches; the first reason for each test and file counts."""

    def __init__(self, test_map: TestMap, since: Change) -> None:
        self._map = test_map
        self._since = since
        self._modules = frozenset(map(_path, test_map.tests))
        self._tests: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._run_all: list[str] = []
        self._notes: list[str] = []
        self._gone: set[str] = set()

    def select(self) -> Selection:
        for file in self._since.files:
            self._run_all += self._of_file(file)
            if file.path.endswith(".py") or file.old_path.endswith(".py"):
                self._python(file)
            else:
                self._data(file)
        notes = tuple(self._notes)
        if self._run_all:
            return Selection(run_all=tuple(dict.fromkeys(self._run_all)), notes=notes)
        if self._since.files:
            self._unconditional()
        chosen = self._arguments()
        tests, files = tuple(sorted(chosen)), tuple(sorted(self._files))
        because = {each: chosen.get(each) or self._files[each] for each in (*tests, *files)}
        if odd := [each for each in because if not each.isprintable() or _SPECIAL & {*each}]:
            return Selection(run_all=(f"{odd[0]!r} cannot be given to pytest as it is",), notes=notes)
        selection = Selection(tests, files, because=because, notes=notes)
        rest = [each for each in self._map.tests if each not in self._gone and not selection.selects(each)]
        return replace(selection, skipped=len(rest))

    def _arguments(self) -> dict[str, str]:
        """Node ids as a shell takes them: one whose parameters have blanks and the like stands for all parameters."""
        named = {}
        for nodeid, reason in self._tests.items():
            name, bracket, _ = nodeid.partition("[")
            if nodeid not in self._gone and _path(nodeid) not in self._files:
                named[name if bracket and _SPECIAL & {*nodeid} else nodeid] = reason
        # A name without parameters stands for all of them.
        return {
            test: reason for test, reason in named.items() if "[" not in test or test.partition("[")[0] not in named
        }

    def _of_file(self, file: FileDiff) -> Iterator[str]:
        """Why one changed file alone makes everything run, as far as its name and kind tell."""
        path, names = file.path, {basename(file.path), basename(file.old_path)}
        if file.is_submodule:
            yield f"{path}: a submodule"
        elif "120000" in (file.old_mode, file.new_mode):
            yield f"{path}: a symbolic link"
        elif file.old_mode and file.new_mode and file.old_mode != file.new_mode:
            yield f"{path}: its mode changed"
        if "conftest.py" in names:
            yield f"{path}: conftest.py"
        elif basename(path) == "__init__.py" and file.kind in {ChangeKind.ADDED, ChangeKind.COPIED}:
            yield f"{path}: it makes its folder a package"
        if any(fnmatchcase(each, pattern) for each in names for pattern in _CONFIGURATION):
            yield f"{path}: configuration"
        elif kinds(path) & {PathKind.LOCK_FILE, PathKind.DEPENDENCY_MANIFEST}:
            yield f"{path}: what is installed"
        if file.kind is ChangeKind.RENAMED and file.old_path not in self._modules:
            yield f"{path}: renamed, it was {file.old_path}"
        elif file.kind is ChangeKind.DELETED and file.old_path not in self._modules:
            yield f"{path}: deleted"

    def _data(self, file: FileDiff) -> None:
        paths = {file.path, file.old_path}
        known = paths & self._modules
        for path in known - ({file.old_path} if file.kind is ChangeKind.DELETED else set()):
            self._files.setdefault(path, f"{path} changed")
        users = [nodeid for nodeid, test in self._map.tests.items() if not test.files.isdisjoint(paths)]
        for nodeid in users:
            self._tests.setdefault(nodeid, f"it opened {file.path}")
        if not self._map.files.isdisjoint(paths):
            self._run_all.append(f"{file.path}: it is read at import")
        elif not users and not known:
            if all(map(_is_prose, paths)):
                self._notes.append(f"{file.path} is documentation that no test opened")
            else:
                self._run_all.append(f"{file.path}: a data file that no test opened")

    def _python(self, file: FileDiff) -> None:
        path, old = file.path, file.old_path
        self._readers(file)
        if file.kind in {ChangeKind.DELETED, ChangeKind.RENAMED}:
            self._gone |= {nodeid for nodeid in self._map.tests if _path(nodeid) == old}
            if old in self._modules and self._is_imported(old):
                self._run_all.append(f"{old}: gone, and something of its name is imported")
        if file.kind is ChangeKind.MODIFIED:
            self._changed(path, self._since.texts.get(path))
        elif file.kind in {ChangeKind.ADDED, ChangeKind.COPIED, ChangeKind.RENAMED}:
            if basename(path).startswith("test_") or path.endswith("_test.py"):
                self._files.setdefault(path, f"{path} is new")
            self._run_all += self._of_new_module(path)

    def _readers(self, file: FileDiff) -> None:
        """Tests that read it, as data or by importing it; where one comes or goes, those that read what is beside."""
        paths = {file.path, file.old_path}
        folders = set() if file.kind is ChangeKind.MODIFIED else set(map(dirname, paths))
        for nodeid, test in self._map.tests.items():
            for opened in sorted(test.files):
                if opened in paths:
                    self._tests.setdefault(nodeid, f"it opened {opened}")
                elif opened.endswith(".py") and dirname(opened) in folders:
                    self._tests.setdefault(nodeid, f"it opened {opened}, beside {file.path}")

    def _of_new_module(self, path: str) -> Iterator[str]:
        """Why a module that was not there can reach tests that know nothing of it."""
        if self._is_imported(path):
            yield f"{path}: new, and something of its name is imported already"
            return
        executed = {_path(name) for test in self._map.tests.values() for name in test.functions} - self._modules
        for each in sorted(executed):
            is_beside = dirname(each) == dirname(path) and basename(each) != "__init__.py"
            if is_beside and not self._is_imported(each):
                yield f"{path}: new, and modules beside it are loaded by name ({each})"
                return

    def _changed(self, path: str, text: str | None) -> None:
        head = outline(text) if text is not None else None
        if head is None or path not in self._map.sources:
            reason = "not known to the test map" if head is not None else "its text cannot be read as Python"
            self._run_all.append(f"{path}: {reason}")
            return
        reasons = list(self._of_parts(path, head))
        if path not in self._modules or self._is_imported(path):
            self._run_all += reasons
        elif reasons:
            # Nobody else sees what is in it: what would reach all tests reaches its own.
            self._files.setdefault(path, reasons[0])
        known = self._map.sources[path].functions
        for name, function in known.items():
            now = head.functions.get(name)
            if now is None:
                self._executing(f"{path}::{name}", "was removed")
            elif (now.head, now.body) != (function.head, function.body):
                self._executing(f"{path}::{name}", "changed")
        for name in head.functions.keys() - known.keys():
            self._fresh(path, name, head)
        # One that is inherited never was in the file.
        removed = {f"{path}::{name}" for name in known.keys() - head.functions.keys()}
        self._gone |= {nodeid for nodeid in self._map.tests if _function(nodeid) in removed}

    def _of_parts(self, path: str, head: Outline) -> Iterator[str]:
        """Why what changed in a module that the map knows makes everything run."""
        known = self._map.sources[path]
        if known.at_import != head.at_import:
            yield f"{path}: what runs at import changed"
        for name, function in head.functions.items():
            before = known.functions.get(name)
            if before is None:
                yield from self._of_new_function(path, name, head)
            elif before.head != function.head:
                if before.early or before.decorated or function.decorated or not self._reaches_users(path, name):
                    yield f"{path}: the decorators or the signature of {name} changed"
            elif before.body != function.body and (before.early or _last(name) in {"__getattr__", "__dir__"}):
                yield f"{path}: {name} changed, which runs at import"
        for name, gone in known.functions.items():
            if name not in head.functions and (gone.early or self._imports_name(name, path)):
                yield f"{path}: {name} was removed, which {'runs at import' if gone.early else 'is imported'}"

    def _reaches_users(self, path: str, name: str) -> bool:
        """Choose the tests that run what names this function, whose signature changed; whether that is all of them."""
        scope, last = name.rpartition(".")[0], _last(name)
        if last.startswith("__") and last != "__init__":
            return False
        # A class is called by its own name, and by those of classes that inherit from it.
        names = {last} if last != "__init__" else {_last(scope)}
        if last == "__init__" and any(_last(scope) in source.bases for source in self._map.sources.values()):
            return False
        if any(names & source.names for source in self._map.sources.values()):
            return False
        users = {
            f"{other}::{user}"
            for other, source in self._map.sources.items()
            for user, function in source.functions.items()
            if function.names & (names | REFLECTIVE)
        }
        users.add(f"{path}::{name}")
        reached = [nodeid for nodeid, test in self._map.tests.items() if users & {*test.functions, _function(nodeid)}]
        for nodeid in reached:
            self._tests.setdefault(nodeid, f"it runs what names {path}::{name}, whose signature changed")
        return bool(reached)

    def _of_new_function(self, path: str, name: str, head: Outline) -> Iterator[str]:
        scope, last = name.rpartition(".")[0], _last(name)
        is_special = last.startswith("__") and last.endswith("__")
        if scope and scope not in head.classes:
            return  # inside of a function, which changed with it
        if head.functions[name].decorated:
            yield f"{path}: {name} is new, and its decorators run at import"
        elif scope:
            is_base = any(_last(scope) in source.bases for source in self._map.sources.values())
            if scope not in head.plain or is_special or is_base:
                yield f"{path}: {name} is new, and can take the place of what its class inherits"
        elif is_special or last.startswith("pytest_") or self._imports_name(last, path):
            yield f"{path}: {name} is new, and its name is used already"

    def _executing(self, function: str, verb: str) -> None:
        for nodeid, test in self._map.tests.items():
            if function in test.functions or function == _function(nodeid):
                self._tests.setdefault(nodeid, f"{function} {verb}")

    def _fresh(self, path: str, name: str, head: Outline) -> None:
        """A function that was not there: a test, or a method that can take the place of another one."""
        scope, last = name.rpartition(".")[0], _last(name)
        if last.startswith("test") and path in self._modules:
            self._tests.setdefault(f"{path}::{name.replace('.', '::')}", "it is new")
        if scope not in head.classes:
            return
        for nodeid, test in self._map.tests.items():
            if any(each.startswith(f"{path}::{scope}.") or _last(each) == last for each in test.functions):
                self._tests.setdefault(nodeid, f"{path}::{name} is new")

    def _unconditional(self) -> None:
        """Tests that no map excuses from any change of more than documentation."""
        tracked = frozenset((*self._since.paths, *(file.old_path for file in self._since.files)))
        is_counted = any(not _is_prose(file.path) for file in self._since.files)
        for nodeid, test in sorted(self._map.tests.items()):
            if test.outcome is not Outcome.PASSED:
                ended = "in error" if test.outcome is Outcome.ERROR else str(test.outcome)
                self._tests.setdefault(nodeid, f"it was {ended} when the map was made")
            elif is_counted and test.unseen:
                self._tests.setdefault(nodeid, test.unseen)
            elif untracked := sorted(test.files - tracked):
                self._tests.setdefault(nodeid, f"it opened {untracked[0]}, which git does not have")

    def _imports(self, path: str) -> Iterator[str]:
        for other, source in self._map.sources.items():
            if other != path:
                yield from source.imports

    def _is_imported(self, path: str) -> bool:
        return any(_module_stem(path) in name.split(".") for name in self._imports(path))

    def _imports_name(self, name: str, path: str) -> bool:
        """Whether another file imports this name, or whatever the module has."""
        for dotted in self._imports(path):
            module, _, last = dotted.rpartition(".")
            if last == name or (last == "*" and _last(module) in {_module_stem(path), ""}):
                return True
        return False


def _path(name: str) -> str:
    return name.partition("::")[0]


def _last(name: str) -> str:
    return name.rpartition("::")[2].rpartition(".")[2]


def _function(nodeid: str) -> str:
    """The test's own function, as "path::qualified name"."""
    path, _, name = nodeid.partition("[")[0].partition("::")
    return f"{path}::{name.replace('::', '.')}"


def _module_stem(path: str) -> str:
    stem = basename(path).removesuffix(".py")
    return basename(dirname(path)) if stem == "__init__" else stem


def _is_prose(path: str) -> bool:
    """Whether it is documentation, which counts only when a test has opened it."""
    path_kinds = kinds(path)
    return path.lower().endswith((".md", ".rst")) and PathKind.DOCS in path_kinds and PathKind.TEST not in path_kinds
