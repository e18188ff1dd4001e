"""A look-up that a model may ask for: read-only, its argument model is its schema, its trouble is of two kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

A = TypeVar("A", bound=BaseModel)


class TryAgain(Exception):
    """The call makes no sense as it is; the message tells the model what would. Counts as a correction."""


class NoSuchThing(Exception):
    """This is how it is (no such file, nothing found, not allowed): the model has to adapt. Costs nothing."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """One look-up; `run` returns the text for the model, and raises nothing but the two exceptions above."""

    name: str
    description: str
    arguments: type[A]
    run: Callable[[A], str]


MAX_ROWS = 400
MAX_CHARACTERS = 10_000
"""Of one result. Stays below what the loop shows of one, so that the note at its end is seen."""
MAX_WIDTH = 400


def fitting(rows: Sequence[str]) -> list[str]:
    """As many rows as one result may have, long ones cut; at least one."""
    fitted: list[str] = []
    available = MAX_CHARACTERS
    for row in rows[:MAX_ROWS]:
        cut = row if len(row) <= MAX_WIDTH else f"{row[:MAX_WIDTH]}… ({len(row) - MAX_WIDTH:,} more characters)"
        available -= len(cut) + 1
        if available < 0:
            break
        fitted.append(cut)
    return fitted


def numbered(lines: Sequence[str], gutter: Sequence[object]) -> list[str]:
    width = max((len(str(mark)) for mark in gutter), default=0)
    return [f"{mark!s:>{width}} | {line}" for mark, line in zip(gutter, lines, strict=True)]


def note(*parts: str) -> str:
    """A line of ours: in brackets, which no line of a file can begin with behind its gutter. "" without words."""
    text = "; ".join(filter(None, parts))
    return f"({text})" if text else ""


def result(*parts: str) -> str:
    return "\n".join(filter(None, parts))
