import json
from typing import Any

import pytest

from cicd_agent.adapters.fake_model import streamed
from cicd_agent.adapters.models.capabilities import printed
from cicd_agent.agent.messages import Message, Role
from cicd_agent.agent.schema import strict
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ModelUnavailable
from tests.adapters.models.questions import GOOD, TEXT, in_both_dialects, model, request
from tests.agent.drafts import DRAFTS, Note
from tests.support.servers.openai import app as fake
from tests.support.servers.openai.rules import Rules


@in_both_dialects
@pytest.mark.parametrize("draft", DRAFTS)
def test_the_schema_of_any_draft_is_accepted_as_strict(dialect: str, draft: Any) -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, dialect).complete(request(schema=strict(draft)))
    assert not server.refused


@in_both_dialects
def test_usage_is_read_from_either_dialect(dialect: str) -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        reply = model(server, dialect).complete(request())
    assert reply.usage == Usage(requests=1, input=1_200, output=90, cached=1_000, reasoning=40)
    assert reply.model == "gpt-test-2026-01-01"


@in_both_dialects
@pytest.mark.parametrize(
    "step",
    [
        fake.without_usage(GOOD),
        fake.answer(GOOD, extra={"usage": None}),
        fake.answer(GOOD, extra={"usage": {"prompt_tokens": 0, "input_tokens": 0}}),
        fake.answer(GOOD, extra={"usage": {"prompt_tokens": "many", "input_tokens": -3}}),
        fake.answer(GOOD, extra={"usage": [1]}),
    ],
)
def test_usage_that_is_missing_or_odd_is_unknown(dialect: str, step: fake.Step) -> None:
    with fake.OpenAIServer(step) as server:
        assert model(server, dialect).complete(request()).usage == Usage(1, None, None, None, None)


