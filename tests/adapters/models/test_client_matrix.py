import json
import time
from typing import Any

import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Question, Stop
from cicd_agent.errors import Exit, ModelUnavailable
from tests.adapters.models.questions import GOOD, TEXT, in_both_dialects, model, request
from tests.agent.drafts import Note
from tests.agent.tools.lookup_worlds import TOOLS
from tests.support.protocol_table import PROPERTY
from tests.support.servers.openai import app as fake

# The protocol matrix: each fault in each dialect. What comes of it is a reply's stop and text, or the words of the
# failure; then how many requests the server saw.
Outcome = tuple[Stop, str] | str
MATRIX: dict[str, tuple[list[fake.Step], Outcome, int]] = {
    "answer": ([fake.answer(GOOD)], (Stop.DONE, TEXT), 1),
    "fenced": ([fake.fenced(GOOD)], (Stop.DONE, f"```json\n{json.dumps(GOOD, indent=1)}\n```"), 1),
    "malformed": ([fake.malformed()], (Stop.DONE, '{"summary": "an answer with'), 1),
    "empty": ([fake.empty()], (Stop.DONE, ""), 1),
    "refusal": ([fake.refusal()], (Stop.REFUSED, ""), 1),
    "content-filter": ([fake.content_filter()], (Stop.FILTERED, ""), 1),
    "prompt-filter": ([fake.status(400, "filtered", kind="content_filter", param="prompt")], (Stop.FILTERED, ""), 1),
    "cut-off": ([fake.truncated()], (Stop.CUT_OFF, '{"summary": "an answer wi'), 1),
    "late-tool-call": ([fake.tool_call()], (Stop.DONE, ""), 1),
    "usage-missing": ([fake.without_usage(GOOD)], (Stop.DONE, TEXT), 1),
    "reasoning-in-odd-field": ([fake.answer(GOOD, reasoning="hm")], (Stop.DONE, TEXT), 1),
    "unknown-fields": ([fake.answer(GOOD, extra={"new": [{"x": 1}], "usage": "soon"})], (Stop.DONE, TEXT), 1),
    "rate-limit-passes": ([fake.status(429, retry_after="2"), fake.answer(GOOD)], (Stop.DONE, TEXT), 2),
    "rate-limit-stays": ([fake.status(429)] * 5, "limits the rate of requests (429", 5),
    "retry-after-too-long": ([fake.status(429, retry_after="900")], "asks to wait 900 s", 1),
    "retry-after-in-milliseconds": (
        [fake.status(503, retry_after_ms="1500"), fake.answer(GOOD)],
        (Stop.DONE, TEXT),
        2,
    ),
    "no-quota": ([fake.status(429, kind="insufficient_quota")], "no quota left", 1),
    "wrong-key": ([fake.status(401, "no")], "refused the key (401). Check `openai-api-key`", 1),
    "forbidden": ([fake.status(403, "not your region")], "refused access (403: not your region)", 1),
    "no-such-model": (
        [fake.status(404, "The model `gpt-test` does not exist", kind="model_not_found")],
        "does not have the model gpt-test",
        1,
    ),
    "no-such-endpoint": ([fake.status(404, "Not Found")], "does not serve this API", 1),
    "gone": ([fake.status(410)], "does not serve this API (410", 1),
    "server-error-passes": ([fake.status(500), fake.status(503), fake.answer(GOOD)], (Stop.DONE, TEXT), 3),
    "server-error-stays": ([fake.status(500)] * 5, "is failing (500: scripted; 5 requests)", 5),
    "server-says-do-not-retry": ([fake.status(500, x_should_retry="false")], "is failing", 1),
    "bad-gateway-page": ([fake.html()] * 5, "is failing (502: an HTML page", 5),
    "page-instead-of-answer": ([fake.html(200)], "does not answer like a model server (an HTML page)", 1),
    "not-json": ([fake.raw(b"upstream said no")], "does not answer like a model server (not JSON", 1),
    "another-shape": ([fake.raw(b'{"models": []}')], "does not answer like a model server", 1),
    "a-list": ([fake.raw(b"[1, 2]")], "does not answer like a model server", 1),
    "endless-nesting": ([fake.raw(b"[" * 200_000)], "does not answer like a model server", 1),
    "error-in-a-success": ([fake.raw(b'{"error": {"message": "overloaded", "code": "x"}}')], "(400: overloaded)", 1),
    "dropped-passes": ([fake.drop(), fake.answer(GOOD)], (Stop.DONE, TEXT), 2),
    "dropped-stays": ([fake.drop()] * 5, "broke off its answer", 5),
    "cut-in-the-middle": ([fake.cut(GOOD), fake.answer(GOOD)], (Stop.DONE, TEXT), 2),
    "error-in-a-stream": (
        [fake.raw(b': ping\n\ndata: {"error": {"message": "overloaded", "code": "x"}}\n\n')],
        "(400: overloaded)",
        1,
    ),
    "filter-in-a-stream": (
        [fake.raw(b'data: {"error": {"message": "filtered", "code": "content_filter"}}\n\n')],
        (Stop.FILTERED, ""),
        1,
    ),
    "stream-without-an-end": ([fake.raw(b": ping\n\n"), fake.answer(GOOD)], (Stop.DONE, TEXT), 2),
    "stream-of-another-kind": ([fake.raw(b"data: tick\n\ndata: [DONE]\n\n")], "does not answer like a model server", 1),
    "redirect": ([fake.status(307, location="https://example.org/v1")], "redirects elsewhere", 1),
    "bad-request": ([fake.status(400, "no such thing")], "did not accept the request (400: no such thing)", 1),
    "lone-surrogate": ([fake.answer('{"summary": "\ud83d"}')], (Stop.DONE, '{"summary": "?"}'), 1),
}


