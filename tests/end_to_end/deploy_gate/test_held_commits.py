"""What was held stays in what the next push brings, until it is deployed or taken back; its policy judges nothing."""

import json
from pathlib import Path

import pytest

from tests.support.jobs.gate import AFTER, GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub

LOOSE = "threshold: 0\nnot-applicable: [review]\nenforce: shadow\n"
CONFIG = ".github/cicd-agent.yml"


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    """Main is where production is; the pull request is not merged yet."""
    jobs = GateJobs(tmp_path, hub)
    jobs.job.repo.git("reset", "--quiet", "--hard", jobs.base)
    return jobs


def commit(jobs: GateJobs, message: str, **files: str) -> str:
    """A direct push to main."""
    for name, text in files.items():
        path = jobs.job.repo.path / {"config": CONFIG}.get(name, f"{name}.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    jobs.job.repo.git("add", "--all", ":!signals.json")
    jobs.job.repo.git("commit", "--quiet", "-m", message)
    return jobs.job.repo.head


def merge(jobs: GateJobs) -> str:
    """The reviewed pull request is squashed onto main, and green."""
    sha = commit(jobs, "Change (#7)", app=AFTER["app.py"])
    jobs.hub.gate.merge(7, sha)
    for name in ("unit", "lint"):
        jobs.hub.gate.add_check(sha, name, at=jobs.now)
    return sha


def gate(jobs: GateJobs, before: str, event: str = "push") -> Left:
    """The gate in front of the newest commit of main, which was pushed onto `before`."""
    jobs.sha = jobs.job.repo.head
    jobs.job.variables["GITHUB_SHA"] = jobs.sha
    payload = jobs.payload(event) | ({"before": before} if event == "push" else {})
    return jobs.run(event, payload=json.loads(json.dumps(payload)))


def stops(left: Left) -> set[str]:
    return {each["id"] for each in left.report["gated"]["stops"] if not each["lifted"]}


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_a_held_push_is_in_what_the_next_one_brings(jobs: GateJobs, event: str) -> None:
    held = commit(jobs, "Straight to main", extra="print(1)\n")
    merge(jobs)
    left = gate(jobs, held, event)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "unreviewed" in stops(left)
    assert held[:12] in left.summary


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_where_nothing_is_known_to_run_a_reviewed_push_carries_no_held_one(jobs: GateJobs, event: str) -> None:
    held = commit(jobs, "Straight to main", extra="print(1)\n")
    jobs.hub.gate.data.deployments.clear()
    merge(jobs)
    left = gate(jobs, held, event)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "first-deployment" in stops(left)


def test_where_what_runs_is_in_no_clone_the_policy_of_a_held_commit_takes_nothing_away(jobs: GateJobs) -> None:
    held = commit(jobs, "Loosen", config=LOOSE)
    jobs.hub.gate.add_deployment("f" * 40, "production", "success", at=jobs.now)
    merge(jobs)
    left = gate(jobs, held)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "unknown-base" in stops(left)
    assert left.outputs["requires_approval"] == "false"


def test_the_policy_of_a_held_commit_does_not_judge_what_takes_it_back(jobs: GateJobs) -> None:
    held = commit(jobs, "Loosen", config=LOOSE)
    (jobs.job.repo.path / CONFIG).unlink()
    commit(jobs, "Tighten", extra="print(1)\n")
    left = gate(jobs, held)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "own-policy" in stops(left)


def test_a_held_commit_that_was_taken_back_holds_nothing_more(jobs: GateJobs) -> None:
    commit(jobs, "Straight to main", extra="print(1)\n")
    (jobs.job.repo.path / "extra.py").unlink()
    before = commit(jobs, 'Revert "Straight to main"')
    merge(jobs)
    left = gate(jobs, before)
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_a_held_commit_that_was_taken_back_after_another_holds_nothing_more(jobs: GateJobs) -> None:
    held = commit(jobs, "Straight to main", extra="print(1)\n")
    merge(jobs)
    jobs.job.repo.git("revert", "--no-edit", held)
    for name in ("unit", "lint"):
        jobs.hub.gate.add_check(jobs.job.repo.head, name, at=jobs.now)
    left = gate(jobs, held)
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_what_is_taken_back_in_part_is_still_there(jobs: GateJobs) -> None:
    commit(jobs, "Straight to main", extra="print(1)\n", other="print(2)\n")
    (jobs.job.repo.path / "extra.py").unlink()
    before = commit(jobs, 'Revert "Straight to main"')
    merge(jobs)
    left = gate(jobs, before)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "unreviewed" in stops(left)


def test_an_approval_for_another_base_branch_is_none_until_it_is_given_again(jobs: GateJobs) -> None:
    pull = jobs.hub.gate.repo.pulls[7]
    pull.base_ref = "stack"
    jobs.hub.gate.retarget(7, "main", at=jobs.now - 60)
    before = jobs.job.repo.head
    merge(jobs)
    left = gate(jobs, before)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "#7 was approved for another base branch than main: approve it again" in left.log
    jobs.hub.gate.review(7, "octocat", at=jobs.now)
    left = gate(jobs, before)
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log
