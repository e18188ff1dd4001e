"""Half a picture of the checks lets nothing through, and what still runs is waited for: the real command line."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.gate import HOUR, RUN, GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub

MOST_REQUESTS = 40
JENKINS = sum(b"jenkins")


class Clock:
    """Time that passes only where somebody sleeps; `then` is what happens after so many seconds."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.then: dict[float, Callable[[], object]] = {}

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        for at in [at for at in self.then if at <= self.slept]:
            self.then.pop(at)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub, clock: Clock) -> GateJobs:  # noqa: ARG001  nothing here waits in earnest
    return GateJobs(tmp_path, hub)


def held(left: Left, *names: str) -> dict[str, Any]:
    """The run holds for these reasons, in this order; each by its name."""
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (1, "hold", "failure"), left.log
    stops = {each["id"]: each for each in left.report["gated"]["stops"]}
    assert [*stops] == [*names]
    return stops


def proceeds(left: Left) -> None:
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_tests_that_still_run_are_waited_for_although_nothing_requires_them(jobs: GateJobs, clock: Clock) -> None:
    gate = jobs.hub.gate
    gate.data.rules.clear()
    jobs.repo.check_runs.clear()
    gate.begin_run(70, jobs.sha, "ci.yml")
    gate.add_check(jobs.sha, "lint", at=jobs.now - HOUR, run=70)
    for shard in range(3):
        check = gate.add_check(jobs.sha, f"test ({shard})", "", run=70)
        clock.then[100.0 + shard] = partial(gate.end_check, check, at=jobs.now)
    clock.then[110] = lambda: setattr(jobs.repo.runs[-1].attempts[0], "status", "completed")
    left = jobs.run()
    proceeds(left)
    assert 110 <= clock.slept <= 200
    assert "Waiting for `test (0)`, `test (1)`, `test (2)`: 10.0 more minutes at most" in left.log
    assert "4 of 4 checks passed" in left.summary
    assert len(jobs.hub.received) <= MOST_REQUESTS


def test_what_runs_for_longer_holds_by_its_name_and_somebody_may_approve_it(jobs: GateJobs, clock: Clock) -> None:
    for shard in range(3):
        jobs.hub.gate.add_check(jobs.sha, f"test ({shard})", "")
    stop = held(jobs.run(), "running-check")["running-check"]
    assert stop["text"] == "the checks `test (0)`, `test (1)`, `test (2)` are still running"
    assert (stop["lift"], clock.slept) == ("approval", 600)
    assert len(jobs.hub.received) <= MOST_REQUESTS


def test_a_job_with_less_time_waits_for_less(jobs: GateJobs, clock: Clock) -> None:
    jobs.hub.gate.add_check(jobs.sha, "test", "")
    held(jobs.run(timeout_minutes="2"), "running-check")
    assert 60 <= clock.slept <= 90


def test_the_tests_fail_meanwhile(jobs: GateJobs, clock: Clock) -> None:
    check = jobs.hub.gate.add_check(jobs.sha, "test", "")
    jobs.hub.gate.require("main", "unit", "test")
    clock.then[20] = lambda: jobs.hub.gate.end_check(check, "failure", jobs.now)
    assert "red-check" in held(jobs.run(), "red-check", "score")
    assert clock.slept < 60


def test_what_happened_while_it_waited_counts(jobs: GateJobs, clock: Clock) -> None:
    check = jobs.hub.gate.add_check(jobs.sha, "test", "")
    clock.then[10] = lambda: jobs.hub.gate.end_check(check, at=jobs.now)
    clock.then[11] = lambda: jobs.hub.gate.add_incident("Checkout is down", at=jobs.now)
    held(jobs.run(), "incident")


def test_nobody_waits_beside_a_red_required_check(jobs: GateJobs, clock: Clock) -> None:
    jobs.hub.gate.require("main", "unit", "build")
    jobs.hub.gate.add_check(jobs.sha, "build", "failure", at=jobs.now - HOUR)
    jobs.hub.gate.add_check(jobs.sha, "e2e", "")
    held(jobs.run(), "running-check", "red-check", "score")
    assert clock.slept == 0


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_run_whose_tests_have_not_begun_is_waited_for(jobs: GateJobs, clock: Clock, status: str) -> None:
    jobs.hub.gate.begin_run(70, jobs.sha, "ci.yml", status=status)
    assert "`ci (workflow)`" in held(jobs.run(), "running-check")["running-check"]["text"]
    assert clock.slept == 600


