"""Streams of events, however they are cut and whatever they hold: nothing raises, and a whole one reads as its body."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.fake_model import streamed
from cicd_agent.adapters.models import chat, responses
from cicd_agent.adapters.models.errors import ExchangeError, Fault
from cicd_agent.adapters.models.event_stream import events, is_event_stream, receive
from cicd_agent.adapters.models.json_reader import load
from cicd_agent.adapters.models.transport import Deadline
from cicd_agent.agent.messages import Reply
from tests.adapters.models.questions import in_both_dialects, request
from tests.support.servers.openai import app as fake
from tests.support.servers.openai.shapes import completion, response

DIALECTS: dict[str, Any] = {"responses": responses, "chat": chat}
CALLS = (("read_file", '{"path": "a.py"}', "c1"), ("search", '{"pattern": "ö\\n"}', "c2"), ("none", "{}", "c3"))


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """The bytes in chunks that end at these places."""
    ends = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    return [body[start:end] for start, end in itertools.pairwise(ends)]


def read(dialect: str, chunks: Iterable[bytes]) -> Reply | Fault:
    spoken = DIALECTS[dialect]
    outcome: Reply | Fault = spoken.read(receive(chunks, spoken.Parts(), Deadline(9e9, lambda: 0.0)), request())
    return outcome


places = st.lists(st.integers(0, 10_000), max_size=6)


@given(st.binary(max_size=80), places)
def test_any_bytes_are_the_same_events_however_they_are_cut(body: bytes, at: list[int]) -> None:
    assert list(events(cut(body, at))) == list(events([body]))


line = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=6)
event = st.tuples(st.sampled_from(["", "response.created", "x"]), st.lists(line, min_size=1, max_size=3).map("\n".join))
noise = st.sampled_from(["", ":", ": OPENROUTER PROCESSING", "retry: 3", "id: 7", "nonsense"])


manner = st.tuples(
    st.sampled_from(["\n", "\r\n", "\r"]), noise, st.sampled_from(["", "\ufeff"]), st.sampled_from(["", " "])
)


@given(st.lists(event, max_size=4), manner, places)
def test_events_are_what_was_written_whatever_ends_their_lines(
    written: list[tuple[str, str]], manner: tuple[str, str, str, str], at: list[int]
) -> None:
    end, noise, bom, blank = manner
    lines: list[str] = []
    for name, data in written:
        lines += [f"event: {name}"] * bool(name) + [noise] * bool(noise)
        lines += [f"data:{' ' if part.startswith(' ') else blank}{part}" for part in data.split("\n")] + [""]
    body = (bom + "".join(each + end for each in lines)).encode()
    assert list(events(cut(body, at))) == written


def test_an_event_that_is_not_ended_by_a_blank_line_counts_and_bytes_that_are_no_text_are_marked() -> None:
    assert list(events([b"data: a\n\ndata: \xff\xfe"])) == [("", "a"), ("", "\ufffd\ufffd")]


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"data: {}", True),
        (b"\xef\xbb\xbfdata: {}", True),
        (b"\n\n: ping", True),
        (b":", True),
        (b"event: x", True),
        (b"da", None),
        (b"", None),
        (b"  ", None),
        (b"{", False),
        (b"\n [", False),
        (b"<html>", False),
        (b"upstream said no", False),
        (b"database: gone", False),
    ],
)
def test_a_stream_is_known_by_how_it_starts(start: bytes, found: bool | None) -> None:  # noqa: FBT001
    assert is_event_stream(start) is found


said = st.one_of(
    st.fixed_dictionaries({"text": st.text(max_size=60), "reasoning": st.text(max_size=9)}),
    st.fixed_dictionaries({"refusal": st.text(min_size=1, max_size=60)}),
    st.fixed_dictionaries({"calls": st.permutations(CALLS)}),
    st.fixed_dictionaries({"calls": st.permutations(CALLS), "text": st.text(min_size=1, max_size=60)}),
)
finish = st.sampled_from(["stop", "length", "content_filter", "tool_calls"])


@in_both_dialects
@given(st.tuples(said, finish, st.sampled_from([None, fake.USAGE])), places, st.sampled_from([b"\n", b"\r\n"]))
def test_a_stream_reads_as_the_body_that_it_stands_for(
    dialect: str, answer: tuple[dict[str, Any], str, dict[str, int] | None], at: list[int], end: bytes
) -> None:
    document = (response if dialect == "responses" else completion)(*answer) | {"model": "m"}
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    body = b"".join(streamed(dialect, document, asked)).replace(b"\n", end)
    expected = read(dialect, [json.dumps(document).encode()])
    assert read(dialect, cut(body, at)) == expected


def fragments(calls: Sequence[tuple[str, str, str]], *, repeated: bool) -> list[list[dict[str, object]]]:
    """Of each call its fragments, in their order."""
    made = []
    for index, (name, arguments, identity) in enumerate(calls):
        again = {"id": identity} if repeated else {}
        first: dict[str, object] = {"index": index, "id": identity, "type": "function", "function": {"name": name}}
        halves = (arguments[:5], arguments[5:])
        made.append(
            [
                first,
                *(
                    {"index": index, **again, "function": {"name": name if repeated else None, "arguments": half}}
                    for half in halves
                ),
            ]
        )
    return made


@given(st.data(), st.booleans())
def test_fragments_of_tool_calls_come_in_any_order(data: st.DataObject, repeated: bool) -> None:  # noqa: FBT001
    left = fragments(CALLS, repeated=repeated)
    parts = chat.Parts()
    while any(left):
        fragment = data.draw(st.sampled_from([each for each in left if each])).pop(0)
        parts.add("", json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [fragment]}}]}))
    parts.add("", "[DONE]")
    reply = chat.read(parts.document(), request())
    assert isinstance(reply, Reply)
    assert [(call.name, call.arguments, call.id) for call in reply.calls] == list(CALLS)


@pytest.mark.parametrize("index", [{"index": 0}, {}, {"index": None}], ids=["all-0", "none", "null"])
def test_calls_that_are_not_numbered_are_told_apart_by_their_ids(index: dict[str, object]) -> None:
    parts = chat.Parts()
    for name, arguments, identity in CALLS:
        fragment = {
            **index,
            "id": identity,
            "function": {"name": name, "arguments": arguments},
            "extra_content": {"s": 1},
        }
        parts.add("", json.dumps({"choices": [{"delta": {"tool_calls": [fragment]}}]}))
    parts.add("", json.dumps({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}))
    reply = chat.read(parts.document(), request())
    assert isinstance(reply, Reply)
    assert [(call.name, call.arguments, call.id) for call in reply.calls] == list(CALLS)
    listed: Any = reply.items[0]["tool_calls"]
    assert all(each["extra_content"] == {"s": 1} for each in listed)


words = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "tool_calls",
        "function",
        "arguments",
        "name",
        "id",
        "index",
        "content",
        "error",
        "usage",
        "refusal",
        "reasoning_content",
        "reasoning_details",
        "finish_reason",
        "type",
        "response",
        "output",
        "item",
        "status",
        "response.completed",
        "response.failed",
        "response.output_item.done",
        "function_call",
    ]
)
leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=5))
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5), max_leaves=12
)
delta = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"delta": anything, "index": leaf}), max_size=2)}
)


@in_both_dialects
@given(st.lists(st.one_of(anything, delta), max_size=5), st.sampled_from(["", "response.completed", "error"]))
def test_no_event_is_too_odd(dialect: str, said: list[object], name: str) -> None:
    heading = f"event: {name}\n" if name else ""
    body = "".join(f"{heading}data: {json.dumps(each)}\n\n" for each in said) + "data: [DONE]\n\n"
    try:
        outcome = read(dialect, [body.encode()])
    except ExchangeError:
        return
    assert isinstance(outcome, Reply | Fault)


@in_both_dialects
def test_events_that_are_nested_without_an_end_are_passed_over(dialect: str) -> None:
    deep = "[" * 100_000
    with pytest.raises(ExchangeError):
        read(dialect, [f"data: {deep}\n\n".encode()])


def test_halves_of_a_character_in_two_chunks_are_one_character() -> None:
    halves = "".join(f'data: {{"choices": [{{"delta": {{"content": "\\u{half}"}}}}]}}\n\n' for half in ("d83d", "de00"))
    reply = read("chat", [f"{halves}data: [DONE]\n\n".encode()])
    assert isinstance(reply, Reply)
    assert reply.text == "\U0001f600"


def test_a_last_event_without_the_output_is_completed_from_those_before() -> None:
    document = response({"text": "{}"}, "stop", fake.USAGE)
    *before, last = streamed("responses", document, {})
    bare = load(last.partition(b"data: ")[2])
    assert isinstance(bare, dict)
    bare["response"] = {**bare["response"], "output": []}
    reply = read("responses", [*before, b"data: " + json.dumps(bare).encode() + b"\n\n"])
    assert reply == read("responses", [json.dumps(document).encode()])
