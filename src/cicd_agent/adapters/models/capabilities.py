"""What a request to this server may look like: learnt from its errors, never from a model's name."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from cicd_agent.adapters.models.errors import Fault
from cicd_agent.agent.messages import Request, Signature


class Format(StrEnum):
    """How the answer's form is asked for, from the best to what every server can do."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


_NEWER = "max_completion_tokens"
_ABOUT_FORMAT = ("response_format", "text.format", "json_object", "json mode", "schema", "grammar")
_ABOUT_LENGTH = ("context length", "context_length", "context window", "too many tokens")
_OPTIONAL = {
    "include": ("encrypted content",),
    "prompt_cache_key": ("prompt_cache_key",),
    "service_tier": ("service_tier", "service tier"),
    "stream_options": ("stream_options",),
}
"""Parameters that a request can do without, and how else a server may speak of them."""
_ABOUT_TOOLS = re.compile(r"\b(tools?|tool_choice|functions?|function_call)\b")
_ABOUT_STREAM = re.compile(r"\bstream(s|ed|ing)?\b")
_ABOUT_REQUEST = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_ALSO_WITHOUT = {HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_IMPLEMENTED}
"""What gateways and llama.cpp answer when a model or a template has no tools, or does not stream."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Begins with all that we would like; each step loses one thing, so that learning ends.

    `cap` is the parameter that limits the output, "" for none; `without` names optional parameters to leave out, also
    `strict` (of a tool's schema), `tool_choice`, `tools` and `stream`.
    """

    cap: str
    format: Format = Format.JSON_SCHEMA
    without: frozenset[str] = frozenset()

    def after(self, fault: Fault, request: Request) -> "Shape | None":
        """The shape to try next when the server refused the request in this one; None when that would not help."""
        message = f"{fault.param} {fault.code} {fault.message}".lower().strip()
        if fault.status in _ABOUT_REQUEST:
            learnt = self._without_cap(message) or self._without_option(fault.param, message)
            learnt = learnt or self._without_stream(message) or self._without_tools(message, request)
            # What nobody explains may be about the format, and only then about the stream.
            return learnt or self._lower(message) or self._without_stream("stream" if _unexplained(message) else "")
        if not message or fault.status not in _ALSO_WITHOUT:
            return None
        return self._without_stream(message) or self._without_tools(message, request)

    def also(self, learnt: "Shape") -> "Shape":
        """What was learnt of this shape and of another one, which other questions were asked in meanwhile."""
        caps, known = {self.cap, learnt.cap}, [*Format]
        cap = "" if "" in caps else _NEWER if _NEWER in caps else self.cap
        form = known[max(known.index(self.format), known.index(learnt.format))]
        return Shape(cap, form, self.without | learnt.without)

    def lists(self, request: Request) -> bool:
        return bool(request.tools) and "tools" not in self.without

    def may_call(self, request: Request) -> bool:
        return self.lists(request) and not request.closing

    def _without_cap(self, message: str) -> "Shape | None":
        if self.cap and self.cap in message and self.cap != _NEWER and _NEWER in message and "too large" not in message:
            return replace(self, cap=_NEWER)
        if self.cap and (self.cap in message or any(sign in message for sign in _ABOUT_LENGTH)):
            # Most servers count the cap against the window: without it the answer takes the room there is.
            return replace(self, cap="")
        return None

    def _without_option(self, param: str, message: str) -> "Shape | None":
        for name, signs in _OPTIONAL.items():
            known = param.startswith(name) or f"'{name}'" in message or any(sign in message for sign in signs)
            if known and name not in self.without:
                return replace(self, without=self.without | {name})
        return None

    def _without_stream(self, message: str) -> "Shape | None":
        """Some models may only be streamed by organisations that OpenAI has verified."""
        if "stream" in self.without or not _ABOUT_STREAM.search(message):
            return None
        return replace(self, without=self.without | {"stream"})

    def _without_tools(self, message: str, request: Request) -> "Shape | None":
        """First what is said of tools, then the tools themselves: an answer without look-ups is still an answer."""
        if not self.lists(request) or not (_unexplained(message) or _ABOUT_TOOLS.search(message)):
            return None
        lost = "tools"
        if "strict" in message and "strict" not in self.without:
            lost = "strict"
        elif "tool_choice" in message and request.closing and "tool_choice" not in self.without:
            lost = "tool_choice"
        return replace(self, without=self.without | {lost})

    def _lower(self, message: str) -> "Shape | None":
        if self.format is Format.TEXT or not (_unexplained(message) or any(sign in message for sign in _ABOUT_FORMAT)):
            return None
        return replace(self, format=Format.TEXT if self.format is Format.JSON_OBJECT else Format.JSON_OBJECT)

    def named(self, name: str, value: object) -> dict[str, object]:
        return {name: value} if value and name not in self.without else {}

    def streamed(self) -> dict[str, object]:
        return self.named("stream", value=True)

    def capped(self, request: Request) -> dict[str, object]:
        return {self.cap: request.max_output_tokens} if self.cap else {}

    def choice(self, request: Request) -> dict[str, object]:
        """The word that no tool may be called any more, as a mapping; where one may, servers need no word."""
        return self.named("tool_choice", "none") if self.lists(request) and request.closing else {}

    def function(self, signature: Signature) -> dict[str, object]:
        """What both dialects say of a tool."""
        strict = {} if "strict" in self.without else {"strict": True}
        described = {"name": signature.name, "description": signature.description}
        return {**described, "parameters": dict(signature.schema), **strict}


def _unexplained(message: str) -> bool:
    return message in {"", "bad request"}


def printed(schema: Mapping[str, object]) -> str:
    return f"The JSON schema, all fields required, no others:\n{_typed(schema)}"


def _typed(node: object) -> str:
    match node:
        case {"description": str(description), **rest}:
            return f"{_typed(rest)} /* {description} */"
        case {"anyOf": list(choices)}:
            return "|".join(map(_typed, choices))
        case {"enum": list(values)}:
            return "|".join(map(json.dumps, values))
        case {"type": "object", "properties": dict(fields)}:
            return f"{{{','.join(f'{json.dumps(name)}:{_typed(each)}' for name, each in fields.items())}}}"
        case {"type": "array", "items": items}:
            inner = _typed(items)
            return f"{inner}[]" if inner.isalpha() or inner.endswith("}") else f"({inner})[]"
        case {"type": str(kind)}:
            return kind
        case _:
            raise TypeError(f"not of the strict dialect: {node}")
