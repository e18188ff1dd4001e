"""Finds the machine's own programs, never one of the repository that is worked on: a change may have put it there."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_SUFFIX = ".exe" if sys.platform == "win32" else ""


def search_path(path: str, trees: Sequence[Path] = ()) -> str:
    """A PATH without its empty and relative entries, and without those that lie in one of `trees` or lead there."""
    forbidden = set(_identities(map(str, trees)))
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if _is_outside(folder, forbidden))


def find_program(name: str, path: str, trees: Sequence[Path] = ()) -> str | None:
    """The absolute name of the first such program on a PATH that `search_path` allows, itself no link into `trees`."""
    forbidden = set(_identities(map(str, trees)))
    for folder in path.split(os.pathsep):
        program = str(Path(folder, f"{name}{_SUFFIX}"))
        # That the folder is allowed follows: its links are those of the program's own name, too.
        if os.access(program, os.X_OK) and Path(program).is_file() and _is_outside(program, forbidden):
            return program
    return None


def _is_outside(path: str, forbidden: set[tuple[int, int]]) -> bool:
    """By what the directories are and not by their names, which a file system may spell in several ways."""
    if not Path(path).is_absolute():
        return False
    ways = {path, os.path.realpath(path)}
    folders = {str(folder) for way in ways for folder in (way, *Path(way).parents)}
    return forbidden.isdisjoint(_identities(folders))


def _identities(paths: Iterable[str]) -> Iterator[tuple[int, int]]:
    for path in paths:
        with suppress(OSError, ValueError):
            status = os.stat(path)  # noqa: PTH116  many, at every start
            yield status.st_dev, status.st_ino
