"""Text measured as a terminal draws it: in cells, of which a wide character takes two and a combining one none."""

import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Word = TypeVar("_Word")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


def cells(text: str) -> int:
    # Nearly all text is ASCII, and asking for each character's width costs.
    return len(text) if text.isascii() else sum(map(_width, text))


def head(text: str, room: int) -> str:
    """As much of the beginning as fits into `room` cells."""
    if text.isascii():
        return text[: max(room, 0)]
    used = 0
    for index, char in enumerate(text):
        used += _width(char)
        if used > room:
            return text[:index]
    return text


def clip(text: str, room: int) -> str:
    """The text in at most `room` cells, the last of them an ellipsis where something is missing."""
    return text if cells(text) <= room else f"{head(text, room - 1)}…"


def fold(text: str, width: int, indent: str = "", hanging: str = "") -> Iterator[str]:
    """One line as several of at most `width` cells, broken between words, or inside one that is too long.

    The first begins with `indent`, the others with `indent` and `hanging`. A line without words becomes none.
    """
    before, later = indent, indent + hanging
    for line in wrap(text.split(), width - cells(before), width - cells(later), measure=cells, divide=_divide):
        yield before + " ".join(line)
        before = later


def wrap(
    words: Iterable[_Word],
    first: int,
    others: int,
    *,
    measure: Callable[[_Word], int],
    divide: Callable[[_Word, int], tuple[_Word, _Word]],
) -> Iterator[tuple[_Word, ...]]:
    """Words in lines of at most `first` cells, then of `others`, but of two at least, with a cell between two words.

    `measure` gives a word's cells; `divide` makes two of one that is longer than a line, the first of which fits.
    """
    line: list[_Word] = []
    room, used = max(first, 2), 0
    queue = deque(words)
    while queue:
        word = queue.popleft()
        width = measure(word)
        if used + bool(line) + width <= room:
            used += bool(line) + width
            line.append(word)
        elif line:
            yield tuple(line)
            queue.appendleft(word)
            line, room, used = [], max(others, 2), 0
        else:
            queue.extendleft(reversed(divide(word, room)))
    if line:
        yield tuple(line)


def _divide(word: str, room: int) -> tuple[str, str]:
    part = head(word, room)
    return part, word[len(part) :]


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 1 + (unicodedata.east_asian_width(char) in "WF")
