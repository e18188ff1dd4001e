"""A failed run goes in: the lines that prove it, whose fault it is and what to do next come out, on a real wire."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.jobs.failure import BEFORE, HARMLESS, NO_HOST, FailureJobs, failed, log, passed, traceback
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Job as JobOfRun
from tests.support.servers.github.run_state import Step


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


def test_a_job_of_the_same_run_says_which_line_and_which_change_is_to_blame(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    left = jobs.within()
    assert left.exit == 0, left.log
    assert left.outputs["failure_type"] == "test_failure"
    assert left.outputs["cause"] == "change"
    assert left.outputs["is_flaky"] == "false"
    assert left.report["diagnosis"]["affected"][0] == "src/limits.py"
    assert left.outputs["responsible_commit"] == jobs.job.head
    assert left.outputs["rerun_recommended"] == "false"
    assert left.outputs["risk_level"] == "low"
    [comment] = jobs.comments
    assert "because of this change" in comment
    assert "assert 9 == 3" in comment
    assert left.report["diagnosis"]["failures"][0]["strict"] in comment
    assert "because of this change" in left.summary


def test_the_comment_of_a_failure_is_edited_in_place_and_another_failure_has_its_own(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    jobs = FailureJobs(tmp_path, hub)
    jobs.within()
    jobs.within()
    assert len(jobs.comments) == 1
    jobs.run.attempts[-1].jobs[0] = failed(502, text=traceback("KeyError: 'retries'"))
    jobs.within()
    assert len(jobs.comments) == 2


def test_the_comment_is_short(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub, jobs=[failed(501 + n, f"unit (3.{n})") for n in range(3, 14)])
    jobs.within()
    [comment] = jobs.comments
    assert len(comment.splitlines()) <= 25


def test_siblings_of_a_matrix_that_fail_alike_are_one_entry(tmp_path: Path, hub: FakeGitHub) -> None:
    siblings = [failed(501, "unit (3.12)"), failed(502, "unit (3.13)")]
    victim = JobOfRun(503, "unit (3.14)", "cancelled", log=log("", code=0))
    jobs = FailureJobs(tmp_path, hub, jobs=[*siblings, victim])
    left = jobs.within()
    [comment] = jobs.comments
    assert "Also failed the same way: `unit (3.13)`" in comment
    assert "`unit (3.14)` (cancelled when a sibling failed)" in left.summary
    assert len(left.report["diagnosis"]["failures"]) == 1


def test_after_the_run_nothing_is_checked_out_and_the_change_is_read_from_github(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    jobs = FailureJobs(tmp_path, hub)
    left = jobs.after()
    assert left.exit == 0, left.log
    assert len(jobs.comments) == 1
    assert left.outputs["failure_type"] == "test_failure"


def not_installed(id: int) -> JobOfRun:  # noqa: A002
    """A job that could not install its packages, in a step that does nothing else."""
    script = "pip install -r requirements.txt"
    steps = (Step("Set up job", 1), Step("Run actions/checkout@v7", 2), Step("Install", 3, "failure"))
    return failed(id, log=log(NO_HOST, script), steps=steps)


def put_workflow(jobs: FailureJobs) -> None:
    steps = "      - uses: actions/checkout@v7\n      - name: Install\n        run: pip install -r requirements.txt\n"
    jobs.hub.put(".github/workflows/ci.yml", jobs.job.head, f"jobs:\n  test:\n    steps:\n{steps}".encode())


def test_trouble_with_the_network_is_run_again_once_and_only_where_that_is_allowed(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    jobs = FailureJobs(tmp_path, hub, HARMLESS, [not_installed(501)])
    put_workflow(jobs)
    left = jobs.after()
    assert left.outputs["cause"] == "infrastructure", left.log
    assert left.outputs["rerun_recommended"] == "true"
    assert not hub.of("POST", "rerun")
    jobs.after(rerun="infrastructure")
    assert len(hub.of("POST", "rerun-failed-jobs")) == 1
    jobs.run.attempts[-1].jobs = [not_installed(601)]
    jobs.run.attempts[-1].status, jobs.run.attempts[-1].conclusion = "completed", "failure"
    jobs.after(rerun="infrastructure")
    assert len(hub.of("POST", "rerun-failed-jobs")) == 1


def test_a_job_of_the_same_run_cannot_run_it_again(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub, HARMLESS, [not_installed(501)])
    put_workflow(jobs)
    left = jobs.within(rerun="flaky")
    assert left.outputs["rerun_recommended"] == "true"
    assert not hub.of("POST", "rerun")


@pytest.mark.parametrize(
    "text",
    [
        NO_HOST,
        "E   OSError: [Errno 28] No space left on device\n",
        "##[group]Run actions/checkout@v7\nfatal: write error: No space left on device\n",
        "##[error]System.IO.IOException: No space left on device : '/home/runner/runners/_diag/Worker_1.log'\n",
        "##[error]The hosted runner lost communication with the server.\n",
        "npm error network read ECONNRESET https://registry.npmjs.org/left-pad\n",
        "ERROR: HTTP 503 Service Unavailable from https://pypi.org/simple/requests/\n",
    ],
)
def test_what_a_step_that_runs_the_changes_code_prints_excuses_nothing(
    tmp_path: Path, hub: FakeGitHub, text: str
) -> None:
    jobs = FailureJobs(tmp_path, hub, HARMLESS, [failed(501, text=text)])
    put_workflow(jobs)
    left = jobs.after(rerun="infrastructure")
    assert left.exit == 0, left.log
    assert left.outputs["cause"] in {"unknown", "change"}
    assert left.outputs["failure_type"] != "infrastructure"
    assert left.outputs["rerun_recommended"] == "false"
    assert not hub.of("POST", "rerun")


def test_what_the_change_broke_is_never_run_again(tmp_path: Path, hub: FakeGitHub) -> None:
    FailureJobs(tmp_path, hub).after(rerun="flaky")
    assert not hub.of("POST", "rerun")


def test_a_job_that_passed_on_the_same_commit_is_flaky(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub, HARMLESS)
    jobs.run.attempts.insert(0, replace(jobs.run.attempts[0], jobs=[passed(401)], conclusion="success"))
    left = jobs.within()
    assert left.outputs["cause"] == "flaky"
    assert left.outputs["is_flaky"] == "true"
    assert left.outputs["failure_type"] == "flaky_test"


def test_the_same_failure_on_the_default_branch_is_not_this_changes(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub, HARMLESS)
    before = "2025-12-31T00:00:00Z"
    jobs.add(90, "main", "b" * 40, [failed(301)], created_at=before)
    left = jobs.within()
    assert left.outputs["cause"] == "pre_existing", left.log
    assert left.outputs["responsible_commit"] == ""


def test_a_runner_that_was_lost_has_no_log_and_is_known_by_what_github_notes(tmp_path: Path, hub: FakeGitHub) -> None:
    steps = (Step("Set up job", 1), Step("Run make test", 2, None, completed_at=None))
    note = {
        "path": ".github",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "The hosted runner encountered an error while running your job. (Error Type: Disconnect).",
    }
    lost = JobOfRun(501, "test", "failure", log=None, steps=steps, notes=(note,))
    left = FailureJobs(tmp_path, hub, HARMLESS, [lost]).after()
    assert left.outputs["cause"] == "infrastructure", left.log
    assert left.outputs["failure_type"] == "infrastructure"


def test_with_a_token_that_only_reads_the_summary_has_it_all(tmp_path: Path, hub: FakeGitHub) -> None:
    token = hub.add_token("ghs_fork", actions="read", checks="read")
    jobs = FailureJobs(tmp_path, hub)
    left = jobs.within(github_token=token)
    assert left.exit == 0
    assert not jobs.comments
    assert "assert 9 == 3" in left.summary
    assert "pull-requests: write" in left.log


def test_without_the_permission_to_read_logs_the_run_says_which_one_is_missing(tmp_path: Path, hub: FakeGitHub) -> None:
    token = hub.add_token("ghs_poor", pull_requests="write")
    left = FailureJobs(tmp_path, hub).within(github_token=token)
    assert left.exit == 0
    assert "actions: read" in left.log
    assert left.outputs["degraded"] == "true"


@pytest.mark.parametrize("conclusion", ["success", "skipped", "neutral", "cancelled"])
def test_a_run_that_did_not_fail_is_declined(tmp_path: Path, hub: FakeGitHub, conclusion: str) -> None:
    jobs = FailureJobs(tmp_path, hub, jobs=[replace(passed(501), conclusion=conclusion)])
    jobs.run.attempts[0].conclusion = conclusion
    left = jobs.after()
    assert left.exit == 0
    assert left.outputs["conclusion"] == "skipped"
    assert "nothing to do" in left.outputs["summary"]
    assert not jobs.comments


def test_a_log_at_hand_is_analysed_without_a_network(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    job = jobs.job
    for name in ("GITHUB_EVENT_PATH", "GITHUB_ACTIONS"):
        del job.variables[name]
    file = tmp_path / "failed.log"
    file.write_bytes(failed(1).log or b"")
    left = job.run(
        "analyse-failure", "--log", str(file), "--base", "main", "--head", "topic", "--repo-dir", str(job.repo.path)
    )
    assert left.exit == 0, left.log
    assert "because of this change" in left.log
    assert not hub.received


def test_a_log_of_a_job_that_passed_gets_no_cause(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    job = jobs.job
    for name in ("GITHUB_EVENT_PATH", "GITHUB_ACTIONS"):
        del job.variables[name]
    file = tmp_path / "passed.log"
    file.write_bytes(b"E   AssertionError: assert 1 == 2\nit is a test of pytest's output\nFinished: SUCCESS\n")
    left = job.run("analyse-failure", "--log", str(file), "--repo-dir", str(job.repo.path))
    assert left.exit == 0, left.log
    assert "no failure in passed.log: its job passed, says line 3 (Finished: SUCCESS)" in left.log
    assert "AssertionError" not in left.log


def test_the_range_of_a_working_tree_names_the_commit_that_deleted_the_line(tmp_path: Path, hub: FakeGitHub) -> None:
    before = {
        "src/limits.py": "def limit(retries):\n    retries = min(retries, 3)\n    return retries\n",
        "tests/test_limits.py": BEFORE["tests/test_limits.py"],
        "README.md": "Limits.\n",
    }
    deleted = {**before, "src/limits.py": before["src/limits.py"].replace("    retries = min(retries, 3)\n", "")}
    job = FailureJobs(tmp_path, hub, deleted, before=before).job
    guilty = job.head
    repo = job.repo
    repo.git("checkout", "--quiet", "topic")
    repo.commit({"src/limits.py": f"# How often is tried.\n{deleted['src/limits.py']}"})
    repo.commit({"README.md": "Limits of retries.\n"})
    for name in ("GITHUB_EVENT_PATH", "GITHUB_ACTIONS"):
        del job.variables[name]
    file = tmp_path / "failed.log"
    file.write_bytes(failed(1).log or b"")
    left = job.run(
        "analyse-failure", "--log", str(file), "--base", "main", "--format", "json", "--repo-dir", str(repo.path)
    )
    assert left.exit == 0, left.log
    diagnosis = left.report["diagnosis"]
    assert (diagnosis["cause"], diagnosis["responsible"]) == ("change", guilty)
    assert diagnosis["affected"][0] == "src/limits.py"
    assert [each["sha"] for each in diagnosis["suspects"] if each["meetings"]] == [guilty]


def test_a_run_is_analysed_from_a_terminal_and_nothing_is_written(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    job = jobs.job
    for name in ("GITHUB_EVENT_PATH", "GITHUB_ACTIONS"):
        del job.variables[name]
    place = ["--repo-dir", str(job.repo.path)]
    left = job.run("analyse-failure", "--run-id", "99", *place, github_token=jobs.token)
    assert left.exit == 0, left.log
    assert "because of this change" in left.log
    assert not [request for request in hub.received if request.method != "GET" and "graphql" not in request.path]


def test_at_a_terminal_with_nothing_to_analyse_the_error_says_what_to_give(tmp_path: Path, hub: FakeGitHub) -> None:
    job = FailureJobs(tmp_path, hub).job
    del job.variables["GITHUB_EVENT_PATH"]
    left = job.run("analyse-failure", "--base", "main", "--repo-dir", str(job.repo.path))
    assert left.exit == 2
    assert "Give --log FILE, or --run-id N" in left.log
    for name in ("GITHUB_REPOSITORY", "GITHUB_ACTIONS"):
        del job.variables[name]
    place = ["--repo-dir", str(job.repo.path)]
    assert "Give --log FILE, or --run-id N" in job.run("analyse-failure", *place).log
    assert "GITHUB_TOKEN and GITHUB_REPOSITORY" in job.run("analyse-failure", "--run-id", "5", *place).log
