"""Lays the diff out as evidence: in pieces that are shown whole or not at all, what matters most first."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import DiffLine, Hunk, LineKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.modes.shared.change_reader import showable
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


MAX_ROW = 160
"""Characters of one row."""
MAX_ROWS = 3
"""Rows of one hunk: the innermost definitions."""
MAX_DISTANCE = 2_000
"""Lines above a hunk that are looked at."""

_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+def|def|class)[ \t]+[^\W\d]\w*")
_BLANK = re.compile(r"[ \t\f]*(?:#.*)?\r?")
_OUTSIDE = "="
"""Stands in the gutter of a line that is not in the diff."""


class HunkContext:
    """The definitions around the hunks of one file. `text` is all of it after the change, "" where it is not known.

    In Python a definition is a line that says so and is indented less than all code below it: no parser is needed, so
    that a file that does not parse, or a very large one, has its context too. A string that looks like a definition can
    be taken for one. It is only shown, and cannot be quoted.
    """

    def __init__(self, path: str, text: str) -> None:
        self._lines = text.split("\n") if path.endswith((".py", ".pyi")) else []
        self._shown: set[tuple[str, str]] = set()

    def rows(self, hunk: Hunk) -> Sequence[tuple[str, str]]:
        """Gutter and text of the lines that say where the hunk is; none that an earlier hunk has shown."""
        heading = [(_OUTSIDE, hunk.section.strip()[:MAX_ROW])] if hunk.section.strip() else []
        rows = self._python(hunk) if self._lines else heading
        new = [row for row in rows if row not in self._shown]
        self._shown.update(rows)
        return new

    def _python(self, hunk: Hunk) -> list[tuple[str, str]]:
        before = [line.new for line in takewhile(lambda each: each.kind is LineKind.CONTEXT, hunk.lines) if line.new]
        changed = next((line for line in hunk.lines if line.kind is not LineKind.CONTEXT), None)
        if changed is None or not 0 < hunk.new_start <= len(self._lines):
            return []
        at = changed.new or (before[-1] + 1 if before else hunk.new_start)
        depth = self._depth(at)
        rows: list[tuple[str, str]] = []
        for number in range(min(at, len(self._lines) + 1) - 1, max(at - MAX_DISTANCE, 0), -1):
            if depth == 0:
                break
            line = self._lines[number - 1]
            if (indent := _indent(line)) >= depth or _BLANK.fullmatch(line):
                continue
            depth = indent
            if number < hunk.new_start and _DEFINITION.match(line):
                rows.append((f"{number}{_OUTSIDE}", line.rstrip()[:MAX_ROW]))
        return rows[:MAX_ROWS][::-1]

    def _depth(self, at: int) -> int:
        """Indentation of the first line of code from `at` on; what stands at the end of a file is at no depth."""
        code = (line for line in self._lines[at - 1 : at + 50] if not _BLANK.fullmatch(line))
        return next(map(_indent, code), 0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
