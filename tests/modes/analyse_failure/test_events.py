"""Which events are analysed: of GitHub's own examples each is either about a run or declined in one line."""

from dataclasses import replace

import pytest

from cicd_agent.domain.events.event import Event, EventKind, WorkflowRun
from cicd_agent.domain.events.event_parser import RunContext, parse_event
from cicd_agent.modes.analyse_failure.gather import declines, run_of
from tests.support.payloads.examples import official_payloads

CONTEXT = RunContext(repository="octo/app", run_id="99", run_attempt="2")


@pytest.mark.parametrize("name", sorted(official_payloads()))
def test_every_official_payload_belongs_to_a_run_or_is_declined(name: str) -> None:
    for payload in official_payloads()[name]:
        event = parse_event(name, payload, run=CONTEXT)
        why = declines(event)
        if event.kind is EventKind.WORKFLOW_RUN:
            failed = event.run is not None and event.run.conclusion not in {"success", "skipped", "neutral"}
            assert (why is None) == failed
        else:
            assert (why, run_of(event)) == (None, (99, 2))
        assert why is None or "\n" not in why


def test_outside_of_a_run_there_is_nothing_to_analyse_unless_somebody_names_it() -> None:
    bare = Event(EventKind.PUSH, name="push", repo="octo/app")
    assert "set `run-id`" in (declines(bare) or "")
    assert declines(replace(bare, run=WorkflowRun(5))) is None
    assert run_of(replace(bare, run=WorkflowRun(5, attempt=3))) == (5, 3)


@pytest.mark.parametrize("delivery", ["", "x.1", "0.1", "9", "9.", "-9.1", "9.x"])
def test_a_delivery_that_names_no_run_is_none(delivery: str) -> None:
    assert run_of(Event(EventKind.PUSH, delivery=delivery)) is None
