"""Which definitions a hunk stands in that it does not show: read off the file's indentation, else off git's heading."""

import re
from collections.abc import Sequence
from itertools import takewhile

from cicd_agent.domain.diff import Hunk, LineKind

MAX_ROW = 160
"""Characters of one row."""
MAX_ROWS = 3
"""Rows of one hunk: the innermost definitions."""

MAX_DISTANCE = 2_000
"""Lines above a hunk that are looked at."""

_PYTHON = (".py", ".pyi")
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
        self._lines = text.split("\n") if path.endswith(_PYTHON) else []
        self._shown: set[tuple[str, str]] = set()

    def rows(self, hunk: Hunk) -> Sequence[tuple[str, str]]:
        """Gutter and text of the lines that say where the hunk is; none that an earlier hunk has shown."""
        found = self._python(hunk) if self._lines else self._heading(hunk)
        new = [row for row in found if row not in self._shown]
        self._shown.update(found)
        return new

    def _heading(self, hunk: Hunk) -> list[tuple[str, str]]:
        said = hunk.section.strip()
        return [(_OUTSIDE, said[:MAX_ROW])] if said else []

    def _python(self, hunk: Hunk) -> list[tuple[str, str]]:
        before = [line.new for line in takewhile(lambda each: each.kind is LineKind.CONTEXT, hunk.lines) if line.new]
        changed = next((line for line in hunk.lines if line.kind is not LineKind.CONTEXT), None)
        if changed is None or not 0 < hunk.new_start <= len(self._lines):
            return []
        at = changed.new or (before[-1] + 1 if before else hunk.new_start)
        depth = self._depth(at)
        found: list[tuple[str, str]] = []
        for number in range(min(at, len(self._lines) + 1) - 1, max(at - MAX_DISTANCE, 0), -1):
            if depth == 0:
                break
            line = self._lines[number - 1]
            if _BLANK.fullmatch(line) or (indent := _indent(line)) >= depth:
                continue
            depth = indent
            if number < hunk.new_start and _DEFINITION.match(line):
                found.append((f"{number}{_OUTSIDE}", line.rstrip()[:MAX_ROW]))
        return found[:MAX_ROWS][::-1]

    def _depth(self, at: int) -> int:
        """Indentation of the first line of code from `at` on; what stands at the end of a file is at no depth."""
        code = (line for line in self._lines[at - 1 : at + 50] if not _BLANK.fullmatch(line))
        return next(map(_indent, code), 0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
