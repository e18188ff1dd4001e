"""What a request to this server may look like: learnt from its errors, never from a model's name."""

from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from cicd_agent.adapters.models_faults import Fault
from cicd_agent.agent.turns import Request


class Format(StrEnum):
    """How the answer's form is asked for, from the best to what every server can do."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


_ABOUT_FORMAT = ("response_format", "text.format", "json_object", "json mode", "schema", "grammar")
_ABOUT_LENGTH = ("context length", "context_length", "context window", "too many tokens")
_OPTIONAL = {"include": "encrypted content", "prompt_cache_key": "prompt_cache_key"}
"""Parameters that a request can do without, and how else a server may speak of them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Begins with all that we would like; each step loses one thing, so that learning ends.

    `cap` is the parameter that limits the output, "" for none; `without` names optional parameters to leave out.
    """

    cap: str
    format: Format = Format.JSON_SCHEMA
    without: frozenset[str] = frozenset()

    def after(self, fault: Fault) -> "Shape | None":
        """The shape to try next when the server refused this one; None when the fault is not about the shape."""
        if fault.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            return None
        said = f"{fault.param} {fault.code} {fault.message}".lower().strip()
        return self._without_cap(said) or self._without_option(fault.param, said) or self._lower(said)

    def _without_cap(self, said: str) -> "Shape | None":
        newer = "max_completion_tokens"
        if self.cap and self.cap in said and self.cap != newer and newer in said and "too large" not in said:
            return replace(self, cap=newer)
        if self.cap and (self.cap in said or any(sign in said for sign in _ABOUT_LENGTH)):
            # Most servers count the cap against the window: without it the answer takes the room there is.
            return replace(self, cap="")
        return None

    def _without_option(self, param: str, said: str) -> "Shape | None":
        for name, sign in _OPTIONAL.items():
            if name not in self.without and (param.startswith(name) or f"'{name}'" in said or sign in said):
                return replace(self, without=self.without | {name})
        return None

    def _lower(self, said: str) -> "Shape | None":
        unexplained = said in {"", "bad request"}
        if self.format is Format.TEXT or not (unexplained or any(sign in said for sign in _ABOUT_FORMAT)):
            return None
        return replace(self, format=Format.TEXT if self.format is Format.JSON_OBJECT else Format.JSON_OBJECT)

    def named(self, name: str, value: object) -> dict[str, object]:
        """An optional parameter as a mapping, empty when there is no value or the server does not take it."""
        return {name: value} if value and name not in self.without else {}

    def capped(self, request: Request) -> dict[str, object]:
        """The limit on the output as a mapping."""
        return {self.cap: request.max_output_tokens} if self.cap else {}
