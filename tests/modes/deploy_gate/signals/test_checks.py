"""Which checks still run, which satisfy a required one, and what share passed: on evidence made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.gate_evidence import CheckState, GateEvidence, Reading, State
from cicd_agent.modes.deploy_gate.score import policy
from cicd_agent.modes.deploy_gate.signals.checks import red_checks, satisfying, share_of_checks, still_running
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import NOW, RUN
from tests.support.samples.changes import change_of

CI, DEPLOY = ".github/workflows/ci.yml", ".github/workflows/deploy.yml"


def job(name: str, conclusion: str = "", status: str = "in_progress", **fields: Any) -> CheckState:
    """A job of a workflow, going on unless it has a conclusion."""
    known = {"app": "github-actions", "app_id": 15_368, "run": 5, "workflow": CI, "event": "push", **fields}
    return CheckState(name, "completed" if conclusion else status, conclusion, NOW - 60 if conclusion else 0, **known)


def own(name: str, status: str = "in_progress") -> CheckState:
    return job(name, status=status, run=int(RUN), workflow=DEPLOY, own=True)


def names(*checks: CheckState, required: tuple[str, ...] = (), **settings: Any) -> list[str]:
    gate = GateEvidence("c" * 40, "production", NOW, checks=checks, required=required)
    return [check.name for check in still_running(gate, policy(Settings(**settings)))]


def test_whatever_goes_on_may_still_say_no_required_or_not() -> None:
    slow = CheckState("ci/slow", "pending")
    assert names(job("lint", "success"), job("test"), job("e2e", status="queued"), slow) == ["test", "e2e", "ci/slow"]


def test_a_job_beside_the_gate_in_its_own_run_is_waited_for() -> None:
    assert names(own("gate"), own("test")) == ["gate", "test"]


@pytest.mark.parametrize(
    "check",
    [
        own("gate"),
        job("deploy to staging", deploys=True, workflow=".github/workflows/staging.yml"),
        job("approve", status="waiting"),
        job("nightly fuzzing", event="schedule"),
        job("approve-deploy", event="issue_comment"),
    ],
    ids=lambda check: check.name,
)
def test_what_does_not_check_the_commit_is_not_waited_for(check: CheckState) -> None:
    assert names(job("test", "success"), check) == []


def test_two_gates_do_not_wait_for_each_other() -> None:
    legs = tuple(replace(own(name), is_gate=True) for name in ("gate (eu)", "gate (us)"))
    other_run = job("gate", run=99, workflow=DEPLOY)
    other_workflow = job("gate", run=98, workflow=".github/workflows/staging.yml", is_gate=True)
    assert names(*legs, own("deploy", "queued"), other_run, other_workflow) == []


def test_a_required_check_is_waited_for_whatever_began_it() -> None:
    nightly = job("nightly", event="schedule")
    assert names(nightly, required=("nightly",), ignore_checks=("night*",)) == ["nightly"]


def test_a_team_may_leave_out_what_never_ends() -> None:
    stuck = CheckState("bot/never", "in_progress", app="bot")
    assert names(stuck, job("test")) == ["bot/never", "test"]
    assert names(stuck, job("test"), ignore_checks=("bot/*",)) == ["test"]


def test_where_an_app_is_named_no_other_one_and_no_status_satisfies() -> None:
    checks = (job("test", "failure"), CheckState("test", "completed", "success", app="other", app_id=7))
    status = CheckState("test", "completed", "success")
    gate = GateEvidence("c" * 40, "production", NOW, checks=(*checks, status), required=("test",))
    assert len(satisfying(gate, "test")) == 3
    named = GateEvidence(
        "c" * 40, "production", NOW, checks=(*checks, status), required=("test",), required_apps=(("test", 15_368),)
    )
    assert satisfying(named, "test") == [checks[0]]
    assert red_checks(named, policy(Settings())) == ("test",)
    absent = GateEvidence(
        "c" * 40, "production", NOW, checks=(*checks, status), required=("test",), required_apps=(("test", 8),)
    )
    assert satisfying(absent, "test") == []


def share(
    *checks: CheckState,
    required: tuple[str, ...] = (),
    changed: str = "src/a.py",
    **settings: Any,
) -> Any:
    gate = GateEvidence("c" * 40, "production", NOW, checks=checks, required=required)
    read = Reading("checks", State.KNOWN)
    return share_of_checks(gate, read, policy(Settings(**settings)), change_of((changed, "a", "b")))


@pytest.mark.parametrize("how", ["skipped", "cancelled", "neutral"])
def test_tests_that_were_all_skipped_or_cancelled_are_none(how: str) -> None:
    reading = share(job("lint", "success"), job("test (3.11)", how), job("test (3.12)", how))
    assert reading.state is State.MISSING
    assert reading.problem == "no test ran: `test (3.11)`, `test (3.12)` were skipped or cancelled"


def test_tests_that_were_skipped_for_documents_are_no_loss() -> None:
    assert share(job("lint", "success"), job("test", "skipped"), changed="docs/a.md").value == 100


def test_one_test_that_ran_is_enough_where_others_were_not_concerned() -> None:
    assert share(job("unit-tests", "success"), job("e2e", "skipped")).value == 100


def test_without_a_name_of_a_test_the_required_checks_are_what_has_to_run() -> None:
    assert share(job("lint", "success"), job("ci", "skipped"), required=("ci",)).state is State.MISSING
    assert share(job("lint", "success"), job("publish", "skipped")).value == 100
    assert share(job("latest", "skipped"), job("lint", "success")).value == 100


def test_a_deployment_that_failed_and_what_is_left_out_are_no_tests() -> None:
    reading = share(job("test", "success"), job("deploy", "failure", deploys=True), job("bot", "failure"))
    assert reading.value == 50
    reading = share(
        job("test", "success"), job("deploy", "failure", deploys=True), job("bot", "failure"), ignore_checks=("bot",)
    )
    assert (reading.value, reading.words) == (100, "1 of 1 check passed")


def test_what_may_fail_counts_only_where_it_is_required_or_its_workflow_changes() -> None:
    checks = (job("test", "success"), job("nightly-python", "failure", may_fail=True, workflow="ci.yml"))
    reading = share(*checks)
    assert (reading.value, reading.words) == (100, "1 of 1 check passed, 1 failed that may (`continue-on-error`)")
    assert share(*checks, required=("nightly-python",)).value == 50
    # Or else a change could let its own tests fail.
    assert share(*checks, changed="ci.yml").value == 50
    assert share(checks[1]).state is State.MISSING
