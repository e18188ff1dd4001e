"""Drafts of many shapes, for the tests of this folder and of the model adapter."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cicd_agent.domain.verdict import Draft


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Spot(BaseModel):
    """Where something is."""

    path: str
    line: int = Field(ge=1)


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: float


class Empty(Draft):
    pass


class Note(Draft):
    """A short answer."""

    summary: str
    confidence: float = Field(ge=0, le=1, description="How sure you are.")


class Plain(Draft):
    text: str
    count: int
    share: float
    yes: bool
    colour: Colour
    word: Literal["a", "b"]


class Nested(Draft):
    spot: Spot
    spots: tuple[Spot, ...] = Field(max_length=3, description="All of them.")
    names: list[str]
    grid: list[list[int]]


class Optional(Draft):
    spot: Spot | None = None
    colour: Colour | None
    limit: int | None = Field(default=None, gt=0)
    defaulted: str = "x"


class Limited(Draft):
    short: Annotated[str, Field(min_length=1, max_length=5)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    share: Annotated[float, Field(gt=0, lt=1)]
    few: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)]


class Union(Draft):
    either: int | str
    shape: Annotated[Circle | Square, Field(discriminator="kind")]


DRAFTS: tuple[type[Draft], ...] = (Empty, Note, Plain, Nested, Optional, Limited, Union)
