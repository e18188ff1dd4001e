"""The deployment gate from end to end: the real command line in this process, and GitHub on loopback."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.jobs.gate import AFTER, EVENTS, HOUR, RUN, GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import moment
from tests.support.servers.github.run_state import Attempt, Run
from tests.support.servers.github.run_state import Job as RunJob

MOST_REQUESTS = 16


def stops(left: Left) -> list[str]:
    """What holds by itself and was lifted by nobody."""
    return [each["id"] for each in left.report["gated"]["stops"] if not each["lifted"]]


def held(left: Left, *names: str) -> None:
    """The run holds for these reasons, in this order, and fails by it."""
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (1, "hold", "failure"), left.log
    assert stops(left) == [*names]


def proceeds(left: Left) -> None:
    """The run lets the deployment through."""
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "proceed", "success"), left.log


@pytest.mark.parametrize("event", EVENTS)
def test_a_clean_deployment_proceeds_on_every_event_with_few_requests(jobs: GateJobs, event: str) -> None:
    # A deployment names its environment itself.
    left = jobs.run(event, environment="" if event == "deployment" else "production")
    proceeds(left)
    assert left.outputs["summary"].startswith(f"Deploy {jobs.sha[:7]} to production, score 100 ")
    assert (left.outputs["safety_score"], left.report["gated"]["review_match"]) == ("100", "same_patch")
    assert left.outputs["requires_approval"] == "false"
    assert len(jobs.hub.received) <= MOST_REQUESTS
    # Nothing was written: there is nobody to ask.
    assert {request.method for request in jobs.hub.received if request.path != "/graphql"} == {"GET"}


def test_a_hold_stays_within_the_same_number_of_requests(jobs: GateJobs) -> None:
    jobs.unapprove()
    held(jobs.run(), "score")
    assert len(jobs.told) == 1
    assert len(jobs.hub.received) <= MOST_REQUESTS


@pytest.mark.parametrize("event", ["pull_request", "merge_group", "frobnicate"])
def test_an_event_that_the_gate_does_not_serve_holds_and_asks_nobody(jobs: GateJobs, event: str) -> None:
    left = jobs.run(event)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert stops(left)[0] == "event"
    assert f"`{event}`" in left.outputs["summary"]
    assert jobs.hub.received == []


def test_a_comment_that_says_nothing_to_us_costs_no_request_and_lets_nothing_through(jobs: GateJobs) -> None:
    left = jobs.comment("Looks good to me, /approve-deploy soon")
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "skipped"), left.log
    assert "neither approves nor overrides" in left.summary
    assert jobs.hub.received == []


def test_a_deployment_without_an_environment_holds(jobs: GateJobs) -> None:
    held(jobs.run(environment=""), "no-environment")


def test_all_jobs_run_again_after_a_deployment_failed_are_another_attempt(jobs: GateJobs) -> None:
    jobs.hub.gate.add_deployment(jobs.sha, "production", "in_progress", "failure", at=jobs.now - HOUR)
    proceeds(jobs.run())


def test_what_runs_already_and_does_harm_is_rolled_back_to_the_last_that_worked(jobs: GateJobs) -> None:
    jobs.hub.gate.add_deployment(jobs.sha, "production", "in_progress", "failure", at=jobs.now - HOUR)
    jobs.hub.gate.add_incident("Checkout is down", at=jobs.now - 60)
    left = jobs.run()
    assert (left.exit, left.outputs["decision"], left.outputs["rollback_to"]) == (1, "rollback", jobs.base), left.log
    assert left.outputs["summary"].startswith(f"Roll back {jobs.sha[:7]} on production")
    assert left.outputs["requires_approval"] == "false"


def test_an_older_commit_that_worked_before_may_come_back(jobs: GateJobs) -> None:
    jobs.hub.gate.add_deployment(jobs.sha, "production", "in_progress", "success", at=jobs.now - HOUR)
    jobs.hub.gate.add_check(jobs.base, "unit", at=jobs.now - HOUR)
    left = jobs.run("workflow_dispatch", sha=jobs.base)
    proceeds(left)
    assert (left.report["gated"]["review_match"], left.outputs["rollback_to"]) == ("exact", "")
    assert f"Deploy {jobs.base[:7]} " in left.outputs["summary"]


def test_what_was_never_reviewed_holds_although_all_is_green(jobs: GateJobs) -> None:
    jobs.pull.landed = ()
    left = jobs.run()
    assert stops(left)[0] == "unreviewed"
    assert (left.exit, left.outputs["decision"], left.report["gated"]["review_match"]) == (1, "hold", "none")


def test_only_a_request_for_changes_by_somebody_with_write_access_holds(jobs: GateJobs) -> None:
    jobs.hub.gate.review(7, "passer-by", "CHANGES_REQUESTED", association="CONTRIBUTOR", at=jobs.now - HOUR)
    left = jobs.run()
    proceeds(left)
    assert "somebody without write access asks for changes" in left.summary
    jobs.hub.gate.review(7, "maintainer", "CHANGES_REQUESTED", at=jobs.now - HOUR)
    held(jobs.run(), "score")


def test_a_merge_commit_is_exactly_what_was_reviewed(jobs: GateJobs) -> None:
    merged(jobs)
    left = jobs.run()
    proceeds(left)
    assert left.report["gated"]["review_match"] == "exact"


def test_a_line_that_slipped_into_a_merge_was_not_reviewed(jobs: GateJobs) -> None:
    merged(jobs, more="print('hello')\n")
    left = jobs.run()
    held(left, "unreviewed", "score")
    assert left.report["gated"]["review_match"] == "none"


def test_a_freeze_holds_until_somebody_overrides_it(tmp_path: Path, hub: FakeGitHub) -> None:
    begins, ends = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 24 * HOUR)) for days in (-2, 2))
    freeze = f"freezes:\n  sales:\n    begins: {begins}\n    ends: {ends}\n    owner: shop\n"
    jobs = GateJobs(tmp_path, hub, config=freeze)
    left = jobs.run()
    held(left, "freeze")
    assert "the freeze `sales` holds until" in left.outputs["summary"]
    assert left.outputs["requires_approval"] == "false"


def test_an_exhausted_error_budget_holds_and_a_revert_is_exempt(jobs: GateJobs) -> None:
    jobs.signals({"coverage_delta": 0.5, "error_budget_remaining": -0.2})
    held(jobs.run(), "budget")
    git = jobs.job.repo.git
    git("commit", "--quiet", "--amend", "-m", 'Revert "Begin" (#7)')
    moved(jobs)
    left = jobs.run()
    proceeds(left)
    assert left.report["gated"]["exempt"] == "it takes back what was deployed"


def test_an_incident_or_a_red_required_check_holds(jobs: GateJobs) -> None:
    jobs.hub.gate.add_incident("Checkout is down", at=jobs.now - 60)
    jobs.hub.gate.require("main", "unit", "lint", "licences")
    checks = jobs.repo.check_runs
    checks[:] = [replace(one, conclusion="failure") if one.name == "lint" else one for one in checks]
    held(jobs.run(), "red-check", "missing-check", "incident", "score")


def test_a_first_deployment_takes_an_approval_once_and_says_why(jobs: GateJobs) -> None:
    jobs.hub.gate.data.deployments.clear()
    left = jobs.run()
    held(left, "first-deployment")
    assert left.outputs["requires_approval"] == "true"
    assert "nothing was ever deployed to production" in left.summary
    jobs.hub.gate.add_deployment(jobs.base, "production-approved", "success", at=jobs.now - HOUR)
    proceeds(jobs.run())


def test_where_it_cannot_be_read_what_runs_now_only_an_override_lets_it_through(jobs: GateJobs) -> None:
    grants = {name: level for name, level in jobs.grants.items() if name != "deployments"}
    left = jobs.run(github_token=jobs.hub.add_token("ghs_less", **grants))
    held(left, "unknown-base", "fault-deployments")
    assert (left.outputs["requires_approval"], left.report["gated"]["review_match"]) == ("false", "none")
    assert "`deployments: read`" in left.summary


def test_what_a_gate_could_not_read_holds_by_its_name(jobs: GateJobs) -> None:
    token = jobs.hub.add_token("ghs_less", **{name: level for name, level in jobs.grants.items() if name != "checks"})
    left = jobs.run(github_token=token)
    assert (left.exit, left.outputs["decision"]) == (1, "hold")
    assert "fault-checks" in stops(left)
    assert "`checks: read`" in left.summary


def test_a_week_of_its_own_holds_is_no_week_of_failures(jobs: GateJobs) -> None:
    gate, file = jobs.hub.gate, ".github/workflows/deploy.yml"
    jobs.job.variables["GITHUB_WORKFLOW_REF"] = f"octo/app/{file}@refs/heads/main"
    gate.add_check(jobs.sha, "gate", "", run=RUN)
    for number in range(8):
        names = (("test", "success"), ("gate", "failure"), ("deploy", "skipped"))
        attempt = Attempt([RunJob(jobs.hub.new_id(), name, word) for name, word in names])
        when = moment(jobs.now - number * HOUR - HOUR)
        jobs.repo.runs.append(
            Run(900 + number, "deploy", "d" * 40, "main", created_at=when, path=file, attempts=[attempt])
        )
    left = jobs.run()
    proceeds(left)
    assert "0 of 1 run in 7 days failed" in left.summary
    jobs.repo.runs[-1].attempts[-1].jobs[0] = RunJob(jobs.hub.new_id(), "test", "failure")
    assert "1 of 2 runs in 7 days failed" in jobs.run().summary


def test_what_the_repository_cannot_have_is_no_fault(jobs: GateJobs) -> None:
    jobs.hub.gate.data.has_rules = False
    jobs.repo.has_issues = False
    left = jobs.run()
    proceeds(left)
    assert left.log.count("rulesets") == 1
    assert "`required-checks`" in left.log


def test_another_refusal_of_the_rules_is_a_fault_with_its_own_remedy(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/rules/branches/", 403, {"message": "Resource not accessible by integration"})
    left = jobs.run()
    held(left, "fault-required")
    assert "`metadata: read`" in left.summary


def test_without_a_token_one_line_says_what_to_pass(jobs: GateJobs) -> None:
    left = jobs.run(github_token="")
    held(left, "no-token")
    assert "Pass `github-token: ${{ github.token }}`" in left.summary
    assert left.outputs["requires_approval"] == "false"


def test_the_page_the_report_and_the_outputs_say_the_same(jobs: GateJobs) -> None:
    jobs.unapprove()
    left = jobs.run()
    gated = left.report["gated"]
    assert gated["decision"] == left.outputs["decision"] == "hold"
    assert gated["hash"] == left.outputs["approval_hash"]
    assert "`/approve-deploy` on [pull request 7]" in left.summary
    assert f"lifted by an approval of `{gated['hash']}`" in jobs.told[0]
    assert json.loads(left.outputs["pre_deploy_checks"]) == gated["pre_deploy_checks"]


def merged(jobs: GateJobs, more: str = "") -> None:
    """The pull request came by a merge commit, into which `more` slipped."""
    git = jobs.job.repo.git
    git("reset", "--quiet", "--hard", jobs.base)
    git("merge", "--quiet", "--no-ff", "--no-commit", "topic")
    (jobs.job.repo.path / "app.py").write_text(AFTER["app.py"] + more)
    git("add", "app.py")
    git("commit", "--quiet", "-m", "Merge pull request #7")
    moved(jobs)


def moved(jobs: GateJobs) -> None:
    """Main has come to another commit, which is checked as the first was."""
    jobs.sha = jobs.job.repo.head
    jobs.job.variables["GITHUB_SHA"] = jobs.sha
    jobs.hub.gate.merge(7, jobs.sha)
    jobs.repo.check_runs[:] = [replace(one, commit=jobs.sha) for one in jobs.repo.check_runs]
