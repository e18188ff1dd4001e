"""How the results of look-ups are laid out: numbered, and cut to a size with a note on what is missing."""

from collections.abc import Sequence

MOST_ROWS = 400
MOST_CHARACTERS = 10_000
"""Of one result. Stays below what the loop shows of one, so that the note at its end is seen."""
WIDEST = 400


def fitting(rows: Sequence[str]) -> list[str]:
    """As many rows as one result may have, long ones cut; at least one."""
    kept: list[str] = []
    room = MOST_CHARACTERS
    for row in rows[:MOST_ROWS]:
        cut = row if len(row) <= WIDEST else f"{row[:WIDEST]}… ({len(row) - WIDEST:,} more characters)"
        room -= len(cut) + 1
        if room < 0:
            break
        kept.append(cut)
    return kept


def numbered(lines: Sequence[str], gutter: Sequence[object]) -> list[str]:
    width = max((len(str(mark)) for mark in gutter), default=0)
    return [f"{mark!s:>{width}} | {line}" for mark, line in zip(gutter, lines, strict=True)]


def note(*parts: str) -> str:
    """A line of ours: in brackets, which no line of a file can begin with behind its gutter. "" without words."""
    said = "; ".join(filter(None, parts))
    return f"({said})" if said else ""


def result(*parts: str) -> str:
    return "\n".join(filter(None, parts))
