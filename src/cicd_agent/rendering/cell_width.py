"""Text measured as a terminal draws it: in cells, of which a wide character takes two and a combining one none."""

import unicodedata
from collections.abc import Iterator

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
    before, line = indent, ""
    for word in text.split():
        room = max(width - cells(before), 2)
        longer = f"{line} {word}" if line else word
        if cells(longer) <= room:
            line = longer
            continue
        if line:
            yield before + line
            before = indent + hanging
            room = max(width - cells(before), 2)
        line = word
        while cells(line) > room:
            part = head(line, room)
            yield before + part
            line, before = line[len(part) :], indent + hanging
            room = max(width - cells(before), 2)
    if line:
        yield before + line


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 1 + (unicodedata.east_asian_width(char) in "WF")
