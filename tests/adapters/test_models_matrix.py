import json
import time

import pytest

from cicd_agent.agent.ask import ask
from cicd_agent.agent.budget import Budget
from cicd_agent.agent.turns import Question, Stop
from cicd_agent.errors import Exit, ModelUnavailable
from tests.adapters.asking import GOOD, TEXT, in_both_dialects, model, request
from tests.agent.drafts import Note
from tests.servers import openai as fake

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
    "redirect": ([fake.status(307, location="https://example.org/v1")], "redirects elsewhere", 1),
    "bad-request": ([fake.status(400, "no such thing")], "did not accept the request (400: no such thing)", 1),
    "lone-surrogate": ([fake.answer('{"summary": "\ud83d"}')], (Stop.DONE, '{"summary": "?"}'), 1),
}


@in_both_dialects
@pytest.mark.parametrize(("steps", "outcome", "requests"), MATRIX.values(), ids=MATRIX.keys())
def test_protocol(dialect: str, steps: list[fake.Step], outcome: Outcome, requests: int) -> None:
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
@pytest.mark.parametrize(("steps", "exit_code", "rounds"), CORRECTED.values(), ids=CORRECTED.keys())
def test_a_question_over_the_wire(dialect: str, steps: list[fake.Step], exit_code: Exit, rounds: int) -> None:
    question = Question("review", "Find faults.", (), Note, lambda _: None)
    budget = Budget(requests=20, input_tokens=50_000, seconds=60, clock=time.monotonic)
    with fake.OpenAIServer(*steps) as server:
        answer = ask(question, model(server, dialect), budget, key=b"key", redact=str)
    assert (answer.exit, answer.rounds) == (exit_code, rounds)
    assert answer.draft == (Note(summary="fine", confidence=0.9) if exit_code is Exit.OK else None)
    assert answer.usage.requests == server.requests