def in_words(outcome: Outcome | Exit, count: int, what: str) -> str:
    if isinstance(outcome, Exit):
        said = "an answer" if outcome is Exit.OK else outcome.name.lower()
    elif isinstance(outcome, str):
        said = "unavailable"
    else:
        said = outcome[0].value + ("" if outcome[1] else ", no text")
    return f"{said}; {count} {what}{'' if count == 1 else 's'}"


@in_both_dialects
@pytest.mark.parametrize("fault", MATRIX)
def test_protocol(dialect: str, fault: str, record_property: Any) -> None:
    steps, outcome, requests = MATRIX[fault]
    record_property(PROPERTY, (fault, dialect, in_words(outcome, requests, "request")))
    with fake.OpenAIServer(*steps) as server:
        if isinstance(outcome, str):
            with pytest.raises(ModelUnavailable) as failure:
                model(server, dialect).complete(request())
            assert outcome in str(failure.value)
            assert failure.value.exit is Exit.MODEL
            assert failure.value.requests == requests
        else:
            reply = model(server, dialect).complete(request())
            assert (reply.stop, reply.text) == outcome
            assert reply.usage.requests == requests
        assert server.requests == requests
        assert [asked.dialect for asked in server.asked] == [dialect] * requests


CORRECTED: dict[str, tuple[list[fake.Step], Exit, int]] = {
    "answer": ([fake.answer(GOOD)], Exit.OK, 1),
    "fenced": ([fake.fenced(GOOD)], Exit.OK, 1),
    "thought-aloud": ([fake.thought_aloud(GOOD)], Exit.OK, 1),
    "malformed-then-good": ([fake.malformed(), fake.answer(GOOD)], Exit.OK, 2),
    "empty-then-good": ([fake.empty(), fake.answer(GOOD)], Exit.OK, 2),
    "cut-off-then-good": ([fake.truncated(), fake.answer(GOOD)], Exit.OK, 2),
    "late-tool-call-then-good": ([fake.tool_call(), fake.answer(GOOD)], Exit.OK, 2),
    "rubbish": ([fake.answer("rubbish")] * 3, Exit.MISBEHAVED, 3),
    "refusal": ([fake.refusal()], Exit.MISBEHAVED, 0),
    "content-filter": ([fake.content_filter()], Exit.MISBEHAVED, 0),
    "down": ([fake.status(503)] * 5, Exit.MODEL, 0),
    "down-in-the-middle": ([fake.answer("rubbish"), *[fake.status(503)] * 5], Exit.MODEL, 1),
}


@in_both_dialects
@pytest.mark.parametrize("fault", CORRECTED)
def test_a_question_over_the_wire(dialect: str, fault: str, record_property: Any) -> None:
    steps, exit_code, rounds = CORRECTED[fault]
    record_property(PROPERTY, (f"asked: {fault}", dialect, in_words(exit_code, rounds, "round")))
    question = Question("review", "Find faults.", (), Note, lambda _: None)
    budget = Budget(requests=20, input_tokens=50_000, seconds=60, clock=time.monotonic)
    with fake.OpenAIServer(*steps) as server:
        answer = ask(question, model(server, dialect), budget, key=b"key", redact=str)
    assert (answer.exit, answer.rounds) == (exit_code, rounds)
    assert answer.draft == (Note(summary="fine", confidence=0.9) if exit_code is Exit.OK else None)
    assert answer.usage.requests == server.requests