def test_the_request_in_the_responses_dialect() -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, "responses").complete(request())
    assert server.asked[0].body == {
        "model": "gpt-test",
        "instructions": "Find faults.",
        "input": [{"role": "user", "content": "1 | x = 1"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "cicd-agent-review",
        "max_output_tokens": 16_000,
        "stream": True,
        "text": {"format": {"type": "json_schema", "name": "Note", "schema": strict(Note), "strict": True}},
    }


def test_the_request_in_the_chat_dialect_prints_the_schema_too() -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, "chat").complete(request(turns=(Message(Role.ASSISTANT, "no"), Message(Role.USER, "again"))))
    body = server.asked[0].body
    system, *rest = body["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("Find faults.\n")
    assert printed(strict(Note)) in system["content"]
    assert rest == [
        {"role": "user", "content": "1 | x = 1"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "again"},
    ]
    schema = {"name": "Note", "schema": strict(Note), "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}
    assert body["max_tokens"] == 16_000
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_encrypted_reasoning_goes_back_as_it_came() -> None:
    with fake.OpenAIServer(fake.answer("no", encrypted="gAAAA-secret"), fake.answer(GOOD)) as server:
        asked = model(server, "responses")
        first = asked.complete(request())
        asked.complete(request(turns=(Message(Role.ASSISTANT, first.text, first.items), Message(Role.USER, "again"))))
    _, reasoning, message, correction = server.asked[1].body["input"]
    assert reasoning["encrypted_content"] == "gAAAA-secret"
    assert message["content"][0]["text"] == "no"
    assert correction == {"role": "user", "content": "again"}


def test_reasoning_that_cannot_be_sent_back_is_left_out() -> None:
    with fake.OpenAIServer(fake.answer("no", reasoning="thought"), fake.answer(GOOD)) as server:
        asked = model(server, "responses")
        first = asked.complete(request())
        asked.complete(request(turns=(Message(Role.ASSISTANT, first.text, first.items), Message(Role.USER, "again"))))
    assert [item["role"] for item in server.asked[1].body["input"]] == ["user", "assistant", "user"]


LADDER = {
    "json_object": frozenset({"json_object", "text"}),
    "text": frozenset({"text"}),
}


@in_both_dialects
@pytest.mark.parametrize("bare", [False, True], ids=["full-errors", "bare-errors"])
@pytest.mark.parametrize(("rung", "formats"), LADDER.items(), ids=LADDER.keys())
def test_a_format_that_is_refused_is_not_asked_for_again(
    dialect: str, rung: str, formats: frozenset[str], *, bare: bool
) -> None:
    rules = Rules(formats=formats, bare_errors=bare)
    steps = [fake.answer(GOOD), fake.answer(GOOD)]
    with fake.OpenAIServer(*steps, rules=rules) as server:
        asked = model(server, dialect)
        assert asked.complete(request()).usage.requests == 1 + len(server.refused)
        assert asked.complete(request()).usage.requests == 1
    assert len(server.refused) == 3 - len(formats)
    sent = server.asked[-1]
    form = sent.body.get("response_format") if dialect == "chat" else sent.body["text"]["format"]
    assert form == (None if dialect == "chat" and rung == "text" else {"type": rung})
    assert "all fields required" in sent.text


@pytest.mark.parametrize(
    "body",
    [b"", b"Bad Request", b'{"detail": [{"loc": ["body", "response_format"], "msg": "extra fields not permitted"}]}'],
)
def test_a_refusal_without_a_word_of_explanation_tries_the_next_format(body: bytes) -> None:
    with fake.OpenAIServer(fake.raw(body, code=422), fake.answer(GOOD)) as server:
        model(server).complete(request())
    assert server.asked[1].body["response_format"] == {"type": "json_object"}


def test_the_newer_name_of_the_output_limit_is_learnt_and_remembered() -> None:
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD), rules=Rules(cap="max_completion_tokens")) as server:
        asked = model(server)
        asked.complete(request())
        asked.complete(request())
    assert len(server.refused) == 1
    assert all(each.body["max_completion_tokens"] == 16_000 and "max_tokens" not in each.body for each in server.asked)


@in_both_dialects
def test_a_small_window_costs_the_output_limit_before_the_question(dialect: str) -> None:
    with fake.OpenAIServer(fake.answer(GOOD), rules=Rules(window=8_000)) as server:
        model(server, dialect).complete(request())
    assert not {"max_tokens", "max_output_tokens"} & server.asked[0].body.keys()
    with fake.OpenAIServer(rules=Rules(window=8_000)) as server, pytest.raises(ModelUnavailable, match="too long"):
        model(server, dialect).complete(request(evidence="word " * 10_000))
    assert len(server.refused) == 2


@pytest.mark.parametrize("bare", [False, True], ids=["full-errors", "bare-errors"])
@pytest.mark.parametrize("without", ["stream_options", "stream"])
def test_a_server_that_cannot_stream_is_asked_for_it_once(without: str, *, bare: bool) -> None:
    for dialect in ("chat",) if without == "stream_options" else ("chat", "responses"):
        rules = Rules(without=frozenset({without, "stream_options"}), bare_errors=bare)
        with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD), rules=rules) as server:
            asked = model(server, dialect)
            assert asked.complete(request()).text == TEXT
            assert asked.complete(request()).text == TEXT
        assert len(server.refused) == 1
        assert not {without, "stream_options"} & server.asked[-1].body.keys()
        assert server.asked[-1].body.get("stream", False) is (without != "stream")
        assert "response_format" in server.asked[-1].body or "text" in server.asked[-1].body


@in_both_dialects
@pytest.mark.parametrize(
    ("code", "message", "param"),
    [
        (400, "Your organization must be verified to stream this model. Please go to: https://x.example", "stream"),
        (422, "Streaming is not supported", ""),
        (500, "stream=true is not implemented", ""),
        (501, "this engine cannot be streamed", ""),
    ],
)
def test_what_is_said_of_streams_is_learnt_of_streams(dialect: str, code: int, message: str, param: str) -> None:
    with fake.OpenAIServer(fake.status(code, message, param=param), fake.answer(GOOD)) as server:
        reply = model(server, dialect).complete(request())
    assert (reply.text, reply.usage.requests) == (TEXT, 2)
    assert "stream" not in server.asked[1].body
    assert server.asked[1].body.keys() == server.asked[0].body.keys() - {"stream", "stream_options"}


def test_what_nobody_explains_costs_the_formats_first_and_the_stream_last() -> None:
    with fake.OpenAIServer(*[fake.raw(b"", code=400)] * 3, fake.answer(GOOD)) as server:
        assert model(server).complete(request()).usage.requests == 4
    assert [each.body.get("response_format", {}).get("type") for each in server.asked] == [
        "json_schema",
        "json_object",
        None,
        None,
    ]
    assert [each.body.get("stream") for each in server.asked] == [True, True, True, None]


