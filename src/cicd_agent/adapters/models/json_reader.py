"""Reading what a model server sent without trusting its shape: what is not there or odd is None, never an error."""

import itertools
import json
import re
from collections.abc import Iterable

from cicd_agent.agent.messages import Call, Request
from cicd_agent.domain.usage import Usage

_UNKNOWN = Usage(requests=1, input=None, output=None, cached=None, reasoning=None)


def load(body: bytes) -> object:
    """The document, with lone surrogates replaced (no later encoder takes them). ValueError when it is not JSON."""
    try:
        data: object = json.loads(body)
        # A surrogate can only come from an escape; most answers have none and are not walked twice.
        if rb"\ud" in body.lower():
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return data


def at(data: object, *path: str | int) -> object:
    """What stands at a path of names and indexes."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and -len(data) <= step < len(data):
            data = data[step]
        else:
            return None
    return data


def text_of(data: object) -> str:
    """A text; "" for anything else, but numbers, which some servers use as codes."""
    return data if isinstance(data, str) else str(data) if type(data) is int else ""


def usage(data: object, *, reads: str, writes: str) -> Usage:
    """What a server says it used, under its dialect's names for input and output tokens.

    An input of 0 tokens is a server that does not count, because no request is empty.
    """

    def count(*path: str) -> int | None:
        value = at(data, *path)
        return value if type(value) is int and value >= 0 else None

    if not count(reads):
        return _UNKNOWN
    return Usage(
        requests=1,
        input=count(reads),
        output=count(writes),
        cached=count(f"{reads}_details", "cached_tokens"),
        reasoning=count(f"{writes}_details", "reasoning_tokens"),
    )


_ODD = re.compile("[^A-Za-z0-9_-]")


def read_calls(sent: Iterable[tuple[object, object, object]], request: Request) -> list[Call]:
    """Tool calls, of which each came as name, arguments and id, in a form that any server takes back.

    One without an id, or with the id of another call of the conversation, gets its own; a name has only the letters
    that names may have; arguments that came as an object are written out, as some servers send them.
    """
    before = {made.id for turn in request.turns for made in turn.calls}
    calls = []
    for name, arguments, identity in sent:
        ident = text_of(identity)
        if not ident or ident in before:
            fresh = (f"call_{number}" for number in itertools.count(len(before) + 1))
            ident = next(each for each in fresh if each not in before)
        before.add(ident)
        text = json.dumps(arguments) if isinstance(arguments, dict) else text_of(arguments)
        calls.append(Call(id=ident, name=_ODD.sub("_", text_of(name))[:64] or "unnamed", arguments=text))
    return calls


def repeatable(arguments: str) -> str:
    """Arguments as they are sent back: some servers parse them, so what is no JSON object becomes an empty one."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


_THINKING = re.compile(r"\s*<think>.*?(?:</think>|\Z)", re.DOTALL)


def without_thinking(text: str) -> str:
    """The answer after a `<think>` block at the very start, as servers without a reasoning parser leave it there.

    Some chat templates write the opening tag themselves, so that only the closing one arrives: then everything up to
    it is dropped, unless an answer had begun before it, in which the tag is a quotation.
    """
    if match := _THINKING.match(text):
        return text[match.end() :]
    before, tag, after = text.partition("</think>")
    return after if tag and not before.lstrip().startswith(("{", "```")) else text
