"""The Chat Completions dialect, which every compatible server speaks: vLLM, Ollama, LM Studio, LiteLLM and others."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from cicd_agent.adapters.models.capabilities import Format, Shape, printed
from cicd_agent.adapters.models.errors import Fault, Trouble, fault_of
from cicd_agent.adapters.models.json_reader import at, load, read_calls, repeatable, text_of, usage, without_thinking
from cicd_agent.agent.messages import Call, Message, Reply, Request, Stop
from cicd_agent.domain.usage import Usage

PATH = "/chat/completions"
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
        **shape.streamed(),
        **({} if "stream" in shape.without else shape.named("stream_options", {"include_usage": True})),
    }


def _message(turn: Message) -> dict[str, object]:
    if turn.answers:
        return {"role": "tool", "tool_call_id": turn.answers, "content": turn.text}
    calls = [_call_item(each) for each in turn.calls]
    return {"role": turn.role.value, "content": turn.text, **({"tool_calls": calls} if calls else {})}


def _call_item(made: Call) -> dict[str, object]:
    function = {"name": made.name, "arguments": repeatable(made.arguments)}
    return {"id": made.id, "type": "function", "function": function}


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
        usage=_usage(at(data, "usage")),
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


def _usage(counts: object) -> Usage:
    return usage(counts, reads="prompt_tokens", writes="completion_tokens")


@dataclass(slots=True)
class _CallParts:
    """A tool call that arrives in fragments; `rest` is whatever else the server puts beside it."""

    index: int
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    whole: object = None
    """Arguments that came as an object, as some servers send them."""
    rest: dict[str, object] = field(default_factory=dict)

    def take(self, fragment: Mapping[str, object]) -> None:
        function = fragment.get("function")
        name, arguments = text_of(at(function, "name")), at(function, "arguments")
        self.id = self.id or text_of(fragment.get("id"))
        # Most servers send it whole in the first fragment, some in pieces, some again in every fragment.
        self.name += "" if name == self.name else name
        if isinstance(arguments, dict):
            self.whole = arguments
        elif part := text_of(arguments):
            self.arguments.append(part)
        self.rest |= {
            key: value
            for key, value in fragment.items()
            if key not in {"index", "id", "function"} and value is not None
        }

    def item(self) -> dict[str, object]:
        arguments = "".join(self.arguments) if self.arguments or self.whole is None else self.whole
        return {**self.rest, "id": self.id, "function": {"name": self.name, "arguments": arguments}}


class Parts:
    """The chunks of one completion: see event_stream.Assembly."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning_content": []}
        self._lists: dict[str, list[object]] = {"content": [], "reasoning_details": []}
        self._calls: list[_CallParts] = []
        self._called: dict[object, _CallParts] = {}
        self._head: dict[str, object] = {}
        self._finish: object = None
        self._error: object = None
        self._ended = False
        self.begun = False

    @property
    def tokens(self) -> int:
        arguments = (part for call in self._calls for part in call.arguments)
        return sum(map(len, (*(part for parts in self._texts.values() for part in parts), *arguments))) // 4

    @property
    def usage(self) -> Usage | None:
        known = _usage(self._head.get("usage"))
        return None if known.input is None else known

    def add(self, name: str, data: str) -> bool:  # noqa: ARG002  this dialect has one kind of event
        if data.strip() == "[DONE]":
            self._ended = True
            return True
        try:
            chunk: object = json.loads(data)
        except (ValueError, RecursionError):
            return False
        # Written for speed: there may be ten thousand of them.
        if not isinstance(chunk, dict):
            return False
        listed = chunk.get("choices")
        known = listed if isinstance(listed, list) else ()
        choices = [each for each in known if isinstance(each, dict) and not each.get("index")]
        choice: dict[str, object] = choices[0] if choices else {}
        if error := chunk.get("error") or choice.get("error"):
            self._error = error
            return True
        for key in ("model", "usage"):
            if value := chunk.get(key):
                self._head[key] = value
        if choices:
            self._finish = choice.get("finish_reason") or self._finish
            self.begun = True
            delta = choice.get("delta") or choice.get("message")
            if isinstance(delta, dict):
                self._take(delta)
        return False

    @property
    def whole(self) -> bool:
        """A stream that ends without a reason, and without the word that it ends, was cut off."""
        return bool(self._error or self._ended or self._finish)

    def document(self) -> object:
        if self._error:
            return {"error": self._error}
        if not self.begun:
            return self._head
        message: dict[str, object] = {"role": "assistant", "content": None}
        message |= {key: "".join(parts) for key, parts in self._texts.items() if parts}
        message |= {key: parts for key, parts in self._lists.items() if parts}
        if self._calls:
            message["tool_calls"] = [call.item() for call in sorted(self._calls, key=lambda call: call.index)]
        # Halves of one character may have come in two chunks.
        return load(
            json.dumps({**self._head, "choices": [{"finish_reason": self._finish, "message": message}]}).encode()
        )

    def _take(self, delta: Mapping[str, object]) -> None:
        for key, value in delta.items():
            if not value:
                continue
            if isinstance(value, str):
                if key in self._texts:
                    self._texts[key].append(value)
            elif isinstance(value, list) and key == "tool_calls":
                for fragment in value:
                    if isinstance(fragment, dict):
                        self._call(fragment).take(fragment)
            elif isinstance(value, list) and key in self._lists:
                self._lists[key].extend(value)

    def _call(self, fragment: Mapping[str, object]) -> _CallParts:
        """The call that a fragment belongs to: its index says so, unless it brings an id of its own.

        Gemini numbers all calls 0 or not at all; then each has its id.
        """
        index = fragment.get("index")
        place = index if type(index) is int else None
        known, ident = self._called.get(place), text_of(fragment.get("id"))
        fresh = known is None or (ident and known.id and ident != known.id)
        if place is None and known is not None and not ident:
            fresh = bool(known.name and at(fragment, "function", "name"))
        if known is None or fresh:
            known = _CallParts(len(self._calls) if place is None else place)
            self._calls.append(known)
            self._called[place] = known
        return known
