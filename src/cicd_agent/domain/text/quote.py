"""Where a quote stands in a diff: the proof that a claim is about code that is there."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cicd_agent.domain.repository.diff import FileDiff, LineKind, Side
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible

SHORTEST = 4
"""A part of a line counts as a quote from this many characters on; whole lines always do."""

MAX_ABRIDGED = 30
"""Lines from the first to the last of a quote that leaves some of them out."""

_MAX_PARTS = 6
_GUTTER = re.compile(r"\d{1,7} ?[-+=]? ?\|")
_ELLIPSIS = re.compile(r"(?:(?:#|//|--|/\*) ?)?(?:…|\.{3})")


@dataclass(frozen=True, slots=True)
class QuoteSpan:
    """Lines `first`..`last` on one side, in the hunk with that index; `text` is their content, verbatim."""

    first: int
    last: int
    hunk: int
    text: str


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a quote has no place. With `longer` a longer quote would settle it."""

    reason: str
    longer: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of one side: its place among those of its hunk, among all lines of the hunk, and in the file."""

    index: int
    at: int
    number: int
    raw: str
    normal: str


def shown(text: str) -> str:
    return visible(mask(text))


def shown_lines(lines: Sequence[str]) -> tuple[str, ...]:
    together = shown("\n".join(lines)).split("\n")
    return tuple(together if len(together) == len(lines) else map(shown, lines))


_Hunks = Sequence[Sequence[_Row]]


class Quotes:
    """One side of one file's diff, read once so that many quotes can be looked up in it."""

    def __init__(self, file: FileDiff, side: Side) -> None:
        self._file = file
        self._hunks: _Hunks = tuple(tuple(_rows(file, index, side)) for index in range(len(file.hunks)))

    def locate(self, quote: str, claimed: int) -> QuoteSpan | Miss:
        """The one place of `quote`, the one nearest to line `claimed` in that line's hunk, or why there is none.

        White space is folded on both sides and blank lines do not count. A quote of several lines begins and ends
        anywhere in its first and last line. The quote may be of the text as it is, or as `shown`. What is no such quote
        is read once more without what models add to a copy or leave out of it by habit: the gutter, blanks, and
        what an ellipsis stands for.
        """
        expected = _folded(quote)
        if not expected:
            return Miss("it quotes no code")
        spans = next(filter(None, map(list, self._readings(expected))), [])
        if len(spans) == 1:
            return spans[0]
        if not spans:
            return Miss("its quote is not in the diff on that side")
        hunk = self._hunk_of(claimed)
        near = [span for span in spans if span.hunk == hunk]
        if not near:
            return Miss(f"its quote occurs at {len(spans)} places, none near line {claimed}", longer=True)
        return min(near, key=lambda span: (abs(span.last - claimed), span.last))

    def _readings(self, expected: list[str]) -> Iterator[Iterable[QuoteSpan]]:
        """The places of a quote, read in one way after the other."""
        yield _matches(self._hunks, expected)
        yield _matches(self._shown, expected)
        bare = expected
        if all(map(_GUTTER.match, expected)):
            bare = _folded("\n".join(_GUTTER.sub("", line, count=1) for line in expected)) or expected
            yield _matches(self._hunks, bare)
        yield _matches(self._without_blanks, ["".join(line.split()) for line in bare])
        yield self._abridged("\n".join(bare))

    @cached_property
    def _shown(self) -> _Hunks:
        texts = (shown_lines([line.text.rstrip("\r") for line in hunk.lines]) for hunk in self._file.hunks)
        return tuple(
            tuple(replace(row, normal=" ".join(lines[row.at].split())) for row in rows)
            for rows, lines in zip(self._hunks, texts, strict=True)
        )

    @cached_property
    def _without_blanks(self) -> _Hunks:
        return tuple(tuple(replace(row, normal="".join(row.normal.split())) for row in rows) for rows in self._hunks)

    def _abridged(self, quote: str) -> Iterator[QuoteSpan]:
        """Where all parts of a quote stand in their order, within a few lines."""
        parts = [part for part in map(_folded, _ELLIPSIS.split(quote)) if len("".join(part)) >= SHORTEST]
        if not _ELLIPSIS.search(quote) or not 0 < len(parts) <= _MAX_PARTS:
            return
        first, *others = ([*_matches(self._hunks, part)] for part in parts)
        for start in first:
            end: QuoteSpan | None = start
            for spans in others:
                end = _next(spans, end) if end else None
            if end and end.last - start.first < MAX_ABRIDGED:
                rows = [row for row in self._hunks[start.hunk] if start.first <= row.number <= end.last]
                yield QuoteSpan(start.first, end.last, start.hunk, "\n".join(row.raw for row in rows))

    def _hunk_of(self, number: int) -> int | None:
        for index, rows in enumerate(self._hunks):
            if rows and rows[0].number <= number <= rows[-1].number:
                return index
        return None


