"""What makes every test run: changes whose reach no map of executed functions can tell, each with its reason."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import Final

from cicd_agent.analysis.test_selection.outline import Outline
from cicd_agent.analysis.test_selection.test_map import TestMap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count

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
