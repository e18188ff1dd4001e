"""Blocks of code that stand in three places or more of a change's files, and did not before."""

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.paths import PathKind

LINES = 8
"""Lines with code in a block."""
PLACES = 3
_DISTINCT, _LOGIC, _CONTROL = 6, 5, 2
"""Of the lines of a block, so many differ, so many do something, and so many of these say what comes next."""
_SUFFIXES = (".py", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".java", ".kt", ".go", ".rb", ".php", ".cs")
_EXEMPT = frozenset(
    {PathKind.TEST, PathKind.DOCS, PathKind.EXAMPLE, PathKind.GENERATED, PathKind.VENDORED, PathKind.MIGRATION}
)
_SKIPPED = re.compile(
    r"\W*\Z|(?:#|//|\*|/\*|import\b|from\s+\S+\s+import\b|using\b|package\b|use\b|require\b|@\w|export\s+\*|[\"']{3}|<)"
)
_DOES = re.compile(
    r"(?:return|if|for|while|try|with|raise|throw|await|elif|else|yield|switch|case|except|catch)\b.*[\w\"']"
    r"|[\w.\[\]\"']+\s*(?:[-+*/|&]|:)?=\s*\S|(?:var|let|const|final|val)\s.*=|[\w.]+\(.*\)[;{:]?\Z|[\w.]+\.\w+\("
)
_BRANCHES = re.compile(r"\W*(?:return|if|for|while|try|with|raise|throw|elif|else|switch|case|except|catch|yield)\b")
_MAX_LINES = 200_000
_MAX_TEXT = 500_000
"""Characters of a file; a longer one is made by a program."""
_MAX_LISTED = 3


class Repeat(NamedTuple):
    """A block at a line with added code: how many lines it has, and where else it stands."""

    line: int
    length: int
    others: tuple[str, ...]


class _Position(NamedTuple):
    path: str
    at: int
    """Of the first line among those with code."""


class _Code(NamedTuple):
    numbers: list[int]
    lines: list[str]


def repeats(change: Change) -> Mapping[str, list[Repeat]]:
    """The repeated blocks by the file in whose added lines the last of them stands."""
    files = [file for file in change.files if file.path in change.texts and _is_code(change, file)]
    added = {file.path: {line.new for line in file.added} for file in files}
    if sum(map(len, added.values())) < LINES or sum(file.added_count for file in files) > _MAX_LINES:
        return {}
    codes = {file.path: _code(change.texts[file.path]) for file in files}
    groups = [_apart(found) for found in _positions(codes).values() if len(found) >= PLACES]
    groups = [found for found in groups if len(found) >= PLACES and _is_logic(codes[found[0].path], found[0].at)]
    before = _counts(change) if groups else {}
    result: dict[str, list[Repeat]] = defaultdict(list)
    covered: set[_Position] = set()
    for found in groups:
        new = [place for place in found if _is_added(codes[place.path], added[place.path], place.at)]
        if not new or new[-1] in covered or before.get(_window(codes[new[-1].path], new[-1].at), 0) >= len(found):
            continue
        this, length = new[-1], _length(codes, found)
        covered.update(_Position(place.path, place.at + step) for place in found for step in range(length))
        others = (place for place in found if place != this)
        where = tuple(f"{place.path}:{codes[place.path].numbers[place.at]}" for place in others)
        result[this.path].append(Repeat(codes[this.path].numbers[this.at], length, where))
    return result


def _is_added(code: _Code, added: set[int | None], at: int) -> bool:
    return all(number in added for number in code.numbers[at : at + LINES])


def listed(others: tuple[str, ...]) -> str:
    more = f" and {len(others) - _MAX_LISTED} more" if len(others) > _MAX_LISTED else ""
    return ", ".join(f"`{other}`" for other in islice(others, _MAX_LISTED)) + more


def _is_code(change: Change, file: FileDiff) -> bool:
    is_written = file.path.endswith(_SUFFIXES) and not file.is_bundle and len(change.texts[file.path]) <= _MAX_TEXT
    return is_written and not change.kinds_of(file) & _EXEMPT


def _code(text: str) -> _Code:
    numbers, lines = list[int](), list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) < 400 and not _SKIPPED.match(line.strip()):  # noqa: PLR2004  longer ones nobody writes
            numbers.append(number)
            lines.append(" ".join(line.split()))
    return _Code(numbers, lines)


def _window(code: _Code, at: int) -> int:
    return hash(tuple(code.lines[at : at + LINES]))


def _positions(codes: Mapping[str, _Code]) -> dict[int, list[_Position]]:
    positions: dict[int, list[_Position]] = defaultdict(list)
    for path, code in codes.items():
        for at in range(len(code.lines) - LINES + 1):
            found = positions[_window(code, at)]
            # More than these say nothing more, and a list that repeats a line has a million.
            if len(found) < 10 * LINES:
                found.append(_Position(path, at))
    return positions


def _apart(positions: list[_Position]) -> list[_Position]:
    """Of overlapping places, the first."""
    apart: list[_Position] = []
    for place in positions:
        if not apart or apart[-1].path != place.path or place.at >= apart[-1].at + LINES:
            apart.append(place)
    return apart


def _counts(change: Change) -> dict[int, int]:
    """In how many places each block stood before the change."""
    old = {file.old_path: change.old_texts[file.old_path] for file in change.files if file.old_path in change.old_texts}
    codes = {path: _code(text) for path, text in old.items() if path.endswith(_SUFFIXES)}
    return {window: len(_apart(found)) for window, found in _positions(codes).items()}


def _is_logic(code: _Code, at: int) -> bool:
    window = code.lines[at : at + LINES]
    if len(set(window)) < _DISTINCT:
        return False
    does = sum(1 for line in window if not line.endswith((",", "(", "[")) and _DOES.match(line))
    # A row of assignments is a table of its own kind.
    return does >= _LOGIC and sum(1 for line in window if _BRANCHES.match(line)) >= _CONTROL


def _length(codes: Mapping[str, _Code], positions: list[_Position]) -> int:
    """How many lines are the same in all places, from where they begin."""
    length = LINES
    while length < 500:  # noqa: PLR2004  nobody counts further
        lines = {
            code.lines[place.at + length] if place.at + length < len(code.lines) else f"end of {place}"
            for place in positions
            for code in [codes[place.path]]
        }
        if len(lines) > 1:
            break
        length += 1
    return length