def _rows(file: FileDiff, hunk: int, side: Side) -> Iterator[_Row]:
    index = 0
    for at, line in enumerate(file.hunks[hunk].lines):
        # Context lines count on the new side only: there GitHub lets comments stand on them.
        number = line.old if side is Side.LEFT else line.new
        if number is None or (side is Side.LEFT and line.kind is not LineKind.DELETED):
            continue
        yield _Row(index, at, number, line.text.rstrip("\r"), " ".join(line.text.split()))
        index += 1


def lines_with(rows: Sequence[str], quote: str) -> tuple[int, int] | None:
    """The first and last of the rows, counted from 1, that have the lines of a quote in them; None where none have.

    A row may have more than its line: a gutter of its own.
    """
    quoted = _folded(quote)
    if not quoted or max(map(len, quoted)) < SHORTEST:
        return None
    normal = [" ".join(row.split()) for row in rows]
    starts = range(len(rows) - len(quoted) + 1)
    at = next((at for at in starts if all(map(str.__contains__, normal[at : at + len(quoted)], quoted))), None)
    return None if at is None else (at + 1, at + len(quoted))


def _folded(quote: str) -> list[str]:
    """Its lines with white space folded, less the blank ones."""
    return [line for line in (" ".join(line.split()) for line in quote.split("\n")) if line]


def _next(spans: Sequence[QuoteSpan], before: QuoteSpan) -> QuoteSpan | None:
    """The first of the spans, which are in order, that begins in the hunk of another one and not before its end."""
    at = bisect_left(spans, (before.hunk, before.last), key=lambda span: (span.hunk, span.first))
    return spans[at] if at < len(spans) and spans[at].hunk == before.hunk else None


def _matches(hunks: _Hunks, expected: Sequence[str]) -> Iterator[QuoteSpan]:
    for index, hunk in enumerate(hunks):
        rows = [row for row in hunk if row.normal]
        for start in range(len(rows) - len(expected) + 1):
            run = rows[start : start + len(expected)]
            # Deleted lines of one hunk need not touch: lines that were kept may lie between them.
            touching = run[-1].index - run[0].index == run[-1].number - run[0].number
            if touching and _is_quote(expected, run):
                # All lines between, blank ones too: the place is a range of the file.
                text = "\n".join(row.raw for row in hunk[run[0].index : run[-1].index + 1])
                yield QuoteSpan(run[0].number, run[-1].number, index, text)


def _is_quote(expected: Sequence[str], run: Sequence[_Row]) -> bool:
    if len(expected) == 1:
        whole = run[0].normal
        return expected[0] == whole or (len(expected[0]) >= SHORTEST and expected[0] in whole)
    return (
        run[0].normal.endswith(expected[0])
        and run[-1].normal.startswith(expected[-1])
        and all(row.normal == line for row, line in zip(run[1:-1], expected[1:-1], strict=True))
    )