A, B = '{"path": "a.py"}', '{"path": "b.py"}'
GREET = fake.answer(GOOD)
# With tools: the steps, what comes of the question, its rounds, and how many calls were carried out.
LOOKING: dict[str, tuple[list[fake.Step], Exit, int, int]] = {
    "no-call": ([GREET], Exit.OK, 1, 0),
    "call": ([fake.tool_call("read_file", A), GREET], Exit.OK, 2, 1),
    "several-calls-at-once": (
        [fake.tool_calls(("read_file", A, "c1"), ("read_file", B, "c2"), ("search", '{"pattern": "os"}', "c3")), GREET],
        Exit.OK,
        2,
        3,
    ),
    "call-after-call": ([fake.tool_call("read_file", A), fake.tool_call("read_file", B), GREET], Exit.OK, 3, 2),
    "same-call-again": ([fake.tool_call("read_file", A)] * 2 + [GREET], Exit.OK, 3, 1),
    "call-with-text": ([fake.tool_calls(("read_file", A, "c1"), text="Let me look."), GREET], Exit.OK, 2, 1),
    "call-after-reasoning": ([fake.tool_calls(("read_file", A, "c1"), encrypted="gAAA"), GREET], Exit.OK, 2, 1),
    "call-and-refusal": ([fake.tool_calls(("read_file", A, "c1"), refused="No.")], Exit.MISBEHAVED, 0, 0),
    "filtered-call": ([fake.tool_calls(("read_file", A, "c1"), finish="content_filter")], Exit.MISBEHAVED, 0, 0),
    "cut-off-inside-arguments": (
        [fake.tool_calls(("read_file", '{"pa', "c1"), finish="length"), GREET],
        Exit.OK,
        2,
        0,
    ),
    "no-such-thing": ([fake.tool_call("read_file", '{"path": "nope"}'), GREET], Exit.OK, 2, 0),
    "unknown-tool": ([fake.tool_call("write_file", A), GREET], Exit.OK, 2, 0),
    "empty-tool-name": ([fake.tool_call("", A), GREET], Exit.OK, 2, 0),
    "missing-tool-name": ([fake.tool_call(None, A), GREET], Exit.OK, 2, 0),
    "odd-tool-name": ([fake.tool_call("read file!\n", A), GREET], Exit.OK, 2, 0),
    "bad-json-arguments": ([fake.tool_call("read_file", '{"path": '), GREET], Exit.OK, 2, 0),
    "arguments-are-no-object": ([fake.tool_call("read_file", '["a.py"]'), GREET], Exit.OK, 2, 0),
    "endless-arguments": ([fake.tool_call("read_file", "[" * 100_000), GREET], Exit.OK, 2, 0),
    "invalid-arguments": ([fake.tool_call("read_file", '{"file": "a.py"}'), GREET], Exit.OK, 2, 0),
    "missing-arguments": ([fake.tool_call("read_file", None), GREET], Exit.OK, 2, 0),
    "arguments-not-as-text": ([fake.tool_call("read_file", {"path": "a.py"}), GREET], Exit.OK, 2, 1),
    "duplicate-ids": ([fake.tool_calls(("read_file", A, "c1"), ("read_file", B, "c1")), GREET], Exit.OK, 2, 2),
    "missing-ids": ([fake.tool_calls(("read_file", A, None), ("read_file", B, None)), GREET], Exit.OK, 2, 2),
    "empty-ids": ([fake.tool_calls(("read_file", A, ""), ("read_file", B, "")), GREET], Exit.OK, 2, 2),
    "wrong-calls-three-times": ([fake.tool_call("write_file", A)] * 3, Exit.MISBEHAVED, 3, 0),
    "prose-then-answer": ([fake.answer("It is fine."), GREET], Exit.OK, 2, 0),
    "late-call": ([fake.answer("It is fine."), fake.tool_call("read_file", A), GREET], Exit.OK, 3, 0),
    "late-calls-at-once": (
        [fake.answer("Fine."), fake.tool_calls(("read_file", A, "c1"), ("read_file", B, "c1")), GREET],
        Exit.OK,
        3,
        0,
    ),
    "calls-to-the-end": (
        [fake.tool_call("read_file", json.dumps({"path": str(number)})) for number in range(6)],
        Exit.MISBEHAVED,
        6,
        0,
    ),
    "down-while-looking": ([fake.tool_call("read_file", A), *[fake.status(503)] * 5], Exit.MODEL, 1, 1),
    "dropped-while-looking": ([fake.tool_call("read_file", A), fake.drop(), GREET], Exit.OK, 2, 1),
}


@in_both_dialects
@pytest.mark.parametrize("fault", LOOKING)
def test_a_question_with_tools_over_the_wire(dialect: str, fault: str, record_property: Any) -> None:
    steps, exit_code, rounds, carried_out = LOOKING[fault]
    record_property(PROPERTY, (f"tools: {fault}", dialect, in_words(exit_code, rounds, "round")))
    question = Question("review", "Find faults.", (), Note, lambda _: None, TOOLS)
    budget = Budget(requests=20, input_tokens=500_000, seconds=60, clock=time.monotonic)
    with fake.OpenAIServer(*steps) as server:
        answer = ask(question, model(server, dialect), budget, key=b"key", redact=str, max_rounds=6)
    assert (answer.exit, answer.rounds) == (exit_code, rounds)
    assert len(answer.lookups) == carried_out
    assert answer.draft == (Note(summary="fine", confidence=0.9) if exit_code is Exit.OK else None)
    assert server.refused == [], "the conversation was not what the API takes"
    assert answer.usage.requests == server.requests
