"""Under which name tests import a file: what lies between the root of the imports and the file."""

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*))", re.MULTILINE
)
_SOURCE_ROOTS = frozenset({"src", "lib", "python"})


def dotted(path: str, paths: Collection[str], texts: Iterable[str] = ()) -> str:
    """The dotted name of a Python file, "" when it has none that could be imported.

    `paths` are those of the tree. Where packages have no `__init__.py`, the imports in `texts` (of test modules) say
    where the names begin; else the top of the tree, or a directory that is known to hold sources.
    """
    place = PurePosixPath(path)
    parts = [*place.parent.parts, place.stem]
    if place.suffix != ".py" or not parts[-1].isidentifier():
        return ""
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts:
        return ""
    first = _package_root(place, paths)
    if first == len(place.parent.parts):  # it lies in no package with an __init__.py
        first = _imported_root(parts, texts, first)
    name = parts[first:]
    return ".".join(name) if name and all(part.isidentifier() for part in name) else ""


def imported(text: str) -> frozenset[str]:
    """The modules that a text imports, as it names them; told by its lines, so that no parser is needed."""
    found: set[str] = set()
    for match in _IMPORT.finditer(text):
        names = match[1] or match[2]
        found.update(name.strip() for name in names.split(","))
    return frozenset(found)


def _package_root(place: PurePosixPath, paths: Collection[str]) -> int:
    """How many directories lead to the topmost package around the file."""
    directories = place.parent.parts
    first = len(directories)
    while first and "/".join((*directories[:first], "__init__.py")) in paths:
        first -= 1
    return first


def _imported_root(parts: list[str], texts: Iterable[str], otherwise: int) -> int:
    named = frozenset[str]().union(*(imported(text) for text in texts))
    for first in range(len(parts)):
        if ".".join(parts[first:]) in named or (first < len(parts) - 1 and ".".join(parts[first:-1]) in named):
            return first
    if parts[0] in _SOURCE_ROOTS and len(parts) > 1:
        return 1
    return 0 if all(part.isidentifier() for part in parts) else otherwise
