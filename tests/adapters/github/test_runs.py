"""Runs, jobs, annotations and commits on GitHub's own terms, through the real client."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StepRun, StoredArtifact
from cicd_agent.domain.repository.change import ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Artifact, Attempt, Job, Run, Step
from tests.support.servers.github.run_state import Commit as Standing
from tests.support.servers.github.state import PullFile, Repo

SHA = "c" * 40
NEW_YEAR = 1_767_225_600


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        yield hub


@pytest.fixture
def repo(hub: FakeGitHub) -> Repo:
    return hub.repos["o/r"]


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def forge(hub: FakeGitHub, naps: list[float]) -> Iterator[GitHubForge]:
    token = hub.add_token("ghs_runs", actions="write", checks="read")
    with GitHubForge(token, "o/r", api_url=hub.url, timeout=1, sleep=naps.append) as forge:
        yield forge


def test_a_run_is_read_at_its_last_attempt_or_at_the_one_that_is_named(repo: Repo, forge: GitHubForge) -> None:
    attempts = [Attempt(), Attempt(conclusion=None, status="in_progress")]
    repo.runs.append(Run(5, "CI", SHA, "topic", workflow=9, event="pull_request", pulls=(7,), attempts=attempts))
    now = forge.runs.run(5)
    assert now == RunState(
        id=5,
        attempt=2,
        workflow="CI",
        workflow_id=9,
        event="pull_request",
        status="in_progress",
        conclusion="",
        branch="topic",
        sha=SHA,
        repo="o/r",
        url="https://github.test/o/r/actions/runs/5",
        created=NEW_YEAR,
        pulls=(7,),
        path=".github/workflows/ci.yml",
    )
    assert forge.runs.run(5, 1) == replace(now, attempt=1, status="completed", conclusion="failure")


def test_a_run_whose_fork_was_deleted_has_no_repository(hub: FakeGitHub, forge: GitHubForge) -> None:
    bare = {"id": 5, "workflow_id": 9, "head_sha": SHA, "created_at": "2026-01-01T00:00:00Z"}
    unknown = dict.fromkeys(("name", "head_branch", "head_repository", "conclusion", "status", "pull_requests"))
    hub.fail("GET", "/actions/runs/5", 200, bare | unknown)
    assert forge.runs.run(5) == RunState(id=5, workflow_id=9, sha=SHA, created=NEW_YEAR)


def test_a_run_that_is_not_there_is_refused(forge: GitHubForge) -> None:
    with pytest.raises(ForgeRefused, match="read run 5") as caught:
        forge.runs.run(5)
    assert caught.value.status == 404
    assert "`actions: read`" in caught.value.remedy


def test_a_job_is_told_with_its_steps_and_times(repo: Repo, forge: GitHubForge) -> None:
    steps = (
        Step("Set up job", 1),
        Step("Test", 2, "failure", "2026-01-01T00:00:01.500Z", "2026-01-01T00:01:00Z"),
        Step("Never begun", 3, None, "0001-01-01T00:00:00Z", None),
    )
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "build / test (a, b)", steps=steps)])]))
    assert forge.runs.jobs(5, 1) == (
        JobRun(
            id=71,
            name="build / test (a, b)",
            status="completed",
            conclusion="failure",
            started=NEW_YEAR,
            ended=NEW_YEAR,
            runner="GitHub Actions 1",
            url="https://github.test/runs/5/job/71",
            steps=(
                StepRun("Set up job", 1, "success", NEW_YEAR, NEW_YEAR),
                StepRun("Test", 2, "failure", NEW_YEAR + 1.5, NEW_YEAR + 60),
                StepRun("Never begun", 3),
            ),
        ),
    )


def test_a_job_whose_runner_was_lost_has_no_conclusion_and_no_runner(repo: Repo, forge: GitHubForge) -> None:
    lost = Job(71, "test", None, status="completed", completed_at=None, runner=None, log=None)
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([lost])]))
    (job,) = forge.runs.jobs(5, 1)
    assert (job.conclusion, job.runner, job.ended) == ("", "", 0)


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (300, 3)])
def test_all_jobs_are_listed_page_by_page(repo: Repo, forge: GitHubForge, count: int, requests: int) -> None:
    jobs = [Job(at, f"job {at}") for at in range(1, count + 1)]
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt(jobs)]))
    assert [job.id for job in forge.runs.jobs(5, 1)] == list(range(1, count + 1))
    assert (forge.requests, forge.notes) == (requests, ())


def test_more_than_a_thousand_jobs_are_cut_with_a_note(repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(at, "job") for at in range(1, 1_102)])]))
    assert len(forge.runs.jobs(5, 1)) == 1_000
    assert forge.notes == ("only the first 1,000 jobs of a run were read",)


def test_a_page_of_jobs_that_repeats_ends_the_list(hub: FakeGitHub, repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(at, "job") for at in range(1, 301)])]))
    page = {"total_count": 300, "jobs": [{"id": at, "name": "job"} for at in range(100)]}
    hub.fail("GET", "/jobs$", 200, page, times=9)
    with pytest.raises(ForgeRefused, match="repeats"):
        forge.runs.jobs(5, 1)
    assert forge.requests == 2


def test_annotations_are_told_in_githubs_words(repo: Repo, forge: GitHubForge) -> None:
    lost = {"path": ".github", "start_line": 1, "annotation_level": "failure", "message": "The runner was lost"}
    bare = {"path": "a.py", "start_line": 3, "annotation_level": None, "message": None, "title": None}
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "test", notes=(lost, bare))])]))
    assert forge.runs.notes(71) == (
        RunNote("failure", "The runner was lost", "", ".github", 1),
        RunNote("", "", "", "a.py", 3),
    )


def test_no_more_than_a_hundred_annotations_are_read_in_one_request(repo: Repo, forge: GitHubForge) -> None:
    notes = tuple({"message": f"{at}"} for at in range(150))
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "test", notes=notes)])]))
    assert [note.message for note in forge.runs.notes(71)] == [str(at) for at in range(100)]
    assert forge.requests == 1


def test_annotations_take_a_permission_that_is_named(hub: FakeGitHub) -> None:
    token = hub.add_token("ghs_actions_only", actions="read")
    with (
        GitHubForge(token, "o/r", api_url=hub.url) as forge,
        pytest.raises(ForgeRefused, match="lacks `checks: read`"),
    ):
        forge.runs.notes(71)


def test_artifacts_are_listed_with_what_became_of_them(repo: Repo, forge: GitHubForge) -> None:
    stored = [Artifact(1, "junit", b"12345"), Artifact(2, "coverage", b"", expired=True)]
    repo.runs.append(Run(5, "CI", SHA, "main", artifacts=stored))
    assert forge.runs.artifacts(5) == (StoredArtifact(1, "junit", 5), StoredArtifact(2, "coverage", 0, expired=True))


def test_more_than_a_hundred_artifacts_are_cut_with_a_note(repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", artifacts=[Artifact(at, "a") for at in range(101)]))
    assert len(forge.runs.artifacts(5)) == 100
    assert forge.notes == ("only 100 of 101 artifacts of a run were listed",)


def test_the_runs_of_a_workflow_are_found_by_what_is_asked(repo: Repo, forge: GitHubForge) -> None:
    green, red = [Attempt(conclusion="success")], [Attempt(conclusion="failure")]
    repo.runs += [
        Run(4, "CI", "d" * 40, "main", workflow=9, attempts=red),
        Run(3, "CI", SHA, "main", workflow=9, attempts=green),
        Run(2, "CI", SHA, "topic", workflow=9, attempts=green),
        Run(1, "Lint", SHA, "main", workflow=8, attempts=green),
    ]
    assert [run.id for run in forge.runs.of_workflow(9)] == [4, 3, 2]
    assert [run.id for run in forge.runs.of_workflow(9, limit=1)] == [4]
    assert [run.id for run in forge.runs.of_workflow(9, branch="main", status="success")] == [3]
    assert [run.id for run in forge.runs.of_workflow(9, sha=SHA)] == [3, 2]
    assert forge.runs.of_workflow(7) == ()


def test_what_lies_between_two_commits_is_a_change(repo: Repo, forge: GitHubForge) -> None:
    patch = PullFile("a.py", patch="@@ -1 +1 @@\n-old\n+new")
    for one in (
        Standing("a" * 40),
        Standing("b" * 40, "Mend it\n\nBecause it broke.\n", "a" * 40, (patch,), author="B. Person"),
        Standing("c" * 40, "Add a picture", "b" * 40, (PullFile("p.png", "added"),)),
    ):
        repo.commits[one.sha] = one
    found = forge.runs.compare("a" * 40, "c" * 40)
    assert (found.base, found.head, found.source) == ("a" * 40, "c" * 40, ChangeSource.API)
    assert found.commits == (
        Commit("c" * 40, "Add a picture", "", "A. Author", NEW_YEAR),
        Commit("b" * 40, "Mend it", "Because it broke.", "B. Person", NEW_YEAR),
    )
    assert [(file.path, file.kind) for file in found.files] == [
        ("a.py", ChangeKind.MODIFIED),
        ("p.png", ChangeKind.ADDED),
    ]
    assert (found.added_lines, found.deleted_lines) == (1, 1)
    assert found.notes == ("1 of 2 files came without their whole patch: binary, too large, or mode only",)


def test_a_comparison_that_github_cuts_says_so(repo: Repo, forge: GitHubForge) -> None:
    for at in range(260):
        files = (PullFile(f"{at}.py", patch="@@ -0,0 +1 @@\n+x"), PullFile(f"{at}.txt", patch="@@ -0,0 +1 @@\n+x"))
        repo.commits[f"{at}"] = Standing(f"{at}", f"Commit {at}", f"{at - 1}" if at else "", files)
    found = forge.runs.compare("0", "259")
    assert (len(found.commits), len(found.files)) == (250, 300)
    assert found.notes == ("the API lists 300 files at most: there may be more", "commit list cut at 250 of 259")


def test_a_branch_with_a_slash_can_be_compared(repo: Repo, forge: GitHubForge) -> None:
    repo.commits |= {"a/b": Standing("a/b"), "c#d?": Standing("c#d?", parent="a/b")}
    assert forge.runs.compare("a/b", "c#d?").base == "a/b"


def test_a_commit_is_a_change_against_its_first_parent(repo: Repo, forge: GitHubForge) -> None:
    patch = PullFile("a.py", patch="@@ -1 +1 @@\n-old\n+new")
    repo.commits |= {"a" * 40: Standing("a" * 40), SHA: Standing(SHA, "Mend", "a" * 40, (patch,))}
    found = forge.runs.commit(SHA)
    assert (found.base, found.head, [file.path for file in found.files]) == ("a" * 40, SHA, ["a.py"])
    assert [commit.subject for commit in found.commits] == ["Mend"]
    assert forge.runs.commit("a" * 40).base == ""


@pytest.mark.parametrize("sha", ["../../../user", "a?b=c", "\ud800", "", ".."])
def test_a_commit_that_is_none_is_asked_for_nowhere_else(hub: FakeGitHub, forge: GitHubForge, sha: str) -> None:
    with pytest.raises(ForgeRefused):
        forge.runs.commit(sha)
    assert all(request.path.startswith("/repos/o/r/commits") for request in hub.received)
    hub.violations.clear()


def test_failed_jobs_are_run_again(repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "test"), Job(72, "lint", "success")])]))
    forge.runs.rerun(5)
    assert forge.runs.run(5).attempt == 2
    assert [(job.name, job.status) for job in forge.runs.jobs(5, 2)] == [("test", "queued"), ("lint", "completed")]


def test_a_run_that_goes_on_is_not_run_again(repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt(status="in_progress", conclusion=None)]))
    with pytest.raises(ForgeRefused, match="already running") as caught:
        forge.runs.rerun(5)
    assert caught.value.status == 403


def test_to_run_again_takes_a_permission_that_is_named(hub: FakeGitHub, repo: Repo) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt()]))
    token = hub.add_token("ghs_looks", actions="read")
    with (
        GitHubForge(token, "o/r", api_url=hub.url) as forge,
        pytest.raises(ForgeRefused, match="lacks `actions: write`"),
    ):
        forge.runs.rerun(5)


@pytest.mark.parametrize("acts", [True, False])
def test_nothing_is_run_again_twice_where_the_answer_is_lost(
    hub: FakeGitHub, repo: Repo, forge: GitHubForge, naps: list[float], *, acts: bool
) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "test")])]))
    hub.drop("POST", "/rerun-failed-jobs$", acts=acts)
    forge.runs.rerun(5)
    assert len(repo.runs[0].attempts) == 2
    assert len(hub.of("POST", "/rerun")) == (1 if acts else 2)
    assert naps == [3]


def test_a_rerun_that_times_out_is_only_looked_for(hub: FakeGitHub, repo: Repo, forge: GitHubForge) -> None:
    repo.runs.append(Run(5, "CI", SHA, "main", attempts=[Attempt([Job(71, "test")])]))
    hub.fail("POST", "/rerun-failed-jobs$", 504)
    with pytest.raises(ForgeRefused, match="look before running again"):
        forge.runs.rerun(5)
    assert len(hub.of("POST", "/rerun")) == 1
