"""The Responses dialect: OpenAI and Azure. Nothing is stored there; encrypted reasoning comes back with each turn."""

from typing import Any

from cicd_agent.adapters.models.capabilities import Format, Shape, printed
from cicd_agent.adapters.models.errors import Fault, Trouble, fault_of
from cicd_agent.adapters.models.json_reader import at, load, read_calls, repeatable, text_of, usage, without_thinking
from cicd_agent.agent.messages import Call, Message, Reply, Request, Stop
from cicd_agent.domain.usage import Usage

PATH = "/responses"
CAP = "max_output_tokens"

# Codes of a failed response that another attempt may fix, and the status they would have had.
_PASSING = {"server_error": 500, "rate_limit_exceeded": 429}


def body(request: Request, model: str, shape: Shape) -> dict[str, Any]:
    """The JSON of a request."""
    instructions, evidence = request.instructions, request.evidence
    if shape.format is not Format.JSON_SCHEMA:
        instructions = f"{instructions}\n{printed(request.schema)}\n"
        # json_object is refused unless the input itself, not the instructions, has the word JSON in it.
        evidence = f"{evidence}\nAnswer in JSON.\n"
    conversation: list[object] = [{"role": "user", "content": evidence}]
    for turn in request.turns:
        conversation += turn.items or _items(turn)
    form: dict[str, object] = {"type": shape.format.value}
    if shape.format is Format.JSON_SCHEMA:
        form |= {"name": request.schema_name, "schema": dict(request.schema), "strict": True}
    return {
        "model": model,
        "instructions": instructions,
        "input": conversation,
        "store": False,
        "text": {"format": form},
        **shape.named("tools", [{"type": "function", **shape.function(each)} for each in request.tools]),
        **shape.choice(request),
        **shape.capped(request),
        **shape.named("include", ["reasoning.encrypted_content"]),
        **shape.named("prompt_cache_key", request.cache_key),
        **shape.streamed(),
    }


def _items(turn: Message) -> list[dict[str, object]]:
    """A turn of which there is no form of the server's own; without ids, which would refer to what is not stored."""
    if turn.answers:
        return [{"type": "function_call_output", "call_id": turn.answers, "output": turn.text}]
    items: list[dict[str, object]] = [{"role": turn.role.value, "content": turn.text}]
    return [*(items if turn.text or not turn.calls else ()), *map(_call_item, turn.calls)]


def _call_item(made: Call) -> dict[str, object]:
    return {
        "type": "function_call",
        "call_id": made.id,
        "name": made.name,
        "arguments": repeatable(made.arguments),
    }


def read(data: object, request: Request) -> Reply | Fault:
    """The reply in a response, or the fault that it reports."""
    output, status = at(data, "output"), at(data, "status")
    if status == "failed" or at(data, "error"):
        return fault_of(_PASSING.get(text_of(at(data, "error", "code")), 400), {}, data)
    if not isinstance(output, list):
        return Fault(Trouble.UNREADABLE, message="no `output` in the response")
    messages = [item for item in output if at(item, "type") == "message" and at(item, "phase") != "commentary"]
    parts = [part for item in messages for part in (_list(at(item, "content")))]
    refusal = "".join(text_of(at(part, "refusal")) for part in parts)
    reason = text_of(at(data, "incomplete_details", "reason"))
    stop = Stop.REFUSED if refusal else Stop.DONE
    if status == "incomplete":
        stop = Stop.FILTERED if reason == "content_filter" else Stop.CUT_OFF
    made = [item for item in output if at(item, "type") == "function_call"] if stop is Stop.DONE else []
    calls = read_calls(((at(item, "name"), at(item, "arguments"), at(item, "call_id")) for item in made), request)
    return Reply(
        text=without_thinking(
            "".join(text_of(at(part, "text")) for part in parts if at(part, "type") == "output_text")
        ),
        stop=stop,
        usage=_usage(data),
        model=text_of(at(data, "model")),
        detail=refusal or reason,
        items=_replayable(output, calls) if stop is Stop.DONE else (),
        calls=tuple(calls),
    )


def _replayable(output: list[Any], calls: list[Call]) -> tuple[dict[str, object], ...]:
    """The output as it can be sent again: all of it, or nothing when a part only makes sense with what is stored.

    A reasoning item without its encrypted content is a reference to something that we asked not to be kept. Calls
    go back as they came, but for an id, a name or arguments that no server would take.
    """
    items: list[dict[str, object]] = []
    ahead = iter(calls)
    for item in output:
        match item:
            case {"type": "function_call"}:
                items.append({**item, **_call_item(next(ahead))})
            case {"type": "message"}:
                items.append(item)
            case {"type": "reasoning", "encrypted_content": str(encrypted)} if encrypted:
                items.append(item)
            case _:
                return ()
    spoken = any(item["type"] != "reasoning" for item in items)
    return tuple(items) if spoken else ()


def _list(data: object) -> list[object]:
    return data if isinstance(data, list) else []


def _usage(response: object) -> Usage:
    return usage(at(response, "usage"), reads="input_tokens", writes="output_tokens")


_ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
_ITEM = "response.output_item.done"


class Parts:
    """The events of one response, of which the last brings all of it: see event_stream.Assembly."""

    def __init__(self) -> None:
        self._response: object = None
        self._items: list[object] = []
        self._deltas = 0
        self.begun = False

    @property
    def tokens(self) -> int:
        """A delta is a token, more or less."""
        return self._deltas

    @property
    def usage(self) -> Usage | None:
        known = _usage(self._response)
        return None if known.input is None else known

    def add(self, name: str, data: str) -> bool:
        # What is named need not be parsed to be passed over: there may be ten thousand of them.
        kind = name if name.startswith("response.") else ""
        if not kind or kind in {*_ENDS, _ITEM}:
            try:
                event = load(data.encode())
            except ValueError:
                return False
            kind = text_of(at(event, "type")) or kind or name
            if isinstance(at(event, "error"), dict):
                kind = "error"
            if kind in _ENDS:
                self._end(kind, event)
                return True
            if kind == _ITEM:
                self._items.append(at(event, "item"))
        self._deltas += kind.endswith(".delta")
        self.begun = self.begun or kind.startswith("response.")
        return False

    @property
    def whole(self) -> bool:
        return self._response is not None

    def document(self) -> object:
        return self._response

    def _end(self, kind: str, event: object) -> None:
        if kind == "error":
            nested = at(event, "error")
            told = nested if isinstance(nested, dict) else event
            self._response = {"status": "failed", "error": {key: at(told, key) for key in ("code", "message", "param")}}
            return
        response = at(event, "response")
        self._response = response if isinstance(response, dict) else {}
        if isinstance(response, dict) and not response.get("output") and self._items:
            # Some servers leave out of the last event what they have sent already.
            self._response = {**response, "output": self._items}
