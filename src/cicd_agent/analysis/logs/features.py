"""What a line looks like on its own: how much like trouble, and whether it goes on about the line above it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.analysis.logs.reader import SEEN, Line
from cicd_agent.analysis.logs.vocabulary import (
    COMPARES,
    CROSS,
    ECHO,
    ENDS,
    EXITS,
    FRAME,
    HARMLESS,
    LOUD,
    MARKS,
    NAMED,
    PLACES,
    WORDS,
)

_LONGEST_SCRIPT = 300
"""Lines of a step's script that the runner shows before it runs."""

_LAST_WORDS = 0.4
_OF_STACK = 0.3


@dataclass(frozen=True, slots=True)
class Sign:
    """What a line looks like: `trouble` 0–1 by its words, and whether it continues something above it."""

    trouble: float = 0.0
    frame: bool = False
    compares: bool = False
    exits: bool = False
    """Whether it says that a command has failed, but not why."""


def sign(text: str) -> Sign:
    """What this line looks like. The numbers are fitted to logs in which people have marked the cause."""
    text = text[:SEEN]
    if not text.strip():
        return Sign()
    exits, frame = EXITS.search(text) is not None, FRAME.search(text) is not None
    trouble = _trouble(text)
    if frame:
        trouble = min(trouble, _OF_STACK)
    if exits or ENDS.search(text):
        trouble = min(trouble, _LAST_WORDS)
    return Sign(min(trouble, 1.0), frame=frame, compares=COMPARES.search(text) is not None, exits=exits)


def _trouble(text: str) -> float:
    words = len({word.lower() for word in WORDS.findall(text)})
    trouble = 0.3 + 0.08 * min(words, 4) if words else 0.0
    for pattern, at_least, more in (
        (LOUD, 0.55, 0.15),
        (NAMED, 0.55, 0.1),
        (MARKS, 0.0, 0.2),
        (CROSS, 0.5, 0.15),
        (PLACES, 0.0, 0.15),
    ):
        if pattern.search(text):
            trouble = max(trouble, at_least) + more
    return trouble * 0.35 if trouble and HARMLESS.search(text) else trouble


def echoes(lines: Sequence[Line]) -> list[bool]:
    """Of each line whether it shows a command before it runs: the head of a step on GitHub, or what a shell echoes."""
    found, until = [], -1
    for index, line in enumerate(lines):
        text = line.text
        if text.startswith("##[group]Run "):
            until = _head_end(lines, index)
        found.append(index <= until or ECHO.match(text) is not None)
    return found


def _head_end(lines: Sequence[Line], first: int) -> int:
    """The last line of the head of a step that begins here.

    A program may print a group of that name as well, with whatever it has to say in it: the runner's own one is closed
    soon, and tells the shell or the inputs before that.
    """
    told = False
    for index in range(first + 1, min(first + _LONGEST_SCRIPT, len(lines))):
        text = lines[index].text
        if text.startswith("##[endgroup]"):
            return index if told or index == first + 1 else first
        told = told or text.startswith(("shell: ", "with:", "env:"))
    return first


def indent(text: str) -> int:
    """The blanks at its beginning."""
    return len(text) - len(text.lstrip())
