"""Numbers and lengths in sentences."""

from collections.abc import Sequence


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def clip(text: str, most: int) -> str:
    """The text in at most so many characters, the last of them an ellipsis where something is missing."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def first_names(names: Sequence[str], limit: int = 5) -> str:
    """The first few, and how many more there are."""
    listed = ", ".join(names[:limit])
    return listed if len(names) <= limit else f"{listed} and {len(names) - limit} more"
