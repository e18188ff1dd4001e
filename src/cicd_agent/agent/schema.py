"""pydantic → the strict JSON-schema dialect, the subset that every server with structured answers understands."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

# What the dialect cannot say is said to the model in words; pydantic holds the answer to it all the same.
_DESCRIBED = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "characters: at least {}",
    "maxLength": "characters: at most {}",
    "pattern": "matches {}",
    "minItems": "items: at least {}",
    "maxItems": "items: at most {}",
}
_DROPPED = {"title", "default", "examples", "discriminator", "$defs"}
_SCALARS = {"string", "integer", "number", "boolean", "null"}


class NotExpressible(TypeError):
    """A draft asks for something that the dialect does not have. Ours to fix, not the user's."""


def strict(draft: type[BaseModel]) -> dict[str, Any]:
    """The draft's schema: an object whose properties are all required, references written out; optional is nullable.

    Equal drafts give equal schemas, byte for byte once dumped: the schema is a part of the prefix that servers cache.
    """
    return cast("dict[str, Any]", json.loads(_written(draft)))


@lru_cache(maxsize=128)
def _written(draft: type[BaseModel]) -> str:
    """The schema as text, which each caller reads into a dict of its own: making it costs far more."""
    whole = draft.model_json_schema(by_alias=True, mode="validation")
    # Docstrings are written for us: a model reads the descriptions of fields, and pays for each word.
    whole.pop("description", None)
    for definition in (definitions := whole.get("$defs", {})).values():
        definition.pop("description", None)
    return json.dumps(_Dialect(definitions, draft.__name__).node(whole, draft.__name__, ()))


def schema_name(draft: type[BaseModel]) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", draft.__name__)[:64]


class _Dialect:
    """One translation. `at` is the path for messages, `inside` the definitions that are open (for recursion)."""

    def __init__(self, definitions: Mapping[str, Any], root: str) -> None:
        self._definitions = definitions
        self._root = root

    def node(self, source: Mapping[str, Any], at: str, inside: tuple[str, ...]) -> dict[str, Any]:
        if "$ref" in source:
            name = str(source["$ref"]).removeprefix("#/$defs/")
            if name in inside:
                raise NotExpressible(f"{at}: {name} contains itself; a strict schema is finite")
            beside = {key: value for key, value in source.items() if key not in {"$ref", "$defs"}}
            return self.node({**self._definitions[name], **beside}, at, (*inside, name))
        shape = self._shape(source, at, inside)
        understood = _DESCRIBED.keys() | _DROPPED | shape.keys() | {"description", "const", "oneOf"}
        if left := sorted(source.keys() - understood):
            raise NotExpressible(f"{at}: {', '.join(left)} cannot be said in the strict dialect")
        limits = "; ".join(text.format(source[key]) for key, text in _DESCRIBED.items() if key in source)
        description = [source.get("description", ""), f"({limits})" if limits else ""]
        return {"description": " ".join(filter(None, description)), **shape} if any(description) else shape

    def _shape(self, source: Mapping[str, Any], at: str, inside: tuple[str, ...]) -> dict[str, Any]:
        match source:
            case {"anyOf": choices} | {"oneOf": choices} if at != self._root:
                # Tagged unions arrive as oneOf; their tags already keep the choices apart.
                return {"anyOf": [self.node(choice, at, inside) for choice in choices]}
            case {"const": value, "type": str(kind)}:
                return {"type": kind, "enum": [value]}
            case {"enum": values, "type": str(kind)}:
                return {"type": kind, "enum": list(values)}
            case {"type": "object", "additionalProperties": True | dict()}:
                raise NotExpressible(f"{at}: an open mapping; use a list of objects with a name and a value")
            case {"type": "object"}:
                properties = {
                    name: self.node(value, f"{at}.{name}", inside)
                    for name, value in source.get("properties", {}).items()
                }
                closed = {"required": list(properties), "additionalProperties": False}
                return {"type": "object", "properties": properties, **closed}
            case {"type": "array", "items": dict(items)}:
                return {"type": "array", "items": self.node(items, f"{at}[]", inside)}
            case {"type": str(kind)} if kind in _SCALARS and at != self._root:
                return {"type": kind}
            case _:
                raise NotExpressible(f"{at}: no plain type (Any, a fixed tuple, a mixed Literal or a root model)")


S = TypeVar("S", bound=BaseModel)

_FENCED = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)
_MAX_PROBLEMS = 8
_MAX_PROBLEM = 200


class Misread(Exception):
    """The text is not of its shape; the message tells the model what is wrong with it."""


def read(text: str, shape: type[S]) -> S:
    """The value in a text. Raises Misread."""
    try:
        # Through JSON again, because strictness then means JSON's types: a list is a tuple, "5" is not a number.
        return shape.model_validate_json(json.dumps(_parse(text)), strict=True)
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_context=False, include_input=False)
        faults = [f"{'.'.join(map(str, each['loc'])) or 'the object'}: {each['msg']}" for each in problems]
        raise Misread("It does not match the schema. " + "; ".join(faults[:_MAX_PROBLEMS])) from None
    except (ValueError, RecursionError) as unreadable:
        why = clip(str(unreadable) or "nested too deeply", _MAX_PROBLEM)
        raise Misread(f"It is not one JSON object: {why}") from None


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
