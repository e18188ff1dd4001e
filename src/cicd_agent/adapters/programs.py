"""Finds the machine's own programs, never one of the repository that is worked on: a change may have put it there."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_SUFFIX = ".exe" if sys.platform == "win32" else ""


def search_path(path: str, trees: Sequence[Path] = ()) -> str:
    """A PATH without its empty and relative entries, and without those that lie in one of `trees` or lead there."""
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if _is_outside(folder, trees))


def find_program(name: str, path: str, trees: Sequence[Path] = ()) -> str | None:
    """The absolute name of the first such program on a PATH that `search_path` allows, itself no link into `trees`."""
    for folder in search_path(path, trees).split(os.pathsep):
        program = Path(folder, f"{name}{_SUFFIX}")
        if _is_outside(str(program), trees) and program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None


def _is_outside(path: str, trees: Sequence[Path]) -> bool:
    """By what the directories are and not by their names, which a file system may spell in several ways."""
    if not Path(path).is_absolute():
        return False
    ways = {folder for way in (Path(path), Path(path).resolve()) for folder in (way, *way.parents)}
    return not any(folder.exists() and folder.samefile(tree) for folder in ways for tree in trees)
