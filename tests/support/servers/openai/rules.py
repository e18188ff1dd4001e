"""What the real API refuses, and in which words: the scripted server holds every request to it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.servers.openai.tools import Found, in_items, in_messages, listed

_COMMON = {"model", "store", "prompt_cache_key", "service_tier", "tools", "tool_choice", "stream", "stream_options"}
_TAKEN = {
    "responses": _COMMON | {"instructions", "input", "include", "text", "max_output_tokens", "reasoning"},
    "chat": _COMMON | {"messages", "response_format", "max_tokens", "max_completion_tokens", "reasoning_effort"},
}
_SAMPLING = {"temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "n"}
_SCHEMA_WORDS = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "anyOf",
    "description",
    "$ref",
    "$defs",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How this server differs from the newest OpenAI models.

    `cap` is the only parameter for the output limit that Chat takes, "" for both; `bare_errors` sends an error as
    some compatible servers do: a text where OpenAI has an object. `without` are optional parameters, and the `strict`
    of a tool, that this server refuses. `toolless` is the status and message with which it refuses tools at all.
    """

    formats: frozenset[str] = frozenset({"json_schema", "json_object", "text"})
    cap: str = ""
    encrypted_reasoning: bool = True
    window: int = 1_000_000
    key: str = ""
    bare_errors: bool = False
    without: frozenset[str] = frozenset()
    toolless: tuple[int, str] | None = None


Objection = tuple[int, object]


def objection(dialect: str, headers: Mapping[str, str], body: Mapping[str, Any], rules: Rules) -> Objection | None:
    """The status and error with which a request is refused, None when it is fine."""
    if not headers.get("authorization", "").startswith("Bearer ") or (
        rules.key and headers["authorization"] != f"Bearer {rules.key}"
    ):
        return _error(401, f"Incorrect API key provided: {headers.get('authorization')}", "", "invalid_api_key")
    if rules.toolless and "tools" in body:
        status, message = rules.toolless
        return (status, message) if rules.bare_errors else _error(status, message, "", "")
    said = in_messages(body["messages"]) if dialect == "chat" else in_items(body["input"])
    tools = listed(dialect, body, unfit, strict="strict" not in rules.without)
    checks = (_parameters(dialect, body), _form(dialect, body, rules), _limits(dialect, body, rules))
    for found in (*checks, _refused(body, rules), tools, said):
        for param, message, code in found:
            return (400, message) if rules.bare_errors else _error(400, message, param, code)
    return None


def unfit(schema: object, where: str = "") -> Iterator[str]:
    """Why a schema is not strict."""
    if not isinstance(schema, dict):
        yield f"In context=({where}), a schema is an object."
        return
    if not where and schema.get("type") != "object":
        yield "schema must be a JSON Schema of 'type: \"object\"'."
    yield from (f"In context=({where}), {fault}" for fault in _faults(schema))
    for name, inner in schema.get("properties", {}).items():
        yield from unfit(inner, f"{where}'properties', '{name}', ")
    for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]:
        yield from unfit(inner, f"{where}inner, ")


def _faults(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"'{word}' is not permitted." for word in sorted(schema.keys() - _SCHEMA_WORDS))
    match schema:
        case {"type": "object", **rest}:
            if rest.get("additionalProperties") is not False:
                yield "'additionalProperties' is required to be supplied and to be false."
            if sorted(rest.get("required", ())) != sorted(rest.get("properties", {})):
                yield "'required' is required to be supplied and to name every key of properties."
        case {"type": "array"} if "items" not in schema:
            yield "array schema missing items."
        case {"type": _} | {"anyOf": _} | {"$ref": _}:
            pass
        case _:
            yield "schema must have a 'type' key."


def _parameters(dialect: str, body: Mapping[str, Any]) -> Found:
    if not isinstance(body.get("model"), str):
        yield "model", "you must provide a model parameter", ""
    if "stream_options" in body and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        yield "stream_options", message, "invalid_parameter"
    if dialect == "responses" and "include_usage" in body.get("stream_options", {}):
        yield "stream_options.include_usage", "Unknown parameter: 'stream_options.include_usage'.", "unknown_parameter"
    for name in sorted(body.keys() & _SAMPLING):
        yield name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter"
    for name in sorted(body.keys() - _TAKEN[dialect] - _SAMPLING):
        yield name, f"Unknown parameter: '{name}'.", "unknown_parameter"
    for index, item in enumerate(body.get("input", ())):
        if item.get("type") == "reasoning" and not item.get("encrypted_content"):
            yield (
                f"input[{index}].id",
                f"Item with id '{item.get('id')}' not found: not persisted with `store` false.",
                "",
            )


def _form(dialect: str, body: Mapping[str, Any], rules: Rules) -> Found:
    chat = dialect == "chat"
    param = "response_format" if chat else "text.format"
    form = body.get("response_format") if chat else body.get("text", {}).get("format")
    if form is None:
        return
    kind = form.get("type")
    if kind not in rules.formats:
        yield param, f"Invalid parameter: '{param}' of type '{kind}' is not supported with this model.", ""
    if kind == "json_schema":
        details = form.get("json_schema", {}) if chat else form
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", details.get("name", "")):
            yield f"{param}.name", f"Invalid '{param}.name': expected letters, digits, '_' and '-'.", "invalid_value"
        if details.get("strict") is not True:
            yield f"{param}.strict", "these tests only ask for strict schemas", "invalid_value"
        for reason in unfit(details.get("schema")):
            message = f"Invalid schema for response_format '{details.get('name')}': {reason}"
            yield (param if chat else f"{param}.schema"), message, "invalid_json_schema"
    said = body.get("messages", ()) if chat else body.get("input", ())
    if kind == "json_object" and not any("json" in str(each.get("content")).lower() for each in said):
        yield param, f"messages must contain the word 'json' to use '{param}' of type 'json_object'.", ""


def _refused(body: Mapping[str, Any], rules: Rules) -> Found:
    for name in sorted(rules.without & body.keys()):
        yield name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter"


def _limits(dialect: str, body: Mapping[str, Any], rules: Rules) -> Found:
    for name in ("max_tokens", "max_completion_tokens"):
        if rules.cap and name in body and name != rules.cap:
            message = f"Unsupported parameter: '{name}' is not supported with this model. Use '{rules.cap}' instead."
            yield name, message, "unsupported_parameter"
    if "include" in body and not rules.encrypted_reasoning:
        yield "include", "Encrypted content is not supported with this model.", ""
    caps = [name for name in ("max_output_tokens", "max_tokens", "max_completion_tokens") if name in body]
    length = len(str(body.get("input", body.get("messages")))) // 4
    if length + sum(body[name] for name in caps) > rules.window:
        message = f"This model's maximum context length is {rules.window} tokens, the request needs more."
        yield "input" if dialect == "responses" else "messages", message, "context_length_exceeded"


def _error(status: int, message: str, param: str, code: str) -> Objection:
    return status, {"message": message, "type": "invalid_request_error", "param": param or None, "code": code or None}
