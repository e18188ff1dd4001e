"""What the real API refuses of tools: how they are listed, and how calls and their results stand in a conversation."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Found = Iterator[tuple[str, str, str]]

_NAME = re.compile("[A-Za-z0-9_-]{1,64}")


def listed(dialect: str, body: Mapping[str, Any], unfit: Callable[[object], Iterator[str]], *, strict: bool) -> Found:
    """Faults of `tools` and `tool_choice`; `strict` is whether the word is known to the server."""
    tools = body.get("tools", ())
    if "tools" in body and not tools:
        yield "tools", "[] is too short - 'tools'", ""
    if "tool_choice" in body and not tools:
        yield "tool_choice", "'tool_choice' is only allowed when 'tools' are specified.", ""
    if body.get("tool_choice", "none") != "none":
        yield "tool_choice", "these tests only ever forbid tools", ""
    for index, tool in enumerate(tools):
        details = tool.get("function", {}) if dialect == "chat" else tool
        where = f"tools[{index}].function" if dialect == "chat" else f"tools[{index}]"
        if tool.get("type") != "function" or not _NAME.fullmatch(details.get("name", "")):
            yield f"{where}.name", f"Invalid '{where}.name': expected letters, digits, '_' and '-'.", "invalid_value"
        if "strict" in details and not strict:
            yield f"{where}.strict", f"Unknown parameter: '{where}.strict'.", "unknown_parameter"
        if details.get("strict"):
            for reason in unfit(details.get("parameters")):
                yield f"{where}.parameters", f"Invalid schema for function '{details['name']}': {reason}", ""


def in_messages(messages: Sequence[Mapping[str, Any]]) -> Found:
    """Chat: every call is answered by a message of its own, at once, and nothing else is."""
    due: list[str] = []
    for index, message in enumerate(messages):
        where = f"messages.[{index}].role"
        if message["role"] == "tool":
            if message.get("tool_call_id") not in due:
                yield (
                    where,
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding 'tool_calls'.",
                    "",
                )
            else:
                due.remove(message["tool_call_id"])
            continue
        if due:
            yield where, _unanswered(due), ""
        due = []
        for call in message.get("tool_calls", ()):
            yield from _call(call.get("id"), call.get("function", {}), where)
            if call.get("id") in due:
                yield where, f"Duplicate value for 'tool_call_id' of {call.get('id')}", ""
            due.append(call.get("id"))
        if message.get("content") is None and not message.get("tool_calls"):
            yield where, "Invalid value for 'content': expected a string, got null.", ""
    if due:
        yield "messages", _unanswered(due), ""


def in_items(items: Sequence[Mapping[str, Any]]) -> Found:
    """Responses: every call has one output, and what followed a reasoning item stands after it."""
    calls: list[object] = []
    answered: list[object] = []
    before = ""
    for index, item in enumerate(items):
        where, kind = f"input[{index}]", item.get("type", "message")
        if kind == "function_call":
            yield from _call(item.get("call_id"), item, where)
            if item.get("call_id") in calls:
                yield where, f"Duplicate function call with call_id {item.get('call_id')}.", ""
            calls.append(item.get("call_id"))
        elif kind == "function_call_output":
            if item.get("call_id") not in calls or item.get("call_id") in answered:
                yield where, f"No tool call found for function call output with call_id {item.get('call_id')}.", ""
            answered.append(item.get("call_id"))
        if "after_rs" in str(item.get("id")) and before not in {"reasoning", "message", "function_call"}:
            yield where, f"Item '{item['id']}' of type '{kind}' was provided without its required 'reasoning' item.", ""
        if before == "reasoning" and kind not in {"function_call", "message"}:
            yield where, "Item of type 'reasoning' was provided without its required following item.", ""
        before = kind if "id" in item or kind == "reasoning" else ""
    for identity in calls:
        if identity not in answered:
            yield "input", f"No tool output found for function call {identity}.", ""


def _call(identity: object, function: Mapping[str, Any], where: str) -> Found:
    if not (isinstance(identity, str) and identity):
        yield where, "Missing required parameter: the id of the call.", "missing_required_parameter"
    if not _NAME.fullmatch(str(function.get("name"))):
        yield where, f"Invalid '{where}.name': string does not match pattern.", "invalid_value"
    try:
        parsed = json.loads(function.get("arguments", ""))
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        # What vLLM does with them before its templates see them.
        yield where, f"Invalid '{where}.arguments': not a JSON object.", "invalid_value"


def _unanswered(due: Sequence[str]) -> str:
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(map(str, due))}"
    )