@in_both_dialects
def test_a_stream_that_nobody_asked_for_is_read_all_the_same(dialect: str) -> None:
    document = fake.answer(GOOD)(fake.Asked(dialect, "", {}, {"model": "m"})).document or {}
    stream = fake.raw(b"".join(streamed(dialect, document, {})), content_type="application/json")
    refused = fake.status(400, "streaming is not supported", param="stream")
    with fake.OpenAIServer(refused, stream) as server:
        assert model(server, dialect).complete(request()).text == TEXT
    assert "stream" not in server.asked[1].body


@in_both_dialects
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_an_answer_in_one_piece_to_a_question_for_a_stream_is_read_too(dialect: str, content_type: str) -> None:
    document = fake.answer(GOOD)(fake.Asked(dialect, "", {}, {"model": "m"})).document
    with fake.OpenAIServer(fake.raw(json.dumps(document).encode(), content_type=content_type)) as server:
        reply = model(server, dialect).complete(request())
    assert (reply.text, reply.usage.input) == (TEXT, 1_200)


@in_both_dialects
def test_an_error_status_may_come_as_an_event(dialect: str) -> None:
    event = b'event: error\ndata: {"error": {"message": "no such thing", "code": "x"}}\n\n'
    said = r"did not accept the request \(400: no such thing\)"
    step = fake.raw(event, code=400, content_type="text/event-stream")
    with fake.OpenAIServer(step) as server, pytest.raises(ModelUnavailable, match=said):
        model(server, dialect).complete(request())


def test_a_model_without_encrypted_reasoning_is_not_asked_for_it_again() -> None:
    with fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD), rules=Rules(encrypted_reasoning=False)) as server:
        asked = model(server, "responses")
        asked.complete(request())
        asked.complete(request())
    assert len(server.refused) == 1
    assert server.asked[0].body["prompt_cache_key"] == "cicd-agent-review"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>a</think>{}", "{}"),
        ('\n<think>\n{"x": 1}\n</think>\n\n{}', "\n\n{}"),
        ("thoughts without an opening tag</think>{}", "{}"),
        ("<think>cut off in the middle of", ""),
        ('{"quote": "<think>a</think>"}', '{"quote": "<think>a</think>"}'),
        ('{"quote": "</think>"}', '{"quote": "</think>"}'),
        ('```json\n{"quote": "</think>"}\n```', '```json\n{"quote": "</think>"}\n```'),
        ('<think>a</think>{"quote": "</think>"}', '{"quote": "</think>"}'),
    ],
)
def test_thinking_aloud_is_not_part_of_the_answer(text: str, answer: str) -> None:
    with fake.OpenAIServer(fake.answer(text)) as server:
        assert model(server).complete(request()).text == answer


def test_content_in_parts_is_put_together_without_the_reasoning() -> None:
    parts = [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "{"}, {"type": "text", "text": "}"}, 5]
    body = {"choices": [{"message": {"content": parts}, "finish_reason": None}]}
    with fake.OpenAIServer(fake.raw(json.dumps(body).encode())) as server:
        assert model(server).complete(request()).text == "{}"


def test_commentary_of_the_model_is_not_part_of_the_answer() -> None:
    def message(phase: str | None, text: str) -> dict[str, object]:
        return {"type": "message", "phase": phase, "content": [{"type": "output_text", "text": text}]}

    output = [message("commentary", "Let me see."), message("final_answer", "{}"), {"type": "new_thing"}, None]
    with fake.OpenAIServer(fake.raw(json.dumps({"output": output}).encode())) as server:
        assert model(server, "responses").complete(request()).text == "{}"


def test_a_response_that_failed_on_the_way_is_tried_again() -> None:
    failed = fake.raw(b'{"status": "failed", "error": {"code": "server_error", "message": "oops"}, "output": []}')
    with fake.OpenAIServer(failed, fake.answer(GOOD)) as server:
        assert model(server, "responses").complete(request()).usage.requests == 2


def test_a_gateway_that_reports_an_error_in_a_success_is_tried_again_when_it_may_pass() -> None:
    failed = fake.raw(b'{"error": {"code": 502, "message": "provider down"}}')
    with fake.OpenAIServer(failed, fake.answer(GOOD)) as server:
        assert model(server).complete(request()).usage.requests == 2
