"""What stands above a hunk and explains it: the definitions around it, and where it gets its local variables from."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from cicd_agent.domain.repository.diff import Hunk, LineKind

MAX_ROW = 160
"""Characters of one row."""
MAX_ROWS = 3
"""Rows of one hunk: the innermost definitions, and as many assignments."""
MAX_DISTANCE = 2_000
"""Lines above a hunk in which definitions are looked for."""
MAX_LOCAL_DISTANCE = 100
"""Lines above a hunk in which assignments are looked for."""

_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+def|def|class)[ \t]+[^\W\d]\w*")
_BLANK = re.compile(r"[ \t\f]*(?:#.*)?\r?")
_OUTSIDE = "="
"""Stands in the gutter of a line that is not in the diff."""
_WORD = re.compile(r"(?<![\w.])[^\W\d]\w*")
_USED = re.compile(r"(?<![\w.])[^\W\d]\w*\b(?!=[^=])")
"""A name, but for that of an attribute or of a keyword argument."""
_NAMES = r"(?P<names>[^\W\d]\w*(?:\s?,\s?[^\W\d]\w*){0,5})"
_ASSIGNMENT = re.compile(
    # `limit = 5`, `const limit: number = 5`, `int limit = 5;`, `a, err := f()`, `let mut limit = 5`, `(a, b) = f()`
    rf"\s*(?:[\w<>\[\].*&?]+\s+){{0,3}}?[(\[{{]?\s?{_NAMES}\s?[)\]}}]?\s?(?::(?!=)[^=]{{1,60}})?(?::=|=(?![=>~]))"
    # `for row in rows`, `for (const row of rows)`
    rf"|\s*for\s?\(?\s?(?:const|let|var)?\s?{_NAMES.replace('names', 'items')}\s(?:in|of)\s"
    # `with open(path) as file:`, `except OSError as error:`
    r"|\s*(?:with|async with|except)\s.{1,120}\sas\s(?P<bound>[^\W\d]\w*)"
)


class HunkContext:
    """The definitions and assignments above the hunks of one file. `text` is all of it after the change, "" if unknown.

    No parser is needed, so that a file that does not parse, or a very large one, has its context too: in Python a
    definition is a line that says so and is indented less than all code below it; an assignment counts where its block
    is still open at the hunk, by indentation. A string that looks like one can be taken for it. It is only shown.
    """

    def __init__(self, path: str, text: str) -> None:
        self._lines = text.split("\n") if text else []
        self._is_python = path.endswith((".py", ".pyi"))
        self._shown: set[tuple[str, str]] = set()

    def rows(self, hunk: Hunk) -> Sequence[tuple[str, str]]:
        """Gutter and text of the lines that explain the hunk; none that an earlier hunk has shown."""
        is_known = 0 < hunk.new_start <= len(self._lines)
        heading = [(_OUTSIDE, hunk.section.strip()[:MAX_ROW])] if hunk.section.strip() else []
        if is_known and self._is_python:
            heading = self._rows(self._definitions(hunk))
        rows = [*heading, *self._rows(self._locals(hunk) if is_known else ())]
        if self._is_python:
            rows.sort(key=lambda row: int(row[0].rstrip(_OUTSIDE) or 0))
        new = [row for row in dict.fromkeys(rows) if row not in self._shown]
        self._shown.update(rows)
        return new

    def _rows(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        return [(f"{number}{_OUTSIDE}", self._lines[number - 1].rstrip()[:MAX_ROW]) for number in numbers]

    def _definitions(self, hunk: Hunk) -> list[int]:
        at = self._changed_at(hunk)
        if at is None:
            return []
        depth = self._depth(at)
        found: list[int] = []
        for number in range(min(at, len(self._lines) + 1) - 1, max(at - MAX_DISTANCE, 0), -1):
            if depth == 0:
                break
            line = self._lines[number - 1]
            if (indent := _indent(line)) >= depth or _BLANK.fullmatch(line):
                continue
            depth = indent
            if number < hunk.new_start and _DEFINITION.match(line):
                found.append(number)
        return found[:MAX_ROWS][::-1]

    def _locals(self, hunk: Hunk) -> list[int]:
        """The nearest lines above the hunk that assign what its changed lines use and no line of it assigns."""
        at = self._changed_at(hunk)
        if at is None:
            return []
        sides = [line for line in hunk.lines if line.kind is not LineKind.DELETED]
        wanted = {name for line in hunk.lines if line.kind is LineKind.ADDED for name in _USED.findall(line.text[:400])}
        wanted -= {name for line in sides for name in _assigned(line.text)}
        depth, in_function = self._depth(at), self._is_python
        found: list[int] = []
        for number in range(hunk.new_start - 1, max(hunk.new_start - 1 - MAX_LOCAL_DISTANCE, 0), -1):
            if len(found) == MAX_ROWS or not wanted:
                break
            line = self._lines[number - 1]
            if _BLANK.fullmatch(line):
                continue
            indent = _indent(line)
            if indent > depth and not in_function:
                continue
            if wanted.intersection(names := set(_assigned(line))):
                found.append(number)
                wanted -= names
            if indent < depth:
                depth = indent
                in_function = in_function and not _DEFINITION.match(line)
        return found[::-1]

    def _changed_at(self, hunk: Hunk) -> int | None:
        """The number of the first changed line, of a deleted one that of the line after it; None without one."""
        before = [line.new for line in takewhile(lambda each: each.kind is LineKind.CONTEXT, hunk.lines) if line.new]
        changed = next((line for line in hunk.lines if line.kind is not LineKind.CONTEXT), None)
        if changed is None:
            return None
        return changed.new or (before[-1] + 1 if before else hunk.new_start)

    def _depth(self, at: int) -> int:
        """Indentation of the first line of code from `at` on; what stands at the end of a file is at no depth."""
        code = (line for line in self._lines[at - 1 : at + 50] if not _BLANK.fullmatch(line))
        return next(map(_indent, code), 0)


def _assigned(line: str) -> Iterator[str]:
    if match := _ASSIGNMENT.match(line[:400]):
        yield from _WORD.findall(match["names"] or match["items"] or match["bound"])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
