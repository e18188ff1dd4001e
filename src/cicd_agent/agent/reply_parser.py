"""Reads what a model wrote as JSON into the shape that was asked for: nothing is repaired, what is wrong is named."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

S = TypeVar("S", bound=BaseModel)

_FENCED = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)
_MOST_PROBLEMS = 8
_LONGEST = 200


class Misread(Exception):
    """The text is not of its shape; the message tells the model what is wrong with it."""


def read(text: str, shape: type[S]) -> S:
    """The value in a text. Raises Misread."""
    try:
        # Through JSON again, because strictness then means JSON's types: a list is a tuple, "5" is not a number.
        return shape.model_validate_json(json.dumps(_parse(text)), strict=True)
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_context=False, include_input=False)
        words = [f"{'.'.join(map(str, each['loc'])) or 'the object'}: {each['msg']}" for each in problems]
        raise Misread("It does not match the schema. " + "; ".join(words[:_MOST_PROBLEMS])) from None
    except (ValueError, RecursionError) as unreadable:
        raise Misread(f"It is not one JSON object: {clip(str(unreadable) or 'nested too deeply', _LONGEST)}") from None


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _parse(text: str) -> object:
    """JSON as RFC 8259 has it, in at most one Markdown fence; a ValueError for NaN, infinities and repeated names."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(names := dict(pairs)) < len(pairs):
            raise ValueError("a name is repeated in an object")
        return names

    def finite(number: str) -> float:
        if (value := float(number)) - value != 0:
            raise ValueError(f"{number} is not a finite number")
        return value

    bare = text.strip()
    if fenced := _FENCED.fullmatch(bare):
        bare = fenced[1]
    return json.loads(bare, object_pairs_hook=once, parse_float=finite, parse_constant=finite)
