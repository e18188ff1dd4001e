"""Only those whom the job's settings name are asked for a review, of the pull request that it is about."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Plan, ReceiptState, ReviewRequest
from cicd_agent.domain.events.event import Actor, Event, EventKind, PullRequest, Ref
from cicd_agent.domain.ports.forge import PullState
from cicd_agent.rendering.dry_run import dry_run
from tests.support.fakes.gates import FakeGates
from tests.support.samples.plans import LOCAL, SHA, Site, refusal

EVENT = Event(EventKind.PUSH, repo="Org/r", sha=SHA, server="https://github.test")
NAMES = ("ada", "@grace", "org/on-call")
ASK = ReviewRequest("ask", 5, NAMES)


@pytest.fixture
def gates() -> FakeGates:
    return FakeGates()


@pytest.fixture
def site(tmp_path: Path, gates: FakeGates) -> Site:
    site = Site(tmp_path, event=EVENT, grant=EffectPolicy(reviewers=frozenset(NAMES), pulls=frozenset({4, 5})))
    site.forge.gated = gates
    site.forge.pulls = {5: PullState(PullRequest(5, author=Actor("mallory")), Ref(), Ref())}
    return site


def named(site: Site, *names: str) -> ReviewRequest:
    """A request that the job grants."""
    site.grant = replace(site.grant, reviewers=frozenset(names))
    return replace(ASK, reviewers=names)


@pytest.mark.parametrize("event", [EVENT, replace(EVENT, pull=PullRequest(5))], ids=["no pull request", "its own"])
def test_people_and_teams_are_asked_journalled_first(site: Site, gates: FakeGates, event: Event) -> None:
    site.event = event
    receipt = site.perform(ASK, *LOCAL)["ask"]
    assert (receipt.state, receipt.detail) == (ReceiptState.DONE, "2 accounts and 1 team asked")
    assert gates.asked == [(5, ("ada", "grace"), ("on-call",))]
    assert site.journal.entries[:2] == [("intent", "ask"), ("receipt", "ask")]
    site.assert_told()


@pytest.mark.parametrize(
    ("effect", "event"),
    [
        (replace(ASK, reviewers=("eve",)), EVENT),
        (replace(ASK, reviewers=(*NAMES, "eve")), EVENT),
        (ASK, replace(EVENT, pull=PullRequest(4))),
        (replace(ASK, pull=6), EVENT),
        (replace(ASK, pull=0), EVENT),
    ],
)
def test_who_or_what_the_job_does_not_name_is_refused_without_a_call(
    site: Site, gates: FakeGates, effect: ReviewRequest, event: Event
) -> None:
    site.event = event
    assert site.perform(effect, *LOCAL)["ask"].state is ReceiptState.FAILED
    assert gates.calls == site.forge.calls == []
    site.assert_told()


def test_a_job_that_asks_nobody_asks_nobody(site: Site, gates: FakeGates) -> None:
    site.grant = EffectPolicy()
    assert site.perform(ASK, replace(ASK, key="none", reviewers=()))["ask"].state is ReceiptState.FAILED
    assert gates.calls == []


@pytest.mark.parametrize(
    "odd", ["", "a b", "other/on-call", "org/", "/on-call", "org/a/b", "-x", "../x", "é", "x" * 101, "a[bot]"]
)
def test_a_name_that_cannot_be_one_is_left_out_and_told(site: Site, gates: FakeGates, odd: str) -> None:
    receipt = site.perform(named(site, "grace", odd))["ask"]
    assert gates.asked == [(5, ("grace",), ())]
    assert receipt.state is ReceiptState.DEGRADED
    assert "neither an account nor a team" in receipt.detail


def test_the_author_is_not_asked_for_then_nobody_would_be(site: Site, gates: FakeGates) -> None:
    assert site.perform(named(site, "Mallory", "ada"))["ask"].state is ReceiptState.DONE
    assert gates.asked == [(5, ("ada",), ())]
    receipt = site.perform(named(site, "mallory"))["ask"]
    assert (receipt.state, receipt.detail) == (ReceiptState.DEGRADED, "nobody is left to ask but the author")
    assert len(gates.asked) == 1


def test_more_than_github_takes_is_refused(site: Site, gates: FakeGates) -> None:
    assert site.perform(named(site, *(f"p{number}" for number in range(16))))["ask"].state is ReceiptState.FAILED
    assert site.perform(named(site, *(f"p{number}" for number in range(15))))["ask"].state is ReceiptState.DONE
    assert len(gates.asked) == 1


@pytest.mark.parametrize("status", [403, 404, 422, 502])
def test_a_refusal_is_a_warning_and_everything_else_stands(site: Site, gates: FakeGates, status: int) -> None:
    gates.refusals["ask_for_review"] = refusal(status, "The job lacks `pull-requests: write`")
    assert site.perform(ASK, *LOCAL)["ask"].state is ReceiptState.DEGRADED
    assert "pull-requests: write" in site.warnings[0]
    assert "pull-requests: write" in site.summary
    site.assert_told()


def test_without_a_connection_it_is_skipped(site: Site) -> None:
    site.connected = False
    assert site.perform(ASK)["ask"].state is ReceiptState.SKIPPED


def test_a_dry_run_tells_of_it() -> None:
    assert dry_run(Plan((ASK,))) == "review of pull request 5 asked of ada, @grace, org/on-call"