def test_nothing_waits_for_what_waits_for_the_gate_or_deploys(jobs: GateJobs, clock: Clock) -> None:
    gate = jobs.hub.gate
    gate.begin_run(RUN, jobs.sha, "deploy.yml")
    gate.add_check(jobs.sha, "gate", "", run=RUN)
    gate.add_check(jobs.sha, "deploy", "", run=RUN, status="queued")
    gate.add_check(jobs.sha, "release to staging", "", run=71, environment="staging")
    gate.add_check(jobs.sha, "release to production", "", run=71, status="waiting")
    gate.begin_run(72, jobs.sha, "nightly.yml", event="schedule")
    proceeds(jobs.run())
    assert clock.slept == 0


def test_a_job_with_the_name_of_the_gate_is_waited_for_and_holds_by_its_name(jobs: GateJobs, clock: Clock) -> None:
    gate = jobs.hub.gate
    gate.begin_run(RUN, jobs.sha, "deploy.yml")
    gate.add_check(jobs.sha, "gate", "", run=RUN)
    run = gate.begin_run(70, jobs.sha, "ci.yml")
    test = gate.add_check(jobs.sha, "gate", "", run=run.id)
    stop = held(jobs.run(), "running-check")["running-check"]
    assert (stop["text"], clock.slept) == ("the check `gate` is still running", 600)
    gate.end_check(test, "failure", jobs.now)
    run.attempts[0].status = "completed"
    held(jobs.run(), "score")


def test_a_team_may_name_what_never_ends(tmp_path: Path, hub: FakeGitHub, clock: Clock) -> None:
    jobs = GateJobs(tmp_path, hub, config="ignore-checks: ['bot/*']\n")
    hub.gate.add_check(jobs.sha, "bot/never", "", app="bot")
    proceeds(jobs.run())
    assert clock.slept == 0


def test_a_list_that_is_not_whole_is_a_fault_with_a_remedy(jobs: GateJobs) -> None:
    for shard in range(150):
        jobs.hub.gate.add_check(jobs.sha, f"shard {shard}", at=jobs.now - HOUR)
    jobs.hub.fail("GET", "/check-runs$", 200, {"total_count": 152, "check_runs": []}, nth=2, times=3)
    left = jobs.run()
    assert (left.exit, left.outputs["decision"]) == (1, "hold")
    assert "of 152 came). Run the job again" in left.summary


def test_red_ones_beyond_the_third_page_are_seen(jobs: GateJobs) -> None:
    jobs.hub.gate.require("main", "unit", "shard 349")
    for shard in range(350):
        jobs.hub.gate.add_check(jobs.sha, f"shard {shard}", "failure" if shard > 320 else "success", at=jobs.now - HOUR)
    held(jobs.run(), "red-check", "score")
    assert len(jobs.hub.received) <= MOST_REQUESTS


