"""A look-up that a model may ask for: read-only, its argument model is its schema, its trouble is of two kinds."""

from collections.abc import Callable
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
    """One look-up. `run` returns the text for the model; any exception but the two above is a bug of ours.

    The description of `arguments`' fields are what the model reads of them.
    """

    name: str
    description: str
    arguments: type[A]
    run: Callable[[A], str]
