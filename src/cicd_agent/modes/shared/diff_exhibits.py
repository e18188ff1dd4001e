"""Lays the diff out as evidence: in pieces that are shown whole or not at all, what matters most first."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine, LineKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.modes.shared.hunk_context import HunkContext
from cicd_agent.settings.schema import Settings

_PIECE = 12_000
"""Characters: a hunk that is longer is cut between lines, so that a part of it can be shown where all has no room."""


def pieces(change: Change, settings: Settings) -> Iterator[Exhibit]:
    """The hunks that may be shown: production code, then what is neither, tests and documents last; by directory."""
    files = sorted(showable(change, settings), key=lambda file: (-priority(file.path), file.path.rpartition("/")))
    for file in files:
        context = HunkContext(file.path, change.texts.get(file.path, ""))
        for hunk in file.hunks:
            rows = context.rows(hunk)
            for lines in _parts(hunk.lines):
                # A carriage return belongs to the line's end, which is not shown.
                texts = (*(text for _, text in rows), *(line.text.rstrip("\r") for line in lines))
                marks = (*(mark for mark, _ in rows), *map(gutter, lines))
                yield Exhibit("", file.path, "\n".join(texts), 1, priority(file.path), marks, whole=True)
                rows = ()


def gutter(line: DiffLine) -> str:
    """What stands before the bar of a line of the diff: its number, with + when it is new and - when it is gone."""
    return f"{line.new or line.old}{'' if line.kind is LineKind.CONTEXT else line.kind.value}"


def priority(path: str) -> int:
    """Production code before everything else, tests before documentation, and last what nobody writes by hand."""
    rows = kinds(path)
    if rows & {PathKind.GENERATED, PathKind.VENDORED, PathKind.LOCK_FILE}:
        return 1
    if PathKind.DOCS in rows:
        return 2
    if PathKind.TEST in rows:
        return 3
    return 5 if PathKind.SOURCE in rows else 4


def _parts(lines: Sequence[DiffLine]) -> Iterator[Sequence[DiffLine]]:
    """The lines of a hunk, cut between lines where it is too long."""
    first = size = 0
    for index, line in enumerate(lines):
        length = len(line.text) + 1
        if index > first and size + length > _PIECE:
            yield lines[first:index]
            first, size = index, 0
        size += length
    if lines:
        yield lines[first:]
