"""An effect of any kind comes back from a file as it went, and none brings the performer down, whatever it holds."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cicd_agent.app.run_record import Decision
from cicd_agent.app.serialization import dump, load
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Effect, Plan, ReceiptState
from cicd_agent.domain.events.event import Deployment, Event, EventKind, PullRequest, Ref, WorkflowRun
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.dry_run import dry_run
from tests.support.samples.plans import EFFECTS, KINDS, SHA, Site

JSON = TypeAdapter(Plan)
PLANS = st.lists(EFFECTS, max_size=4).map(tuple)
EVENT = Event(EventKind.PUSH, repo="o/r", sha=SHA, server="https://github.test")
EVENTS = (
    EVENT,
    replace(EVENT, kind=EventKind.DEPLOYMENT, deployment=Deployment(12, "production", SHA)),
    replace(EVENT, kind=EventKind.WORKFLOW_RUN, run=WorkflowRun(81)),
    replace(EVENT, kind=EventKind.ISSUE_COMMENT),
    replace(EVENT, kind=EventKind.PULL_REQUEST, pull=PullRequest(5), head=Ref("topic", SHA, "o/r")),
)


def test_each_kind_is_told_apart_by_a_word_of_its_own() -> None:
    words: list[Any] = [kind.__dataclass_fields__["kind"].default for kind in KINDS]
    assert len({*words}) == len(words) == len(KINDS)


@settings(max_examples=3)
@given(effects=st.tuples(*(st.from_type(kind) for kind in KINDS)))
def test_a_decision_with_one_of_each_comes_back_as_it_went(effects: tuple[Effect, ...]) -> None:
    decision = Decision("deploy-gate", EVENT, Account(), Plan(effects))
    assert load(Decision, dump(decision).encode(), "x") == decision


@settings(max_examples=80)
@given(effects=PLANS)
def test_any_plan_is_the_same_in_json(effects: tuple[Effect, ...]) -> None:
    plan = Plan(effects)
    assert JSON.validate_json(JSON.dump_json(plan), strict=True) == plan


@settings(max_examples=80)
@given(effects=PLANS)
def test_any_plan_can_be_shown(effects: tuple[Effect, ...]) -> None:
    shown = dry_run(Plan(effects))
    assert not any(hidden in shown for hidden in "\x00\x1b\u200b\u202e")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
@settings(max_examples=30)
@given(effects=PLANS)
def test_a_plan_that_somebody_made_up_gets_nothing_that_a_bare_grant_does_not_give(
    event: Event, effects: tuple[Effect, ...]
) -> None:
    named = tuple(replace(effect, key=f"e{number}") for number, effect in enumerate(effects))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), event=event, grant=EffectPolicy())
        receipts = site.perform(*named) if named else {}
    done = {one.kind for one in receipts.values() if one.state is ReceiptState.DONE}
    assert not done & {"deployment", "review-request", "rerun", "issue", "commit-comment", "commit", "open-pull"}
    assert site.forge.gated.calls == []
