"""Where a run could not say everything it says so: its outputs, its report, its log and its exit code agree."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.domain.effects import Comment, Notification, Summary
from tests.end_to_end.test_notices import forged
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.slack import FakeSlack

FORK = "mallory/app"
FINDING = "os.system"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def job(tmp_path: Path, hub: FakeGitHub) -> Job:
    job = Job(tmp_path)
    hub.add_repo("octo/app", job.repo.path)
    hub.add_pull(7, base="main", head="topic")
    job.variables["GITHUB_API_URL"] = hub.url
    return job


def run(job: Job, token: str, **inputs: str) -> Left:
    return job.run(github_token=token, model="off", **inputs)


def from_fork(job: Job) -> None:
    payload = job.payload()
    payload["pull_request"]["head"]["repo"] = {"full_name": FORK, "id": 2}
    job.event.write_text(json.dumps(payload))


def states(left: Left) -> dict[str, str]:
    return {each["kind"]: each["state"] for each in left.report["receipts"]}


def test_a_forks_token_that_can_only_read_is_a_notice(job: Job, hub: FakeGitHub) -> None:
    from_fork(job)
    left = run(job, hub.read_only)
    assert (left.exit, left.outputs["degraded"]) == (0, "false"), left.log
    assert "::notice title=cicd-agent::Not done: comment, review: GitHub gives a fork's pull request" in left.log
    assert (states(left)["comment"], states(left)["review"]) == ("skipped", "skipped")
    assert "critical · security**" in left.summary or "high · security**" in left.summary, (
        "what the review would have said at its lines"
    )
    assert "Not done: " in left.summary


@pytest.mark.parametrize("status", [403, 429, 404])
def test_on_a_fork_any_other_refusal_is_one(job: Job, hub: FakeGitHub, status: int) -> None:
    from_fork(job)
    said = {"message": "You have exceeded a secondary rate limit" if status == 403 else "No"}
    hub.fail("POST", "/(comments|reviews)$", status, body=said, headers={"Retry-After": "3600"}, times=9)
    left = run(job, hub.token)
    assert (left.exit, left.outputs["degraded"]) == (0, "true"), left.log
    assert "::warning title=cicd-agent::Not done: " in left.log


def test_the_missing_permission_is_named_with_what_it_keeps_from_being_posted(job: Job, hub: FakeGitHub) -> None:
    left = run(job, hub.read_only)
    assert (left.exit, left.outputs["degraded"]) == (0, "true"), left.log
    assert "::warning title=cicd-agent::Not done: comment, review: " in left.log
    assert "The job lacks `pull-requests: write`" in left.log
    assert left.report["outputs"]["degraded"] == "true"
    clean = run(job, hub.token)
    assert {**clean.outputs, "degraded": "true"} == left.outputs


def test_a_wrong_token_ends_the_run_with_its_results(job: Job) -> None:
    left = run(job, "ghs_" + "wrong" * 4)
    assert left.exit == left.report["exit"] == 3
    assert "401" in left.report["error"]
    ended = (left.outputs["conclusion"], left.outputs["degraded"], left.outputs["risk_level"])
    assert ended == ("failure", "true", "high")
    assert "::error title=cicd-agent::Not done: comment, review: " in left.log
    assert FINDING in left.summary or "shell" in left.summary


def test_a_gate_in_shadow_stops_nothing_for_a_wrong_token(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub, config="record-deployment: on\n")
    hub.fail("POST", "/deployments$", 401, body={"message": "Bad credentials"}, times=9)
    assert jobs.run(model="off").exit == 3
    left = jobs.run(model="off", enforce="shadow")
    assert (left.exit, left.outputs["degraded"]) == (0, "true"), left.log
    assert left.outputs["conclusion"] != "failure"


def test_a_verdict_that_says_stop_goes_before_a_wrong_token(job: Job) -> None:
    assert run(job, "ghs_" + "wrong" * 4, fail_on="low").exit == 1


def test_findings_that_github_takes_at_no_line_are_degraded_and_stand_in_the_comment(job: Job, hub: FakeGitHub) -> None:
    hub.fail("POST", "/reviews$", 422, body={"message": "Unprocessable"}, times=9)
    left = run(job, hub.token)
    assert (left.exit, left.outputs["degraded"]) == (0, "true")
    assert "::warning title=cicd-agent::Not done: review: GitHub refused" in left.log
    [comment] = hub.repos["octo/app"].pulls[7].comments
    assert "`app.py:5`" in comment.body


def test_a_message_that_slack_refuses_is_degraded_and_in_the_summary(job: Job, hub: FakeGitHub) -> None:
    with FakeSlack() as slack:
        slack.fail(500, "<html>")
        decision = forged(job, Notification("red", "main turned red"), Summary("summary", "all\n"))
        command = ("perform", "review", "--in", str(decision))
        left = job.run(*command, github_token=hub.token, slack_webhook_url=slack.webhook)
    assert (left.exit, left.outputs["degraded"]) == (0, "true")
    assert "::warning title=cicd-agent::Not done: notification: " in left.log
    assert "main turned red" in left.summary


def test_a_hold_that_could_not_be_posted_stays_one_and_says_so(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub)
    jobs.unapprove()
    hub.fail("POST", "/comments$", 403, times=9)
    left = jobs.run(model="off")
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (1, "hold", "true"), left.log
    assert "::warning title=cicd-agent::Not done: comment: " in left.log


def test_the_account_book_agrees_with_the_outputs(job: Job, hub: FakeGitHub, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert run(job, hub.read_only, state_dir=state).outputs["degraded"] == "true"
    written = job.run("audit", "export", "--format", "jsonl", "--state-dir", state).log
    entries = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    [receipts] = [each["told"] for each in entries if each["told"]["kind"] == "receipts"]
    assert receipts["degraded"] is True


def test_outputs_that_cannot_be_written_end_the_run_with_2(job: Job, hub: FakeGitHub) -> None:
    job.variables["GITHUB_OUTPUT"] = str(job.place)
    left = run(job, hub.token)
    assert left.exit == left.report["exit"] == 2
    assert "::error title=cicd-agent::Not done: " in left.log
    assert "the file of GITHUB_OUTPUT cannot be written" in left.report["error"]
    assert (left.report["outputs"]["conclusion"], left.report["outputs"]["degraded"]) == ("failure", "true")
    assert "**Not done:** output: the file of" in left.summary
    assert hub.repos["octo/app"].pulls[7].comments, "all else was done"


def test_a_failure_whose_outputs_cannot_be_written_ends_with_2(job: Job, hub: FakeGitHub) -> None:
    job.variables |= {"GITHUB_OUTPUT": str(job.place), "GITHUB_EVENT_NAME": "workflow_dispatch"}
    hub.fail("GET", "/pulls/7$", 404, times=9)
    assert run(job, hub.token, pull_request="7").exit == 2


def test_a_summary_that_cannot_be_written_is_degraded(job: Job, hub: FakeGitHub) -> None:
    job.variables["GITHUB_STEP_SUMMARY"] = str(job.place)
    left = run(job, hub.token)
    assert (left.exit, left.outputs["degraded"], left.report["outputs"]["degraded"]) == (0, "true", "true")
    assert "::warning title=cicd-agent::Not done: summary: the file of GITHUB_STEP_SUMMARY cannot" in left.log


def test_a_report_that_cannot_be_written_ends_the_run_with_2(job: Job, hub: FakeGitHub) -> None:
    (job.temp / "cicd-agent/review/report.json").mkdir(parents=True)
    (job.temp / "cicd-agent/review/report.json/file").touch()
    left = run(job, hub.token)
    assert (left.exit, left.outputs["degraded"], left.outputs["conclusion"]) == (2, "true", "failure")
    assert "this machine refused" in left.log
    assert "### Changes requested" in left.summary


def test_a_file_that_cannot_be_written_is_degraded_and_named(job: Job, hub: FakeGitHub) -> None:
    (job.temp / "cicd-agent/review/findings.sarif/x").mkdir(parents=True)
    left = run(job, hub.token)
    assert (left.exit, left.outputs["degraded"]) == (0, "true")
    assert "::warning title=cicd-agent::Not done: artifact: " in left.log


def test_a_decision_from_a_file_says_what_it_could_not_post(job: Job, hub: FakeGitHub) -> None:
    decision = forged(job, Comment("review", 7, "### Two findings"), Summary("summary", "all\n"))
    left = job.run("perform", "review", "--in", str(decision), github_token=hub.read_only)
    assert (left.exit, left.outputs["degraded"]) == (0, "true")
    assert "### Two findings" in left.summary
