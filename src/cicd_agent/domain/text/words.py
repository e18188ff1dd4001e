"""Numbers and lengths in sentences."""

from collections.abc import Iterable, Sequence
from itertools import groupby


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def two_decimals(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def clip(text: str, most: int) -> str:
    """The text in at most so many characters, the last of them an ellipsis where something is missing."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def first_names(names: Sequence[str], limit: int = 5) -> str:
    """The first few, and how many more there are."""
    listed = ", ".join(names[:limit])
    return listed if len(names) <= limit else f"{listed} and {len(names) - limit} more"


def line_ranges(lines: Iterable[int]) -> list[str]:
    """Ascending line numbers, those without a gap between them as one: 12-14, 20."""
    runs = ([line for _, line in run] for _, run in groupby(enumerate(lines), key=lambda item: item[1] - item[0]))
    return [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
