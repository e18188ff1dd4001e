"""A person lifts a hold, from end to end: the gate asks, a comment answers, and the run is started again."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.gate import AFTER, HOUR, RUN, GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    """A change that nobody has approved: the score is too low, and a person may say that it is good enough."""
    jobs = GateJobs(tmp_path, hub)
    jobs.unapprove()
    return jobs


def attempts(jobs: GateJobs) -> int:
    """How often the held run was begun."""
    [run] = [one for one in jobs.repo.runs if one.id == RUN]
    return len(run.attempts)


def heard(left: Left) -> dict[str, str]:
    """Who spoke, and why that does not count, "" where it does."""
    return {each["author"]: each["refused"] for each in left.report["gated"]["heard"]}


def answer(jobs: GateJobs) -> str:
    """What was said last on the pull request, and by us."""
    assert jobs.pull.comments[-1].author.login == "github-actions[bot]"
    return jobs.pull.comments[-1].body


def refused(jobs: GateJobs, left: Left, why: str) -> None:
    """The comment's run has started nothing and says why; the gate's own next attempt holds as well."""
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "neutral"), left.log
    assert why in left.outputs["summary"]
    assert attempts(jobs) == 1
    assert jobs.hub.of("POST", "/rerun-failed-jobs$") == []


def holds(left: Left) -> None:
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log


def proceeds(left: Left) -> None:
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_an_approval_starts_the_held_run_again_and_that_proceeds(jobs: GateJobs) -> None:
    hash_ = jobs.hold()
    [asked] = jobs.told
    assert "comment `/approve-deploy`" in asked
    assert re.search(rf"Held run: .*/octo/app/actions/runs/{RUN}\), lifted by an approval of `{hash_}`", asked)
    asked_for = len(jobs.hub.received)
    left = jobs.comment(f"Looked at it.\n/approve-deploy {hash_}")
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "neutral"), left.log
    assert attempts(jobs) == 2
    receipts = {each["key"]: each["state"] for each in left.report["receipts"]}
    assert receipts[f"rerun-{RUN}-1"] == "done"
    assert f"The held run {RUN} is started again" in answer(jobs)
    assert len(jobs.hub.received) - asked_for <= 15
    again = jobs.again()
    proceeds(again)
    assert heard(again) == {"boss": ""}
    assert [stop["lifted"] for stop in again.report["gated"]["stops"]] == ["approved by boss"]
    assert "approved by boss" in again.summary
    # What asked for an approval stands as it was when it was answered, and one comment says what became of it.
    asking, _, outcome = jobs.told
    assert asking == asked
    assert "approved by boss" in outcome


@pytest.mark.parametrize("digits", [0, 8])
def test_an_order_without_the_whole_hash_is_of_the_request_that_stood_there(jobs: GateJobs, digits: int) -> None:
    hash_ = jobs.hold()
    left = jobs.comment(f"/approve-deploy {hash_[:digits]}".rstrip())
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "neutral"), left.log
    assert f"`{hash_}`" in answer(jobs)
    again = jobs.again()
    proceeds(again)
    assert [each["hash"] for each in again.report["gated"]["heard"]] == [hash_]
    # All jobs are run once more, since the deployment itself has failed: what was approved is that still.
    proceeds(jobs.again())


def test_a_bare_order_is_none_of_what_is_held_since(jobs: GateJobs) -> None:
    """The check turns red before the order is read, and another run of the gate asks about that in the meantime."""
    hash_ = jobs.hold()
    jobs.comment("/approve-deploy")
    checks = jobs.repo.check_runs
    checks[:] = [replace(one, conclusion="failure") if one.name == "unit" else one for one in checks]
    again = jobs.again()
    holds(again)
    assert heard(again)["boss"] == "it is of something else than what is decided on now"
    assert again.outputs["approval_hash"] != hash_
    asked = jobs.pull.comments[0]
    asked.updated_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(jobs.now + 600))
    again = jobs.again()
    holds(again)
    assert "has changed since" in heard(again)["boss"]


def test_an_approval_is_read_by_a_run_that_somebody_starts_by_hand_too(jobs: GateJobs) -> None:
    hash_ = jobs.hold()
    jobs.hub.gate.permit("boss", "write")
    jobs.hub.gate.say(7, "boss", f"/approve-deploy {hash_}", at=jobs.now)
    proceeds(jobs.run("workflow_dispatch"))


@pytest.mark.parametrize(
    ("login", "permission", "body", "why"),
    [
        ("boss", "write", "/approve-deploy 0123456789abcdef", "nothing of ours in this conversation"),
        ("boss", "write", "/approve-deploy staging", "`staging` is no hash"),
        ("boss", "read", "/approve-deploy", "boss may not write to this repository (read permission)"),
        ("contributor", "admin", "/approve-deploy", "it is by an author of the change"),
        ("boss", "read", "/approve-deploy HASH", "boss may not write to this repository (read permission)"),
        ("contributor", "admin", "/approve-deploy HASH", "it is by an author of the change"),
        ("boss", "write", "/override-deploy HASH", "an override gives its reason"),
    ],
)
def test_a_word_that_does_not_count_starts_nothing_and_lifts_nothing(
    jobs: GateJobs, login: str, permission: str, body: str, why: str
) -> None:
    hash_ = jobs.hold()
    left = jobs.comment(body.replace("HASH", hash_), login, permission)
    refused(jobs, left, why)
    assert why in answer(jobs)
    again = jobs.again()
    holds(again)
    assert heard(again)[login]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"edited": True}, "it was edited after it was written"),
        ({"at": -80 * HOUR}, "it is older than "),
        ({"author": Account("robot[bot]", "Bot")}, "it is not a person's"),
    ],
    ids=["edited", "old", "bot"],
)
def test_a_word_that_was_edited_is_old_or_a_programs_lifts_nothing(
    jobs: GateJobs, said: dict[str, Any], why: str
) -> None:
    hash_ = jobs.hold()
    jobs.hub.gate.permit("boss", "write")
    at = jobs.now + said.pop("at", 0)
    jobs.hub.gate.say(7, said.pop("author", "boss"), f"/approve-deploy {hash_}", at=at, **said)
    again = jobs.again()
    holds(again)
    [found] = heard(again).values()
    assert found.startswith(why)


def test_a_programs_comment_starts_nothing_and_costs_no_request(jobs: GateJobs) -> None:
    hash_ = jobs.hold()
    asked_for = len(jobs.hub.received)
    left = jobs.comment(f"/approve-deploy {hash_}", "robot[bot]", kind="Bot")
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "skipped"), left.log
    assert len(jobs.hub.received) == asked_for
    assert attempts(jobs) == 1


@pytest.mark.parametrize(("text", "stands"), [(AFTER["app.py"], True), (AFTER["app.py"] + "\n\ngo('')\n", False)])
def test_an_approval_stands_for_the_same_patch_on_what_was_deployed_since(
    jobs: GateJobs, text: str, *, stands: bool
) -> None:
    hash_ = jobs.hold()
    jobs.comment(f"/approve-deploy {hash_}")
    git = jobs.job.repo.git
    git("reset", "--quiet", "--hard", jobs.base)
    for name, content in (("other.py", "print(1)\n"), ("app.py", text)):
        jobs.base = jobs.job.repo.head
        (jobs.job.repo.path / name).write_text(content)
        git("add", name)
        git("commit", "--quiet", "-m", f"Change {name}")
    jobs.hub.gate.add_deployment(jobs.base, "production", "success", at=jobs.now)
    jobs.sha = jobs.job.variables["GITHUB_SHA"] = jobs.job.repo.head
    jobs.hub.gate.merge(7, jobs.sha)
    for name in ("unit", "lint"):
        jobs.hub.gate.add_check(jobs.sha, name, at=jobs.now)
    again = jobs.again()
    (proceeds if stands else holds)(again)
    assert (again.outputs["approval_hash"] == hash_) is stands


def test_an_approval_is_void_when_a_check_turned_red_meanwhile(jobs: GateJobs) -> None:
    hash_ = jobs.hold()
    assert jobs.comment(f"/approve-deploy {hash_}").outputs["conclusion"] == "neutral"
    checks = jobs.repo.check_runs
    checks[:] = [replace(one, conclusion="failure") if one.name == "unit" else one for one in checks]
    again = jobs.again()
    holds(again)
    assert heard(again)["boss"] == "it is of something else than what is decided on now"
    assert again.outputs["approval_hash"] != hash_
    assert again.outputs["approval_hash"] in jobs.told[0]


def test_an_approval_outlives_a_clock_that_ticks(jobs: GateJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_ = jobs.hold()
    jobs.comment(f"/approve-deploy {hash_}")
    monkeypatch.setattr("time.time", lambda: float(jobs.now + 2 * HOUR))
    again = jobs.again()
    proceeds(again)
    assert again.outputs["approval_hash"] == hash_


def test_a_red_required_check_is_lifted_by_an_override_with_a_reason_and_by_nothing_less(jobs: GateJobs) -> None:
    checks = jobs.repo.check_runs
    checks[:] = [replace(one, conclusion="failure") if one.name == "unit" else one for one in checks]
    hash_ = jobs.hold()
    left = jobs.comment(f"/approve-deploy {hash_}")
    refused(jobs, left, f"what holds there takes an override: `/override-deploy {hash_} REASON`")
    holds(jobs.again())
    jobs.hub.gate.say(7, "boss", f"/override-deploy {hash_} Flaky.", at=jobs.now)
    holds(jobs.again())
    jobs.hub.gate.say(7, "boss", f"/override-deploy {hash_} The check's server is down.", at=jobs.now)
    again = jobs.again()
    proceeds(again)
    lifted = {stop["id"]: stop["lifted"] for stop in again.report["gated"]["stops"]}
    assert lifted["red-check"] == "overridden by boss: The check's server is down."


def test_the_gate_asks_in_an_issue_where_the_policy_says_so(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub, config="approvals: [issue]\n")
    jobs.unapprove()
    jobs.token = hub.add_token("ghs_issues", **jobs.grants | {"issues": "write"})
    hash_ = jobs.hold()
    assert jobs.told == []
    [issue] = jobs.repo.issues
    assert issue.title == f"Deployment to production is held at {jobs.sha[:7]}"
    assert f"/approve-deploy {hash_}" in issue.body
    left = jobs.comment(f"/approve-deploy {hash_}", number=issue.number)
    assert (left.exit, left.outputs["conclusion"]) == (0, "neutral"), left.log
    assert attempts(jobs) == 2
    proceeds(jobs.again())


def test_the_gate_asks_people_to_review_where_the_policy_names_them(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub, config="approvals: [review-request]\napprovers: [boss]\n")
    jobs.unapprove()
    hub.gate.permit("boss", "write")
    jobs.hold()
    assert hub.gate.data.asked[7] == ["boss"]
    assert jobs.told == []
    hub.gate.review(7, "boss", at=jobs.now)
    proceeds(jobs.again())
