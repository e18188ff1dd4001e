"""Finds the test module in which the tests of a file live, or where a person would begin one."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from types import MappingProxyType

from cicd_agent.domain.trials.test_run import FileCoverage

_TESTS = frozenset({"test", "tests", "testing"})
_ROOTS = frozenset({"src", "lib", "python"})
_KINDS = frozenset({"unit", "unittests", "unit_tests"})
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*))", re.MULTILINE
)


MAX_HOMES = 12
"""Test modules that are read for those of one file."""


def home(
    path: str,
    suite_coverage: Sequence[FileCoverage],
    modules: Collection[str],
    texts: Mapping[str, str] = MappingProxyType({}),
    names: Sequence[str] = (),
) -> str:
    """The test module (one of `modules`, or a new one) for tests of `path`, of the functions and classes `names` in it.

    Of those whose tests execute it the one whose text, if `texts` has it, names them most often. Where none does, the
    one that is called after the file, else the one most of whose tests execute it; else one that is called after it;
    else a new one.
    """
    executing, named = _executing(path, suite_coverage, modules), _named(path, modules)
    mentions = {
        module: sum(_mentions(texts[module], name) for name in names) for module in executing if module in texts
    }
    if any(mentions.values()):
        return min(mentions, key=lambda one: (-mentions[one], one not in named, -executing[one], _far(one, path)))
    for module in named:
        if module in executing:
            return module
    if executing:
        return min(executing, key=lambda module: (-executing[module], _far(module, path)))
    return named[0] if named else new_home(path, modules)


def possible_homes(path: str, suite_coverage: Sequence[FileCoverage], modules: Collection[str]) -> frozenset[str]:
    """The test modules whose texts `home` should know."""
    most = (module for module, _ in _executing(path, suite_coverage, modules).most_common(MAX_HOMES))
    return frozenset({*most, *_named(path, modules)[:MAX_HOMES], home(path, suite_coverage, modules)})


def _executing(path: str, suite_coverage: Sequence[FileCoverage], modules: Collection[str]) -> Counter[str]:
    """How many of the tests that execute the file each module has."""
    known = {module for module in modules if _may_hold_tests(module)}
    tests = (test for file in suite_coverage if file.path == path for test in file.tests)
    return Counter(module for test in tests if (module := test.split("::")[0]) in known)


def _named(path: str, modules: Collection[str]) -> list[str]:
    """The modules that are called after the file, the nearest first."""
    named = (module for module in modules if _may_hold_tests(module) and _is_named_after(module, path))
    return sorted(named, key=lambda one: _far(one, path))


@lru_cache(maxsize=4096)
def _mentions(text: str, name: str) -> int:
    return len(re.findall(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text))


def new_home(path: str, modules: Collection[str]) -> str:
    """A module that does not exist, where the tree would have its tests of `path`: no two are called alike."""
    known = sorted(module for module in modules if _may_hold_tests(module))
    suffixed = [PurePosixPath(module).name for module in known if module.endswith("_test.py")]
    suffix = sum(not name.startswith("test_") for name in suffixed) * 2 > len(known)
    taken = {PurePosixPath(module).name for module in modules}
    names = (f"{stem}_test.py" if suffix else f"test_{stem}.py" for stem in _stems(path))
    return (_folder(path, known) / next(name for name in names if name not in taken)).as_posix()


def _may_hold_tests(module: str) -> bool:
    parts = PurePosixPath(module).parts
    return module.endswith(".py") and parts[-1] != "conftest.py" and ".." not in parts and not module.startswith("/")


def _subject(path: str) -> str:
    """What a module is called, for a person: an `__init__` is called like its package."""
    location = PurePosixPath(path)
    stem = location.stem
    if stem in {"__init__", "__main__"} and location.parent.name:
        stem = location.parent.name if stem == "__init__" else f"{location.parent.name}_main"
    return stem.strip("_") or "module"


def _dirs(path: str) -> list[str]:
    return [part for part in PurePosixPath(path).parts[:-1] if part not in _TESTS | _ROOTS | _KINDS]


def _is_named_after(module: str, path: str) -> bool:
    """Whether a test module is called after the file, and lies where that is no accident."""
    name = PurePosixPath(module).stem
    bare = re.sub(r"^tests?_+|_+tests?$", "", name).strip("_")
    if bare == name:
        return False
    dirs, subject = _dirs(path), _subject(path)
    called = {subject} | {"_".join([*dirs[number:], subject]) for number in range(len(dirs))}
    return bare in called and set(_dirs(module)) <= set(dirs)


def _far(module: str, path: str) -> tuple[int, int, str]:
    common = len(set(_dirs(module)) & set(_dirs(path)))
    return -common, len(PurePosixPath(module).parts), module


def _folder(path: str, known: Sequence[str]) -> PurePosixPath:
    """The directory for a new test module."""
    own = PurePosixPath(path).parent
    folders = Counter(PurePosixPath(module).parent for module in known)
    if own in folders:
        return own
    if not folders:
        parts = own.parts
        top = parts[: parts.index("src")] if "src" in parts else ()
        return PurePosixPath(*top, "tests")
    roots = Counter[PurePosixPath]()
    for folder, count in folders.items():
        at = next((number for number, part in enumerate(folder.parts) if part in _TESTS), None)
        roots[folder if at is None else PurePosixPath(*folder.parts[: at + 1])] += count

    def nearness(root: PurePosixPath) -> tuple[int, int, str]:
        above = root.parent.parts
        shared = len(above) if own.parts[: len(above)] == above else -1
        return -shared, -roots[root], root.as_posix()

    root = min(roots, key=nearness)
    # Where folders mirror those of the sources, the deepest that does.
    requested = set(_dirs(path)) | _KINDS
    mirrored = [each for each in folders if each.is_relative_to(root) and {*each.relative_to(root).parts} <= requested]
    return max(mirrored, key=lambda each: (len(each.parts), folders[each], each.as_posix()), default=root)


def _stems(path: str) -> Iterator[str]:
    """Without end."""
    *dirs, subject = (re.sub(r"\W", "_", part, flags=re.ASCII) for part in (*_dirs(path), _subject(path)))
    for number in range(len(dirs), -1, -1):
        yield "_".join([*dirs[number:], subject])
    yield from (f"{subject}_{number}" for number in itertools.count(2))


def dotted(path: str, paths: Collection[str], texts: Iterable[str] = ()) -> str:
    """The dotted name of a Python file, "" when it has none that could be imported.

    `paths` are those of the tree. Where packages have no `__init__.py`, the imports in `texts` (of test modules) say
    where the names begin; else the top of the tree, or a directory that is known to hold sources.
    """
    location = PurePosixPath(path)
    parts = [*location.parent.parts, location.stem]
    if location.suffix != ".py" or not parts[-1].isidentifier():
        return ""
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts:
        return ""
    first = _package_root(location, paths)
    if first == len(location.parent.parts):  # it lies in no package with an __init__.py
        first = _imported_root(parts, texts, first)
    name = parts[first:]
    return ".".join(name) if name and all(part.isidentifier() for part in name) else ""


def imported(text: str) -> frozenset[str]:
    """The modules that a text imports, as it names them; told by its lines, so that no parser is needed."""
    names = (match[1] or match[2] for match in _IMPORT.finditer(text))
    return frozenset(name.strip() for each in names for name in each.split(","))


def package(path: str, paths: Collection[str]) -> str:
    """The folder of the topmost package around a file; that of the file where it lies in none."""
    location = PurePosixPath(path)
    return "/".join(location.parent.parts[: _package_root(location, paths) + 1])


def _package_root(location: PurePosixPath, paths: Collection[str]) -> int:
    """How many directories lead to the topmost package around the file."""
    directories = location.parent.parts
    first = len(directories)
    while first and "/".join((*directories[:first], "__init__.py")) in paths:
        first -= 1
    return first


def _imported_root(parts: list[str], texts: Iterable[str], otherwise: int) -> int:
    named = frozenset[str]().union(*(imported(text) for text in texts))
    for first in range(len(parts)):
        if ".".join(parts[first:]) in named or (first < len(parts) - 1 and ".".join(parts[first:-1]) in named):
            return first
    if parts[0] in _ROOTS and len(parts) > 1:
        return 1
    return 0 if all(part.isidentifier() for part in parts) else otherwise
