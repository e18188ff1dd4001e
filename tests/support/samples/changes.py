"""Changes from texts before and after, diffed by the standard library."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher

from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind

CONTEXT = 3
BINARY = "\0"
"""The text that stands for the content of a binary file."""


def change_of(*files: tuple[str, str | None, str | None], paths: Iterable[str] = ()) -> Change:
    """The change of (path, before, after); None is a file that does not exist on that side."""
    present = {path for path, _, after in files if after is not None}
    return Change(
        base="b" * 40,
        head="h" * 40,
        source=ChangeSource.GIT,
        files=tuple(file_diff(*file) for file in files),
        texts={path: after for path, _, after in files if after is not None and after != BINARY},
        old_texts={path: before for path, before, _ in files if before is not None and before != BINARY},
        paths=tuple(sorted(present.union(paths))),
    )


def file_diff(path: str, before: str | None, after: str | None) -> FileDiff:
    """One file's diff, with three lines of context."""
    kind = ChangeKind.ADDED if before is None else ChangeKind.DELETED if after is None else ChangeKind.MODIFIED
    modes = ("" if before is None else "100644", "" if after is None else "100644")
    if BINARY in (before, after):
        return FileDiff(path, path, kind, (), *modes, binary=True, omitted="binary")
    return FileDiff(path, path, kind, tuple(_hunks(_lines(before), _lines(after))), *modes)


def as_link(file: FileDiff) -> FileDiff:
    """The same file as a symbolic link, its text being the target."""
    return replace(file, old_mode=file.old_mode and "120000", new_mode=file.new_mode and "120000")


def _lines(text: str | None) -> list[str]:
    lines = (text or "").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _hunks(old: list[str], new: list[str]) -> Iterable[Hunk]:
    # The matcher is quadratic: what is long is replaced as a whole.
    small = len(old) * len(new) < 4_000_000
    matcher = SequenceMatcher(None, old if small else old[:1], new if small else new[:1], autojunk=False)
    groups = matcher.get_grouped_opcodes(CONTEXT) if small else [[("replace", 0, len(old), 0, len(new))]]
    for group in groups:
        lines: list[DiffLine] = []
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                lines.extend(
                    DiffLine(LineKind.CONTEXT, first + step + 1, new_first + step + 1, old[first + step])
                    for step in range(last - first)
                )
                continue
            lines.extend(DiffLine(LineKind.DELETED, index + 1, None, old[index]) for index in range(first, last))
            lines.extend(DiffLine(LineKind.ADDED, None, index + 1, new[index]) for index in range(new_first, new_last))
        start, new_start = group[0][1], group[0][3]
        counts = group[-1][2] - start, group[-1][4] - new_start
        yield Hunk(start + bool(counts[0]), counts[0], new_start + bool(counts[1]), counts[1], "", tuple(lines))
