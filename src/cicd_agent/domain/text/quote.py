"""Where a quote stands in a diff: the proof that a claim is about code that is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.domain.repository.diff import FileDiff, LineKind, Side
from cicd_agent.domain.text.redaction import mask
from cicd_agent.domain.text.visible import visible

SHORTEST = 4
"""A part of a line counts as a quote from this many characters on; whole lines always do."""


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


class Quotes:
    """One side of one file's diff, read once so that many quotes can be looked up in it."""

    def __init__(self, file: FileDiff, side: Side) -> None:
        self._file = file
        self._hunks = tuple(tuple(_rows(file, index, side)) for index in range(len(file.hunks)))
        self._as_shown: tuple[tuple[_Row, ...], ...] | None = None

    def locate(self, quote: str, claimed: int) -> QuoteSpan | Miss:
        """The one place of `quote`, the one nearest to line `claimed` in that line's hunk, or why there is none.

        White space is folded on both sides and blank lines do not count. A quote of several lines begins and ends
        anywhere in its first and last line. The quote may be of the text as it is, or as `shown`.
        """
        expected = [line for line in (" ".join(line.split()) for line in quote.split("\n")) if line]
        if not expected:
            return Miss("it quotes no code")
        spans = list(_matches(self._hunks, expected))
        if not spans:
            if self._as_shown is None:
                self._as_shown = tuple(self._shown())
            spans = list(_matches(self._as_shown, expected))
        if len(spans) == 1:
            return spans[0]
        if not spans:
            return Miss("its quote is not in the diff on that side")
        hunk = self._hunk_of(claimed)
        near = [span for span in spans if span.hunk == hunk]
        if not near:
            return Miss(f"its quote stands at {len(spans)} places, none of them near line {claimed}", longer=True)
        return min(near, key=lambda span: (abs(span.last - claimed), span.last))

    def _shown(self) -> Iterator[tuple[_Row, ...]]:
        for hunk, rows in zip(self._file.hunks, self._hunks, strict=True):
            texts = shown_lines([line.text.rstrip("\r") for line in hunk.lines])
            yield tuple(replace(row, normal=" ".join(texts[row.at].split())) for row in rows)

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


def _matches(hunks: tuple[tuple[_Row, ...], ...], expected: list[str]) -> Iterator[QuoteSpan]:
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


def _is_quote(expected: list[str], run: list[_Row]) -> bool:
    if len(expected) == 1:
        whole = run[0].normal
        return expected[0] == whole or (len(expected[0]) >= SHORTEST and expected[0] in whole)
    return (
        run[0].normal.endswith(expected[0])
        and run[-1].normal.startswith(expected[-1])
        and all(row.normal == line for row, line in zip(run[1:-1], expected[1:-1], strict=True))
    )
