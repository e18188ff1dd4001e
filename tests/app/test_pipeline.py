from types import SimpleNamespace
from typing import Any

import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Answer, Model, Question
from cicd_agent.agent.sharding import Part
from cicd_agent.app import pipeline
from cicd_agent.app.context import RunContext
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import Exit
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route.mode import Route
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings
from tests.agent.drafts import Note
from tests.support.fakes.scripted_model import ScriptedModel

PARTS = tuple(Part(Question(f"q {number}/2", "Look.", (), Note, lambda _: None), 1_000) for number in (1, 2))
NOTE = Note(summary="fine", confidence=0.9)


def answered(
    monkeypatch: pytest.MonkeyPatch, *shares: Answer[Any], whole: Answer[Any]
) -> tuple[list[Answer[Any]], list[tuple[str, bool]]]:
    """The answers to both parts, and which were asked with a share of the budget (True) or with what is left (False).

    `shares` are the answers within a share, `whole` is the one without.
    """
    asked: list[tuple[str, bool]] = []

    def put(question: Question[Any], _model: Model, budget: Budget | None) -> Answer[Any]:
        asked.append((question.name, budget is not None))
        return next(each for each in shares if each.question == question.name) if budget is not None else whole

    budget = Budget(requests=20, input_tokens=10_000, seconds=60, clock=lambda: 0.0)
    router: Any = SimpleNamespace(budget=budget, side_by_side=1, fallback=None, put=put)
    monkeypatch.setattr(pipeline, "parts", lambda *_: PARTS)
    event = Event(EventKind.PUSH)
    inquiry = pipeline._Inquiry(Route(), Evidence(event), RunContext(event, load({}, ""), Ports()), router)
    inquiry._put(PARTS[0].question, ScriptedModel())
    return inquiry.answers, asked


def answer(number: int, note: Note | None = NOTE, **fields: Any) -> Answer[Any]:
    return Answer(f"q {number}/2", note, **fields)


def test_a_part_whose_share_of_the_budget_was_too_small_is_asked_again_with_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = answer(2, None, exit=Exit.BUDGET, failure="the budget is used up", usage=Usage(requests=1, input=900))
    again = answer(2, usage=Usage(requests=1, input=1_100))
    answers, asked = answered(monkeypatch, answer(1), short, whole=again)
    assert asked == [("q 1/2", True), ("q 2/2", True), ("q 2/2", False)]
    assert [each.draft for each in answers] == [NOTE, NOTE]
    assert answers[1].usage == Usage(requests=2, input=2_000)


def test_a_part_that_failed_for_another_reason_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = answer(2, None, exit=Exit.MODEL, failure="it is down")
    answers, asked = answered(monkeypatch, answer(1), failed, whole=answer(2))
    assert asked == [("q 1/2", True), ("q 2/2", True)]
    assert [each.failure for each in answers] == ["", "it is down"]


def test_nothing_is_read_of_an_event_that_the_mode_declines() -> None:
    class Declining(Route):
        def declines(self, _event: Event, _settings: Settings | None = None) -> str | None:
            return "it is a draft"

        def gather(self, _event: Event, _ports: Ports, _settings: Settings) -> Evidence:
            raise AssertionError("it was read")

    event = Event(EventKind.PULL_REQUEST)
    scene = RunContext(event, load({}, ""), Ports())
    mode: Any = Declining()
    assert pipeline.observe(mode, scene) == Evidence(event)
