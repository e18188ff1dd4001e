"""The bodies of the two dialects: what was said, as a response and as a completion."""

from collections.abc import Mapping
from typing import Any

_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response(said: Mapping[str, Any], finish: str, usage: Mapping[str, int] | None) -> dict[str, object]:
    """The body of the Responses dialect. Calls that followed reasoning say so by their ids (see openai_tools)."""
    reasoned = bool(said.get("encrypted") or said.get("reasoning"))
    output: list[dict[str, object]] = []
    if reasoned:
        output.append({"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": said.get("encrypted")})
    calls = said.get("calls", ())
    if "refusal" in said or said.get("text") or (finish == "stop" and not calls):
        part: dict[str, object] = (
            {"type": "refusal", "refusal": said["refusal"]}
            if "refusal" in said
            else {"type": "output_text", "text": said["text"], "annotations": []}
        )
        message: dict[str, object] = {"id": "msg_1"}
        message |= {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
        output.append(message)
    for index, (name, arguments, identity) in enumerate(calls):
        shown = {"name": name, "arguments": arguments, "call_id": identity}
        item = {"id": f"fc_{'after_rs' if reasoned else ''}{index}", "type": "function_call", "status": "completed"}
        output.append(item | {key: value for key, value in shown.items() if value is not None})
    counts: Mapping[str, object] | None = usage and {
        "input_tokens": usage["input"],
        "input_tokens_details": {"cached_tokens": usage["cached"]},
        "output_tokens": usage["output"],
        "output_tokens_details": {"reasoning_tokens": usage["reasoning"]},
        "total_tokens": usage["input"] + usage["output"],
    }
    return {
        "id": "resp_1",
        "object": "response",
        "status": "incomplete" if finish in _REASONS else "completed",
        "incomplete_details": {"reason": _REASONS[finish]} if finish in _REASONS else None,
        "error": None,
        "output": output,
        **({"usage": counts} if counts else {}),
    }


def completion(said: Mapping[str, Any], finish: str, usage: Mapping[str, int] | None) -> dict[str, object]:
    """The body of the Chat dialect."""
    message: dict[str, object] = {"role": "assistant", "content": said.get("text"), "refusal": said.get("refusal")}
    if said.get("reasoning"):
        message["reasoning_content"] = said["reasoning"]
    calls: list[dict[str, object]] = []
    for name, arguments, identity in said.get("calls", ()):
        function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
        calls.append({"type": "function", "function": function} | ({} if identity is None else {"id": identity}))
    if calls:
        message["tool_calls"] = calls
    counts: Mapping[str, object] | None = usage and {
        "prompt_tokens": usage["input"],
        "prompt_tokens_details": {"cached_tokens": usage["cached"]},
        "completion_tokens": usage["output"],
        "completion_tokens_details": {"reasoning_tokens": usage["reasoning"]},
        "total_tokens": usage["input"] + usage["output"],
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **({"usage": counts} if counts else {}),
    }
