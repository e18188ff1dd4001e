"""Which lines of a log are looked at closely: all of a usual log, of a huge one what may matter with its context."""

import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.template import line_key

MAX_LINES = 40_000
_MAX_CHARACTERS = 24_000_000
_FIRST, _LAST = 100, 2_000
MIN_RELEVANCE = 0.3
"""From this relevance on a line may matter."""


@dataclass(frozen=True, slots=True)
class _Quota:
    """How many lines of each kind are selected, each with so many lines before and after it."""

    each: int
    before: int
    after: int


_QUOTAS = (_Quota(20, 10, 25), _Quota(5, 5, 12), _Quota(1, 2, 5))


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines selected of `total`; between them some may be missing.

    `hashes` has the hash of each line of the log, `cut` counts the lines that were too long.
    """

    lines: list[Line]
    total: int
    hashes: "array[int]"
    cut: int


def select_lines(lines: Iterable[Line], relevance: Callable[[str], float]) -> Selection:
    """Read the lines once, and select those that may matter. `relevance` of a text is 0–1."""
    selected: list[Line] = []
    hashes = array("I")
    size = cut = 0
    known: dict[str, float] = {}
    for line in lines:
        hashes.append(line_hash(line.text))
        selected.append(line)
        size += len(line.text)
        cut += line.cut
        if len(selected) > MAX_LINES or size > _MAX_CHARACTERS:
            selected = _thin(selected, relevance, known)
            if len(known) > 2 * MAX_LINES:
                known.clear()
            size = sum(len(each.text) for each in selected)
    return Selection(selected, len(hashes), hashes, cut)


def line_hash(text: str) -> int:
    key = line_key(text)
    return zlib.crc32(key.encode("utf-8", "surrogatepass")) or 1 if key else 0


def _thin(lines: list[Line], relevance: Callable[[str], float], known: dict[str, float]) -> list[Line]:
    """At most half of the limits: thinning costs what was read since it was done last, so that all of it is linear."""
    sample = lines
    for quota in _QUOTAS:
        sample = _sample(lines, quota, relevance, known)
        if len(sample) <= MAX_LINES // 2 and sum(len(line.text) for line in sample) <= _MAX_CHARACTERS // 2:
            return sample
    return _head_and_tail(sample, _MAX_CHARACTERS // 2)


def _sample(
    lines: Sequence[Line], quota: _Quota, relevance: Callable[[str], float], known: dict[str, float]
) -> list[Line]:
    counts: Counter[str] = Counter()
    chosen = bytearray(len(lines))
    last = len(lines) - _LAST
    for index, line in enumerate(lines):
        key = line_key(line.text)
        if key not in known:
            known[key] = relevance(line.text)
        if known[key] < MIN_RELEVANCE:
            continue
        counts[key] += 1
        if counts[key] <= quota.each or index >= last:
            start, end = max(0, index - quota.before), min(len(lines), index + quota.after + 1)
            chosen[start:end] = b"\x01" * (end - start)
    return [line for index, line in enumerate(lines) if chosen[index] or index < _FIRST or index >= last]


def _head_and_tail(lines: Sequence[Line], characters: int) -> list[Line]:
    """The beginning and the end of what is still too much."""
    quarter = min(MAX_LINES // 4, len(lines) // 2)
    first = _fit(lines[:quarter], characters // 2)
    last = _fit(lines[: -quarter - 1 : -1], characters // 2)
    return [*first, *reversed(last)]


def _fit(lines: Sequence[Line], characters: int) -> list[Line]:
    size = 0
    for index, line in enumerate(lines):
        size += len(line.text)
        if size > characters:
            return list(lines[:index])
    return list(lines)
