"""Only the event's own run, or an approved one, is run again: once, if the job and the run as it is now allow it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Plan, ReceiptState, Rerun
from cicd_agent.domain.events.event import Comment, Event, EventKind, WorkflowRun
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.errors import ForgeRefused
from cicd_agent.rendering.dry_run import dry_run
from tests.support.fakes.ports import FakeForge
from tests.support.samples.plans import LOCAL, SHA, Site, refusal

EVENT = Event(EventKind.WORKFLOW_RUN, sha=SHA, run=WorkflowRun(81, conclusion="failure"))
RERUN = Rerun("rerun-81", 81, 1, "infrastructure")


@dataclass
class Doubled:
    """The runs of a repository, as far as they are read and run again."""

    states: dict[int, RunState]
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def run(self, run: int, attempt: int = 0) -> RunState:
        self._called(f"run {run} {attempt}")
        return self.states[run]

    def rerun(self, run: int) -> None:
        self._called(f"rerun {run}")
        self.states[run] = replace(self.states[run], attempt=self.states[run].attempt + 1, status="queued")

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if (why := self.refusals.get(call.partition(" ")[0])) is not None:
            raise why


ENDED = RunState(81, status="completed", conclusion="failure")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Doubled:
    runs = Doubled({81: ENDED, 82: replace(ENDED, id=82)})
    monkeypatch.setattr(FakeForge, "runs", property(lambda _: runs), raising=False)
    return runs


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, event=EVENT, grant=EffectPolicy(reruns=frozenset({"infrastructure"})))


def test_failed_jobs_are_run_again_once_journalled_first(site: Site, runs: Doubled) -> None:
    receipt = site.perform(RERUN, *LOCAL)["rerun-81"]
    assert receipt.state is ReceiptState.DONE
    assert runs.calls == ["run 81 0", "rerun 81"]
    assert site.journal.entries[:2] == [("intent", "rerun-81"), ("receipt", "rerun-81")]
    again = site.perform(RERUN)["rerun-81"]
    assert (again.state, again.detail) == (ReceiptState.SKIPPED, "it was run again before: there is attempt 2")
    assert runs.calls.count("rerun 81") == 1
    site.assert_told()


def test_a_plan_that_asks_twice_gets_one(site: Site, runs: Doubled) -> None:
    states = [one.state for one in site.perform(RERUN, replace(RERUN, key="more")).values()]
    assert states == [ReceiptState.DONE, ReceiptState.SKIPPED]
    assert runs.calls.count("rerun 81") == 1


def test_one_whose_answer_was_lost_is_not_asked_for_again(site: Site, runs: Doubled) -> None:
    runs.refusals["rerun"] = refusal(403, "no answer, it may have been done")
    states = [one.state for one in site.perform(RERUN, replace(RERUN, key="more")).values()]
    assert states == [ReceiptState.DEGRADED, ReceiptState.SKIPPED]
    assert runs.calls.count("rerun 81") == 1


@pytest.mark.parametrize(
    ("effect", "event"),
    [
        (replace(RERUN, run=82), EVENT),
        (RERUN, replace(EVENT, run=WorkflowRun(82))),
        (RERUN, replace(EVENT, run=WorkflowRun(81, attempt=2))),
        (RERUN, replace(EVENT, run=None)),
    ],
    ids=["a plan's other run", "an event's other run", "another attempt", "no run"],
)
def test_a_run_that_is_not_the_events_is_refused_without_a_call(
    site: Site, runs: Doubled, effect: Rerun, event: Event
) -> None:
    site.event = event
    assert site.perform(effect, *LOCAL)["rerun-81"].state is ReceiptState.FAILED
    assert runs.calls == []
    site.assert_told()


def test_a_second_attempt_is_not_followed_by_a_third(site: Site, runs: Doubled) -> None:
    site.event = replace(EVENT, run=WorkflowRun(81, attempt=2))
    receipt = site.perform(replace(RERUN, attempt=2))["rerun-81"]
    assert (receipt.state, receipt.detail) == (ReceiptState.SKIPPED, "it was run again before: this was attempt 2")
    assert runs.calls == []


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.WORKFLOW_RUN])
def test_a_run_that_still_goes_on_cannot_run_itself_again(site: Site, runs: Doubled, kind: EventKind) -> None:
    site.event = replace(EVENT, kind=kind)
    receipt = site.perform(RERUN, *LOCAL)["rerun-81"]
    assert receipt.state is ReceiptState.SKIPPED
    assert "takes a `workflow_run` event" in receipt.detail
    assert runs.calls == []
    assert site.warnings == []


@pytest.mark.parametrize(("granted", "reason"), [((), "infrastructure"), (("infrastructure",), "flaky")])
def test_a_reason_that_the_job_does_not_grant_is_none(
    site: Site, runs: Doubled, granted: tuple[str, ...], reason: str
) -> None:
    site.grant = EffectPolicy(reruns=frozenset(granted))
    effect = replace(RERUN, reason=reason)  # type: ignore[arg-type]
    receipt = site.perform(effect)["rerun-81"]
    assert receipt.state is ReceiptState.SKIPPED
    assert f"for the reason `{reason}`" in receipt.detail
    assert runs.calls == []


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(ENDED, attempt=2), "it was run again before: there is attempt 2"),
        (replace(ENDED, status="in_progress", conclusion=""), "it has not ended yet"),
        (replace(ENDED, status="queued"), "it has not ended yet"),
        (replace(ENDED, status=""), "it has not ended yet"),
        (replace(ENDED, conclusion="success"), "it has passed"),
    ],
    ids=["run again meanwhile", "going on", "waiting", "not known", "passed"],
)
def test_the_run_as_it_is_now_decides(site: Site, runs: Doubled, now: RunState, why: str) -> None:
    runs.states[81] = now
    receipt = site.perform(RERUN)["rerun-81"]
    assert (receipt.state, receipt.detail) == (ReceiptState.SKIPPED, why)
    assert runs.calls == ["run 81 0"]


@pytest.mark.parametrize("method", ["run", "rerun"])
def test_a_refusal_is_a_warning_that_names_the_permission(site: Site, runs: Doubled, method: str) -> None:
    runs.refusals[method] = refusal(403, "The job lacks `actions: write`")
    receipt = site.perform(RERUN, *LOCAL)["rerun-81"]
    assert receipt.state is ReceiptState.DEGRADED
    assert "actions: write" in receipt.detail
    assert "actions: write" in site.warnings[0]
    assert "actions: write" in site.summary
    site.assert_told()


def test_without_a_connection_it_is_skipped(site: Site, runs: Doubled) -> None:
    site.connected = False
    assert site.perform(RERUN)["rerun-81"].state is ReceiptState.SKIPPED
    assert runs.calls == []


COMMENTED = Event(EventKind.ISSUE_COMMENT, repo="o/r", comment=Comment(7, "/approve-deploy 1a2b", issue=5))
APPROVED = Rerun("approve-81", 81, 3, "approval")
HELD = replace(ENDED, attempt=3, repo="O/R")


@pytest.fixture
def approved(site: Site, runs: Doubled) -> Site:
    runs.states[81] = HELD
    site.event, site.grant = COMMENTED, EffectPolicy(reruns=frozenset({"approval"}))
    return site


def test_an_approval_lets_a_held_run_decide_anew_once_whichever_attempt_it_was(approved: Site, runs: Doubled) -> None:
    states = [one.state for one in approved.perform(APPROVED, replace(APPROVED, key="more")).values()]
    assert states == [ReceiptState.DONE, ReceiptState.SKIPPED]
    assert runs.calls == ["run 81 0", "rerun 81"]
    again = approved.perform(APPROVED)["approve-81"]
    assert (again.state, again.detail) == (ReceiptState.SKIPPED, "the approval is of attempt 3, there is attempt 4")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(HELD, repo="mallory/r"), "it is a run of another repository"),
        (replace(HELD, repo=""), "it is a run of another repository"),
        (replace(HELD, status="in_progress", conclusion=""), "it has not ended yet"),
        (replace(HELD, conclusion="success"), "it has passed"),
        (replace(HELD, attempt=2), "the approval is of attempt 3, there is attempt 2"),
        (replace(HELD, id=82), "it has not ended yet"),
    ],
    ids=["a fork's", "nobody's", "going on", "passed", "another attempt", "another run"],
)
def test_an_approval_starts_no_run_that_is_not_held(approved: Site, runs: Doubled, now: RunState, why: str) -> None:
    runs.states[81] = now
    receipt = approved.perform(APPROVED)["approve-81"]
    assert (receipt.state, receipt.detail) == (ReceiptState.SKIPPED, why)
    assert runs.calls == ["run 81 0"]


def test_a_run_of_nobodys_is_not_that_of_an_event_without_a_repository(approved: Site, runs: Doubled) -> None:
    runs.states[81] = replace(HELD, repo="")
    approved.event = replace(COMMENTED, repo="")
    assert approved.perform(APPROVED)["approve-81"].state is ReceiptState.SKIPPED
    assert runs.calls == ["run 81 0"]


@pytest.mark.parametrize(("attempt", "state"), [(19, ReceiptState.DONE), (20, ReceiptState.SKIPPED)])
def test_approvals_do_not_start_a_run_for_ever(
    approved: Site, runs: Doubled, attempt: int, state: ReceiptState
) -> None:
    runs.states[81] = replace(HELD, attempt=attempt)
    assert approved.perform(replace(APPROVED, attempt=attempt))["approve-81"].state is state


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.ISSUE_COMMENT])
def test_only_a_comment_approves(approved: Site, runs: Doubled, kind: EventKind) -> None:
    approved.event = replace(COMMENTED, kind=kind, run=WorkflowRun(81, attempt=3))
    receipt = approved.perform(APPROVED, *LOCAL)["approve-81"]
    assert receipt.state is ReceiptState.SKIPPED
    assert "takes an `issue_comment` event" in receipt.detail
    assert runs.calls == []


@pytest.mark.parametrize("granted", [(), ("infrastructure", "flaky")])
def test_an_approval_takes_a_grant_of_its_own(approved: Site, runs: Doubled, granted: tuple[str, ...]) -> None:
    approved.grant = EffectPolicy(reruns=frozenset(granted))
    assert approved.perform(APPROVED)["approve-81"].state is ReceiptState.SKIPPED
    assert runs.calls == []


def test_a_comment_is_no_reason_to_run_the_flaky_again(approved: Site, runs: Doubled) -> None:
    approved.grant = EffectPolicy(reruns=frozenset({"flaky", "approval"}))
    assert approved.perform(replace(APPROVED, reason="flaky"))["approve-81"].state is ReceiptState.SKIPPED
    assert runs.calls == []


def test_a_dry_run_tells_of_it() -> None:
    assert dry_run(Plan((RERUN,))) == (
        "run 81: its failed jobs run again (infrastructure), if it was not run again before"
    )
    assert dry_run(Plan((APPROVED,))) == "run 81: its failed jobs run again (approval), if it is still held"
