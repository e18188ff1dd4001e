"""The Chat Completions dialect, which every compatible server speaks: vLLM, Ollama, LM Studio, LiteLLM and others."""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cicd_agent.adapters.models.capabilities import Format, Shape, printed
from cicd_agent.adapters.models.errors import Fault, Trouble, fault_of
from cicd_agent.adapters.models.json_reader import at, read_calls, repeatable, text_of, usage, without_thinking
from cicd_agent.agent.messages import Call, Message, Reply, Request, Stop

if TYPE_CHECKING:
    from openai import OpenAI

# The older name of the parameter, which all but the newest models take.
CAP = "max_tokens"

_ERROR_STATUS = re.compile("[45][0-9]{2}")


def body(request: Request, model: str, shape: Shape) -> dict[str, Any]:
    """The JSON of a request. The schema is printed in it too: some servers take a format and do not keep to it.

    While tools may be called no format is asked for: vLLM, Ollama and others never call one under a format.
    """
    schema = dict(request.schema)
    instructions = f"{request.instructions}\n{printed(schema)}\n"
    form: dict[str, object] = {"type": shape.format.value}
    if shape.format is Format.JSON_SCHEMA:
        form["json_schema"] = {"name": request.schema_name, "schema": schema, "strict": True}
    tools = [{"type": "function", "function": shape.function(each)} for each in request.tools]
    # Plain text is what a server does unasked; one that knows no formats may not know the word either.
    formless = shape.format is Format.TEXT or shape.may_call(request)
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": instructions},
            {"role": "user", "content": request.evidence},
            *(message for turn in request.turns for message in turn.items or [_message(turn)]),
        ],
        **({} if formless else {"response_format": form}),
        **shape.capped(request),
        **shape.named("tools", tools),
        **shape.choice(request),
    }


def _message(turn: Message) -> dict[str, object]:
    if turn.answers:
        return {"role": "tool", "tool_call_id": turn.answers, "content": turn.text}
    calls = [_call_item(each) for each in turn.calls]
    return {"role": turn.role.value, "content": turn.text, **({"tool_calls": calls} if calls else {})}


def _call_item(made: Call) -> dict[str, object]:
    function = {"name": made.name, "arguments": repeatable(made.arguments)}
    return {"id": made.id, "type": "function", "function": function}


def create(client: "OpenAI") -> Any:
    """The SDK's call for this dialect, with access to the bytes of the answer."""
    return client.chat.completions.with_streaming_response.create


def read(data: object, request: Request) -> Reply | Fault:
    """The reply in a completion, or the fault that it reports: gateways answer 200 with an error inside."""
    choice = at(data, "choices", 0)
    if error := at(data, "error") or at(choice, "error"):
        code = text_of(at(error, "code"))
        return fault_of(int(code) if _ERROR_STATUS.fullmatch(code) else HTTPStatus.BAD_REQUEST, {}, error)
    message = at(choice, "message")
    if not isinstance(message, dict):
        return Fault(Trouble.UNREADABLE, message="no message in the completion")
    refusal = text_of(message.get("refusal"))
    finish = text_of(at(choice, "finish_reason"))
    ends = {"length": Stop.CUT_OFF, "max_tokens": Stop.CUT_OFF, "content_filter": Stop.FILTERED}
    stop = Stop.REFUSED if refusal else ends.get(finish, Stop.DONE)
    text = without_thinking(_content(message.get("content")))
    listed = message.get("tool_calls") if stop is Stop.DONE else None
    items = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    calls = read_calls(
        ((at(each, "function", "name"), at(each, "function", "arguments"), each.get("id")) for each in items), request
    )
    # As they are sent back: with whatever else the server put into them.
    sent = [{**each, **_call_item(made)} for each, made in zip(items, calls, strict=True)]
    turn = {**_reasoning(message), "role": "assistant", "content": text or None, "tool_calls": sent}
    return Reply(
        text=text,
        stop=stop,
        usage=usage(at(data, "usage"), reads="prompt_tokens", writes="completion_tokens"),
        model=text_of(at(data, "model")),
        detail=refusal or finish,
        items=(turn,) if calls else (),
        calls=tuple(calls),
    )


def _reasoning(message: dict[str, object]) -> dict[str, object]:
    return {name: message[name] for name in ("reasoning_content", "reasoning_details") if message.get(name)}


def _content(content: object) -> str:
    if isinstance(content, list):
        return "".join(text_of(at(part, "text")) for part in content if at(part, "type") in {"text", "output_text"})
    return text_of(content)
