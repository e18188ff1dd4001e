"""Blocks of code that stand in three places or more of a change's files, and did not before."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.paths import PathKind

LINES = 8
"""Lines with code in a block."""
PLACES = 3
_DISTINCT, _LOGIC = 6, 5
"""Of the lines of a block, so many differ, and so many do something."""
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
_MAX_LISTED = 3


class Repeat(NamedTuple):
    """A block at a line with added code: how many lines it has, and where else it stands."""

    line: int
    length: int
    others: tuple[str, ...]


class _Place(NamedTuple):
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
    places = _places(codes)
    before = _counts(change, files)
    result: dict[str, list[Repeat]] = defaultdict(list)
    covered: set[_Place] = set()
    for path, code in codes.items():
        for index in range(len(code.lines) - LINES + 1):
            window, this = tuple(code.lines[index : index + LINES]), _Place(path, index)
            found = _apart(places[hash(window)])
            if len(found) < PLACES or this in covered or this not in found or not _is_logic(window):
                continue
            new = [place for place in found if _is_added(codes[place.path], added[place.path], place.at)]
            if new[-1:] != [this] or before.get(hash(window), 0) >= len(found):
                continue
            length = _length(codes, found)
            covered.update(_Place(path, index + step) for step in range(length))
            others = (place for place in found if place != this)
            where = tuple(f"{place.path}:{codes[place.path].numbers[place.at]}" for place in others)
            result[path].append(Repeat(code.numbers[index], length, where))
    return result


def _is_added(code: _Code, added: set[int | None], at: int) -> bool:
    return all(number in added for number in code.numbers[at : at + LINES])


def listed(others: tuple[str, ...]) -> str:
    more = f" and {len(others) - _MAX_LISTED} more" if len(others) > _MAX_LISTED else ""
    return ", ".join(f"`{other}`" for other in islice(others, _MAX_LISTED)) + more


def _is_code(change: Change, file: FileDiff) -> bool:
    return file.path.endswith(_SUFFIXES) and not file.is_bundle and not change.kinds_of(file) & _EXEMPT


def _code(text: str) -> _Code:
    numbers, lines = list[int](), list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) < 400 and not _SKIPPED.match(line.strip()):  # noqa: PLR2004  longer ones nobody writes
            numbers.append(number)
            lines.append(" ".join(line.split()))
    return _Code(numbers, lines)


def _windows(code: _Code) -> Iterator[int]:
    return (hash(tuple(code.lines[at : at + LINES])) for at in range(len(code.lines) - LINES + 1))


def _places(codes: Mapping[str, _Code]) -> dict[int, list[_Place]]:
    places: dict[int, list[_Place]] = defaultdict(list)
    for path, code in codes.items():
        for index, window in enumerate(_windows(code)):
            # More than these say nothing more, and a list that repeats a line has a million.
            if len(places[window]) < 10 * LINES:
                places[window].append(_Place(path, index))
    return places


def _apart(places: list[_Place]) -> list[_Place]:
    """Of overlapping places, the first."""
    apart: list[_Place] = []
    for place in places:
        if not apart or apart[-1].path != place.path or place.at >= apart[-1].at + LINES:
            apart.append(place)
    return apart


def _counts(change: Change, files: list[FileDiff]) -> dict[int, int]:
    old = {file.old_path: change.old_texts[file.old_path] for file in change.files if file.old_path in change.old_texts}
    codes = {path: _code(text) for path, text in old.items() if path.endswith(_SUFFIXES)}
    return {window: len(_apart(found)) for window, found in _places(codes).items()} if files else {}


def _is_logic(window: tuple[str, ...]) -> bool:
    does = sum(1 for line in window if not line.endswith((",", "(", "[")) and _DOES.match(line))
    # A row of assignments is a table of its own kind.
    branches = sum(1 for line in window if _BRANCHES.match(line))
    return len(set(window)) >= _DISTINCT and does >= _LOGIC and branches >= 2  # noqa: PLR2004


def _length(codes: Mapping[str, _Code], places: list[_Place]) -> int:
    """How many lines are the same in all places, from where they begin."""
    length = LINES
    while length < 500:  # noqa: PLR2004  nobody counts further
        lines = {
            code.lines[place.at + length] if place.at + length < len(code.lines) else f"end of {place}"
            for place in places
            for code in [codes[place.path]]
        }
        if len(lines) > 1:
            break
        length += 1
    return length
