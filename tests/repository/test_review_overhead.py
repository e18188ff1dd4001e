"""The benchmark of reviews, as far as it can be shown without the package index and without a peer."""

from pathlib import Path

import pytest
import requests

from benchmarks.lenient_github import LenientGitHub
from benchmarks.pull_requests import SAMPLES, PullRequest, Sample, build
from benchmarks.review_overhead import Result, goals, table
from benchmarks.reviewers import Ours, installed
from benchmarks.reviewing import measure
from benchmarks.tokens import Counter
from tests.support.jobs.pull_request import Job


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    job = Job(tmp_path)
    job.repo.git("checkout", "--quiet", "-b", "feature")
    diff = job.repo.git("diff", "main...feature") + "\n"
    return PullRequest(Sample("small", "app", "1", "2"), job.repo.path, job.base, job.head, diff)


def test_a_review_is_measured_in_both_dialects_and_held_against_the_goals(pull: PullRequest, tmp_path: Path) -> None:
    ours = [Ours("responses"), Ours("chat")]
    measured = {each.name: measure(each, pull, tmp_path / each.api, Counter(), runs=1) for each in ours}
    for each in measured.values():
        assert 0 < each.github_calls <= 8
        assert each.questions == 1 < each.model_calls
        assert 0 < each.prompt == each.largest < each.all_prompts < each.requests
        assert each.seconds > 0
        assert each.megabytes > 1
        assert (each.seen, each.hidden) == (1.0, frozenset())
        assert each.comments >= 1
    result = Result(pull, raw=100, numbered=90, by=measured)
    assert any("ours, responses" in row for row in table(result))
    told = {goal.what: goal.holds for goal in goals([result])}
    assert told["GitHub calls are the same for any number of files"]
    assert told["app 1 to 2, 1 files, chat: prompt"] is (measured["ours, chat"].prompt <= 1.35 * 90 + 900)
    assert not any("pr-agent" in what for what in told)


def test_without_the_releases_and_without_the_index_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no httpx 0\.27\.1, 0\.27\.2; run once without --offline"):
        build(SAMPLES[0], tmp_path / "pull", tmp_path, "", offline=True)
    with pytest.raises(SystemExit, match="the package index cannot be reached"):
        build(SAMPLES[0], tmp_path / "pull", tmp_path, "http://127.0.0.1:9/simple", offline=False)


def test_a_peer_is_found_by_its_program(tmp_path: Path) -> None:
    assert installed([tmp_path]) == []
    program = tmp_path / "bin/pr-agent"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert [each.name for each in installed([tmp_path])] == ["pr-agent"]


def test_a_foreign_reviewer_is_answered_from_the_same_state() -> None:
    with LenientGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7)
        session = requests.Session()
        session.headers["Authorization"] = f"token {hub.token}"
        pull = session.get(f"{hub.url}/repos/o/r/pulls/7").json()
        assert session.get(pull["commits_url"]).status_code == 200
        assert session.post(f"{pull['issue_url']}/comments", json={"body": "Said."}).status_code == 201
        assert session.get(pull["comments_url"]).json()[0]["body"] == "Said."
        assert session.get(f"{hub.url}/repos/o/r/stargazers").status_code == 404
        assert hub.unknown == ["GET /repos/o/r/stargazers"]
