"""What is read of a failed run, wherever GitHub has it: logs, archives, annotations, reports, and what was before."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.jobs.failure import HARMLESS, WRONG, FailureJobs, failed, log, passed, traceback
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Artifact, Commit
from tests.support.servers.github.run_state import Job as JobOfRun
from tests.support.servers.github.runs import zipped
from tests.support.servers.github.state import PullFile
from tests.support.servers.slack import FakeSlack


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


def test_what_is_in_the_green_log_is_not_the_cause(tmp_path: Path, hub: FakeGitHub) -> None:
    noise = "ERROR: could not open optional cache /tmp/x1\n"
    jobs = FailureJobs(tmp_path, hub, jobs=[failed(501, text=noise * 3 + traceback("KeyError: 'retries'"))])
    before = "2025-12-30T00:00:00Z"
    jobs.add(80, "main", jobs.job.base, [passed(301, text=noise * 3)], conclusion="success", created_at=before)
    left = jobs.within()
    first = left.report["diagnosis"]["failures"][0]
    assert "KeyError" in first["title"]


def test_a_test_report_says_which_test_failed_where_the_log_does_not(tmp_path: Path, hub: FakeGitHub) -> None:
    report = (
        '<testsuite name="pytest"><testcase classname="tests.test_limits" name="test_limit" file="tests/test_limits.py"'
        ' line="4"><failure message="assert 9 == 3">tests/test_limits.py:5: AssertionError</failure></testcase>'
        "</testsuite>"
    )
    jobs = FailureJobs(tmp_path, hub, jobs=[failed(501, text="Tests failed, see the report.\n")])
    jobs.run.artifacts.append(Artifact(9, "junit-3.12", zipped({"report.xml": report.encode()})))
    left = jobs.within()
    assert left.outputs["failure_type"] == "test_failure", left.log
    assert "test_limit" in left.outputs["root_cause"]
    assert left.report["diagnosis"]["affected"][0] == "src/limits.py"


def test_a_job_that_may_fail_comes_after_those_that_may_not(tmp_path: Path, hub: FakeGitHub) -> None:
    workflow = "jobs:\n  nightly:\n    continue-on-error: true\n  test:\n    needs: []\n  deploy:\n    needs: [test]\n"
    skipped = JobOfRun(503, "deploy", "skipped", log=None)
    tolerated = failed(500, "nightly", traceback("RuntimeError: nightly broke"))
    after = {**WRONG, ".github/workflows/ci.yml": workflow}
    left = FailureJobs(tmp_path, hub, after, [tolerated, failed(501), skipped]).within()
    titles = [each["title"] for each in left.report["diagnosis"]["failures"]]
    assert "assert 9 == 3" in titles[0]
    assert "nightly broke" in titles[-1]
    assert "`deploy` (skipped because a job they need failed)" in left.summary


def test_a_job_that_took_too_long_is_no_cancelled_one(tmp_path: Path, hub: FakeGitHub) -> None:
    note = {
        "path": ".github",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "The job has exceeded the maximum execution time of 10m0s",
    }
    slow = JobOfRun(501, "test", "cancelled", log=log("still waiting\n", code=0), notes=(note,))
    jobs = FailureJobs(tmp_path, hub, jobs=[slow])
    jobs.run.attempts[0].conclusion = "cancelled"
    left = jobs.after()
    assert left.outputs["failure_type"] == "timeout", left.log


def test_a_run_that_could_not_start_is_told(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub, jobs=[])
    jobs.run.attempts[0].jobs.clear()
    jobs.run.attempts[0].conclusion = "startup_failure"
    left = jobs.after()
    assert left.exit == 0, left.log
    assert "GitHub could not start the run" in left.summary


def test_logs_that_are_gone_are_looked_for_in_the_archive_and_then_among_the_annotations(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    note = {
        "path": "src/limits.py",
        "start_line": 2,
        "end_line": 2,
        "annotation_level": "failure",
        "message": "AssertionError: assert 9 == 3",
    }
    jobs = FailureJobs(tmp_path, hub, jobs=[replace(failed(501), log=None, notes=(note,))])
    left = jobs.after()
    assert left.outputs["cause"] == "change", left.log
    jobs.run.attempts[0].archive = zipped({"0_test.txt": failed(501).log})
    left = jobs.after()
    assert "assert 9 == 3" in left.summary
    assert left.outputs["failure_type"] == "test_failure"


def changed(path: str) -> list[PullFile]:
    """What a commit of the history touched; of the wrong one the very line."""
    if not path:
        return []
    patch = "@@ -1,2 +1,2 @@\n def limit(retries):\n-    return 3\n+    return retries" if path.endswith(".py") else ""
    return [PullFile(path, patch=patch)]


class TestOnTheDefaultBranch:
    """Run 99 is of a push to main, two commits after the last green one."""

    @pytest.fixture
    def jobs(self, tmp_path: Path, hub: FakeGitHub) -> FailureJobs:
        jobs = FailureJobs(tmp_path, hub)
        self.harmless = jobs.job.repo.commit({"README.md": b"More.\n"}, "Say more")
        jobs.repo.runs.clear()
        jobs.add(90, "main", jobs.job.base, [passed(401)], conclusion="success", created_at="2025-12-31T00:00:00Z")
        jobs.add(99, "main", self.harmless, [failed(501)], event="push")
        hub.new_id()
        jobs.repo.pulls.clear()
        chain = {jobs.job.base: "", jobs.job.head: jobs.job.base, self.harmless: jobs.job.head}
        files = {jobs.job.head: "src/limits.py", self.harmless: "README.md"}
        for sha, parent in chain.items():
            jobs.repo.commits[sha] = Commit(sha, "Change", parent, tuple(changed(files.get(sha, ""))))
        return jobs

    def test_the_commit_that_did_it_is_named_among_those_since_the_last_green_run(self, jobs: FailureJobs) -> None:
        left = jobs.after()
        assert left.outputs["cause"] == "change", left.log
        assert left.outputs["responsible_commit"] == jobs.job.head
        assert "because of a commit since the last green run" in left.summary

    def test_slack_is_told_in_one_line_that_it_has_turned_red(self, jobs: FailureJobs) -> None:
        with FakeSlack() as slack:
            jobs.after(slack_webhook_url=slack.webhook)
            [text] = slack.heard
        assert "main turned red" in text
        assert "\n" not in text

    def test_slack_hears_nothing_of_a_branch_that_was_red_before(self, jobs: FailureJobs) -> None:
        jobs.add(95, "main", "c" * 40, [failed(451)], created_at="2025-12-31T12:00:00Z")
        jobs.repo.runs.sort(key=lambda run: -run.id)
        with FakeSlack() as slack:
            jobs.after(slack_webhook_url=slack.webhook)
            assert not slack.heard


def test_failures_of_other_pull_requests_are_remembered(tmp_path: Path, hub: FakeGitHub) -> None:
    """With `cache-dir`, what two other branches failed of is known, though GitHub has it no more."""
    jobs = FailureJobs(tmp_path, hub, HARMLESS)
    cache = str(tmp_path / "cache")
    ours, head = jobs.run, jobs.job.head
    for number, branch in ((91, "one"), (92, "two")):
        jobs.repo.runs.clear()
        jobs.add(number, branch, f"{number}" * 20, [failed(500 + number)], event="push")
        left = jobs.after_run(number, cache_dir=cache)
        assert left.report["diagnosis"]["failures"][0]["strict"], left.log
    jobs.repo.runs[:] = [replace(ours, sha=head)]
    left = jobs.within(cache_dir=cache)
    assert left.report["diagnosis"]["rung"] == "seen_before", left.log
    assert left.outputs["cause"] == "pre_existing"
