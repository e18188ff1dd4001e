from typing import Any

import pytest

from cicd_agent.agent.messages import Reply, Request, Stop
from cicd_agent.app.telemetry import TracedModel
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ModelUnavailable
from tests.support.fakes.scripted_model import ScriptedModel, calling

REQUEST = Request("the instructions", "the evidence", "draft", {}, max_output_tokens=9_000)


def asked(step: Any) -> tuple[Timeline, Reply | None]:
    """What one request leaves, by a clock that counts how often it is read."""
    ticks = iter(range(100))
    timeline = Timeline(lambda: float(next(ticks)))
    try:
        return timeline, TracedModel(ScriptedModel(step, name="gpt-5.5"), timeline).complete(REQUEST)
    except ModelUnavailable:
        return timeline, None


def test_a_request_leaves_a_span_and_the_reply_as_it_was() -> None:
    reply = Reply("the answer", usage=Usage(2, 1200, 300, 1000, None), model="gpt-5.5-2026")
    timeline, got = asked(reply)
    (span,) = timeline.spans
    assert got is reply
    assert (span.name, span.seconds, span.failed) == ("model", 1.0, "")
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5.5",
        "gen_ai.request.max_tokens": 9_000,
        "gen_ai.response.model": "gpt-5.5-2026",
        "gen_ai.response.finish_reasons": "stop",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "cicd_agent.requests": 2,
        "cicd_agent.from_cache": False,
    }


def test_a_kept_answer_has_no_tokens() -> None:
    timeline, _ = asked(Reply("x", usage=Usage(from_cache=1)))
    (span,) = timeline.spans
    assert span.attributes["cicd_agent.from_cache"] is True
    assert [name for name in span.attributes if "usage" in name] == []


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply("", Stop.CUT_OFF), "length"),
        (Reply("", Stop.FILTERED), "content_filter"),
        (Reply("", Stop.REFUSED), "refusal"),
        (calling(("look", {})), "tool_calls"),
    ],
)
def test_why_it_ended_is_in_the_words_of_the_conventions(reply: Reply, word: str) -> None:
    timeline, _ = asked(reply)
    assert timeline.spans[0].attributes["gen_ai.response.finish_reasons"] == word


def test_a_request_that_fails_is_timed_and_fails_as_before() -> None:
    timeline, got = asked(ModelUnavailable("the server is down"))
    assert got is None
    assert timeline.spans[0].failed == "ModelUnavailable"
    assert "gen_ai.usage.input_tokens" not in timeline.spans[0].attributes
