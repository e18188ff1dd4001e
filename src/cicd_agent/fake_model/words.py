"""The words of the API: its replies in both dialects, and what it says to requests that it does not take."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cicd_agent.fake_model.script import Step

_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "n")
DIALECTS = {"/v1/responses": "responses", "/v1/chat/completions": "chat"}


def reply(step: Step, dialect: str, body: Mapping[str, Any]) -> dict[str, object]:
    """A successful reply; its tokens are counted by length."""
    text = step.answer if isinstance(step.answer, str) else json.dumps(step.answer)
    text = '{"summary": "an answer with' if step.malformed else "" if step.tool_calls else text
    calls = [(f"call_{n}", call.name, json.dumps(call.arguments)) for n, call in enumerate(step.tool_calls, 1)]
    sent, answered = len(json.dumps(body)) // 4, len(text) // 4 + 1
    if dialect == "responses":
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        made = [{"type": "function_call", "call_id": at, "name": n, "arguments": a} for at, n, a in calls]
        usage = {"input_tokens": sent, "output_tokens": answered, "total_tokens": sent + answered}
        head = {"id": "resp_1", "object": "response", "status": "completed", "model": body["model"]}
        return {**head, "output": made or [message], "usage": usage}
    functions = [{"id": at, "type": "function", "function": {"name": n, "arguments": a}} for at, n, a in calls]
    said = {"content": text} if not functions else {"content": None, "tool_calls": functions}
    finish = "tool_calls" if functions else "stop"
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}
    usage = {"prompt_tokens": sent, "completion_tokens": answered, "total_tokens": sent + answered}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "model": body["model"]}
    return {**head, "choices": [choice], "usage": usage}


def error(message: str, *, param: str = "", code: str = "") -> dict[str, object]:
    """An error body."""
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": param or None, "code": code or None}
    }


def objection(dialect: str, body: object, authorization: str, key: str) -> tuple[int, dict[str, object]] | None:
    """Status and body with which the API refuses a request, None when it takes it."""
    bearer = authorization.removeprefix("Bearer ")
    if not bearer or bearer == authorization:
        return 401, error("You didn't provide an API key. Use it in an Authorization header (Bearer auth).")
    if key and bearer != key:
        return 401, error("Incorrect API key provided.", code="invalid_api_key")
    if not isinstance(body, dict):
        return 400, error("We could not parse the JSON body of your request.")
    return next(((400, error(text, param=param, code=code)) for param, text, code in _faults(dialect, body)), None)


def _faults(dialect: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    messages = "messages" if dialect == "chat" else "input"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model", "you must provide a model parameter", ""
    if not body.get(messages):
        yield messages, f"Missing required parameter: '{messages}'.", "missing_required_parameter"
    for name in (each for each in _SAMPLING if each in body):
        yield name, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter"
    param = "response_format" if dialect == "chat" else "text.format"
    shape = _at(body, *param.split("."))
    if _at(shape, "type") == "json_schema":
        for reason in unfit(_at(shape, "json_schema", "schema") if dialect == "chat" else _at(shape, "schema")):
            yield param, f"Invalid schema for response_format: {reason}", "invalid_json_schema"
    if _at(shape, "type") == "json_object" and "json" not in json.dumps(body.get(messages)).lower():
        yield param, f"'{messages}' must contain the word 'json' to use '{param}' of type 'json_object'.", ""


def unfit(schema: object, where: str = "") -> Iterator[str]:
    """Why a schema is not strict."""
    if not isinstance(schema, dict):
        yield f"In context=({where}), schema must be an object."
        return
    properties = schema.get("properties")
    if schema.get("type") == "object" and isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            yield f"In context=({where}), 'additionalProperties' is required to be supplied and to be false."
        if not isinstance(required := schema.get("required"), list) or {*map(str, required)} != {*properties}:
            yield f"In context=({where}), 'required' must name every key of properties."
        for name, inner in properties.items():
            yield from unfit(inner, f"{where}'properties', '{name}'")
    if schema.get("type") == "array":
        yield from unfit(schema.get("items"), f"{where}'items'")


def _at(value: object, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