def test_rules_that_are_not_shown_hold_where_checks_are_required(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/rules/", 404, {"message": "Not Found"})
    stop = held(jobs.run(), "fault-required")["fault-required"]
    assert "refused to list the rules of main (404" in stop["text"]


def test_a_triggering_run_that_failed_holds_until_it_was_run_again(jobs: GateJobs) -> None:
    event = jobs.payload("workflow_run")
    event["workflow_run"]["conclusion"] = "failure"
    stop = held(jobs.run("workflow_run", payload=event), "red-run")["red-run"]
    assert stop["text"] == "the run of `CI` that started the gate ended with failure"
    jobs.hub.gate.begin_run(76, jobs.sha, "ci.yml", status="success")
    jobs.hub.gate.add_check(jobs.sha, "build", run=76, at=jobs.now - HOUR)
    proceeds(jobs.run("workflow_run", payload=event))


def test_a_green_check_of_another_workflow_hides_no_red_one(jobs: GateJobs) -> None:
    gate = jobs.hub.gate
    gate.begin_run(70, jobs.sha, "ci.yml", status="failure")
    gate.begin_run(71, jobs.sha, "docs.yml", status="success")
    gate.require("main", "test")
    gate.add_check(jobs.sha, "test", "failure", run=70, at=jobs.now - HOUR)
    gate.add_check(jobs.sha, "test", "success", run=71, at=jobs.now - HOUR)
    held(jobs.run(), "red-check", "score")


def test_a_job_that_may_fail_holds_nothing(jobs: GateJobs) -> None:
    jobs.hub.gate.begin_run(70, jobs.sha, "ci.yml", status="success")
    jobs.hub.gate.add_check(jobs.sha, "unit (3.15-dev)", "failure", run=70, at=jobs.now - HOUR)
    proceeds(jobs.run())


def test_another_apps_check_satisfies_no_rule_that_names_an_app(jobs: GateJobs) -> None:
    gate = jobs.hub.gate
    gate.require("main", "audit", app=JENKINS)
    gate.add_check(jobs.sha, "audit", at=jobs.now - HOUR)
    gate.add_status(jobs.sha, "audit", at=jobs.now - HOUR)
    text = held(jobs.run(), "missing-check")["missing-check"]["text"]
    assert "it came from a commit status, github-actions" in text
    gate.add_check(jobs.sha, "audit", app="jenkins", at=jobs.now - HOUR)
    proceeds(jobs.run())


def test_a_check_that_classic_protection_requires_is_required(jobs: GateJobs) -> None:
    jobs.hub.gate.require("main", "licences", classic=True)
    held(jobs.run(), "missing-check")


def test_classic_protection_that_is_not_shown_is_said(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/app/branches/main$", 403, {"message": "Resource not accessible by integration"})
    left = jobs.run()
    proceeds(left)
    assert "classic branch protection" in left.summary


@pytest.mark.parametrize("how", ["skipped", "cancelled"])
def test_tests_that_were_all_skipped_have_not_passed(jobs: GateJobs, how: str) -> None:
    jobs.repo.check_runs.clear()
    jobs.hub.gate.data.rules.clear()
    jobs.hub.gate.add_check(jobs.sha, "lint", at=jobs.now - HOUR)
    jobs.hub.gate.add_check(jobs.sha, "test", how, at=jobs.now - HOUR)
    left = jobs.run()
    held(left, "unreachable", "score")
    assert "no test ran: `test` was skipped or cancelled" in left.summary


def test_a_commit_without_any_check_is_held_by_its_score_alone(jobs: GateJobs, clock: Clock) -> None:
    jobs.repo.check_runs.clear()
    jobs.hub.gate.data.rules.clear()
    held(jobs.run(), "unreachable", "score")
    assert clock.slept == 0


def test_a_rate_limit_that_is_lifted_in_time_is_waited_for_once(jobs: GateJobs, clock: Clock) -> None:
    jobs.hub.rate_remaining, jobs.hub.rate_reset = 0, jobs.now + 170
    clock.then[100] = lambda: setattr(jobs.hub, "rate_remaining", 1_000)
    left = jobs.run()
    proceeds(left)
    assert "GitHub's rate limit is used up; waiting 3 min until " in left.log
    assert 100 < clock.slept < 180


@pytest.mark.parametrize(("minutes", "waited"), [(50, False), (3, True)])
def test_a_rate_limit_beyond_the_time_is_one_hold_that_says_when_it_ends(
    jobs: GateJobs, clock: Clock, *, minutes: int, waited: bool
) -> None:
    # Some requests are answered before it is used up, all of GraphQL's too late.
    jobs.hub.rate_remaining, jobs.hub.rate_reset = 4, jobs.now + minutes * 60
    stops = held(jobs.run(), "rate-limit")
    until = time.strftime("%H:%M", time.gmtime(jobs.hub.rate_reset + 61))
    assert stops["rate-limit"]["text"].startswith("GitHub could not be asked: its rate limit is used up until ")
    assert until[:4] in stops["rate-limit"]["text"]
    assert "the token of a GitHub App" in stops["rate-limit"]["remedy"]
    assert (clock.slept > 0) is waited
