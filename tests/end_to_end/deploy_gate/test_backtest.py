"""The last month of a repository, judged by the gate of today: what it would have held, why, and what came of it."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.parser import parse
from tests.support.jobs.gate import HOUR, GateJobs
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    """Production got a reviewed pull request an hour ago, before that the same without a review, and then a push."""
    jobs = GateJobs(tmp_path, hub)
    hub.gate.data.deployments[0].created_at = moment(jobs.now - 60 * 24 * HOUR)
    hub.gate.add_deployment(jobs.sha, "production", "success", at=jobs.now - 3 * HOUR)
    hub.gate.add_deployment(jobs.sha, "production", "success", at=jobs.now - HOUR + 60)
    return jobs


def moment(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def pushed(jobs: GateJobs, *states: str) -> str:
    """Somebody pushes without a pull request, and it is deployed."""
    repo = jobs.job.repo
    repo.git("checkout", "--quiet", "main")
    repo.commit({"app.py": "import sys\n\n\ndef go(name):\n    return name.lower()\n"}, "Lower")
    repo.run("commit", "--quiet", "--amend", "--no-edit", env={"GIT_COMMITTER_DATE": f"{jobs.now - 2_400} +0000"})
    sha = repo.head
    for name in ("unit", "lint"):
        jobs.hub.gate.add_check(sha, name, at=jobs.now - 2_000)
    if states:
        jobs.hub.gate.add_deployment(sha, "production", *states, at=jobs.now - 1_800)
    return sha


def merged_lately(jobs: GateJobs) -> None:
    """The pull request was merged some time ago, and nothing was ever deployed by GitHub's record."""
    repo, gate = jobs.job.repo, jobs.hub.gate
    gate.data.deployments.clear()
    repo.git("checkout", "--quiet", "main")
    when = f"{jobs.now - HOUR - 600} +0000"
    repo.run("commit", "--quiet", "--amend", "--no-edit", env={"GIT_COMMITTER_DATE": when})
    jobs.sha = repo.head
    gate.merge(7, jobs.sha)
    for name in ("unit", "lint"):
        gate.add_check(jobs.sha, name, at=jobs.now - HOUR)


def ask(jobs: GateJobs, *arguments: str, **variables: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    line = ["deploy-gate", "--backtest", "30d", "--repo-dir", str(jobs.job.repo.path), *arguments]
    told = {
        "PATH": jobs.job.repo.env["PATH"],
        "GITHUB_TOKEN": jobs.token,
        "GITHUB_REPOSITORY": "octo/app",
        "GITHUB_API_URL": jobs.hub.url,
        "GITHUB_SERVER_URL": "https://github.test",
        "INPUT_ENVIRONMENT": "production",
        **variables,
    }
    code = run(parse(line), {name: value for name, value in told.items() if value}, Streams(out, err))
    return code, out.getvalue(), err.getvalue()


def judged(jobs: GateJobs) -> dict[str, Any]:
    code, out, err = ask(jobs, "--format", "json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_each_deployment_is_judged_by_what_was_there_then(jobs: GateJobs) -> None:
    harmed = pushed(jobs, "in_progress", "failure")
    found = judged(jobs)
    assert (found["of"], found["judged"], found["held"]) == ("deployment", 3, 2)
    last, reviewed, early = found["decisions"]
    assert (reviewed["sha"], reviewed["decision"]) == (jobs.sha, "proceed")
    # An hour before, nobody had approved it, and its checks had not ended.
    assert early["sha"] == jobs.sha
    assert "missing-check" in early["holds"]
    assert (last["sha"], last["decision"], last["harm"]) == (harmed, "hold", ["failed deployment"])
    assert "unreviewed" in last["holds"]
    assert [each["sha"] for each in found["stopped"]] == [harmed]
    assert found["missed"] == []
    assert [(each["id"], each["times"], each["alone"]) for each in found["causes"]] == [
        ("missing-check", 1, 1),
        ("unreviewed", 1, 1),
    ]
    cause = found["causes"][1]
    assert cause["examples"][0] == {"sha": harmed, "url": f"https://github.test/octo/app/commit/{harmed}"}
    assert cause["configure"] == "not-applicable: [review]"


def test_nothing_is_posted_and_the_requests_are_bounded(jobs: GateJobs) -> None:
    pushed(jobs, "success")
    before = len(jobs.hub.received)
    judged(jobs)
    asked = jobs.hub.received[before:]
    assert not [each for each in asked if each.method != "GET" and each.path != "/graphql"]
    assert len(asked) <= 30


def test_it_reads_well_at_a_terminal_and_leaves_a_record_for_doctor(jobs: GateJobs) -> None:
    pushed(jobs, "in_progress", "failure")
    code, out, err = ask(jobs)
    assert code == 0, err
    assert out.startswith("2 of 3 deployments to production would have been held\n")
    for part in ("would have proceeded", "unreviewed", "what to configure", "not-applicable: [review]", "not known"):
        assert part in out
    assert "\x1b" not in out
    assert "Traceback" not in out + err
    assert (jobs.job.repo.path / ".cicd-agent/backtest.json").is_file()


def test_where_nothing_was_deployed_each_push_is_judged(jobs: GateJobs) -> None:
    merged_lately(jobs)
    sha = pushed(jobs)
    found = judged(jobs)
    assert found["of"] == "push"
    assert [(each["sha"], each["decision"]) for each in found["decisions"]] == [(sha, "hold"), (jobs.sha, "proceed")]
    assert "unreviewed" in found["decisions"][0]["holds"]


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"GITHUB_TOKEN": ""}, "there is no GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "", "GITHUB_REPOSITORY": ""}, "there is no GITHUB_TOKEN and no GITHUB_REPOSITORY"),
        ({"INPUT_ENVIRONMENT": ""}, "--input environment=production"),
    ],
)
def test_what_is_missing_is_said_in_one_line(jobs: GateJobs, variables: dict[str, str], missing: str) -> None:
    code, out, err = ask(jobs, **variables)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert missing in err


def test_at_the_rate_limit_it_says_how_far_it_came(jobs: GateJobs) -> None:
    pushed(jobs, "success")
    before = judged(jobs)
    limit = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(jobs.now + 3_000)}
    message = {"message": "API rate limit exceeded for this token."}
    jobs.hub.fail("GET", f"/commits/{jobs.sha}/check-runs", 403, times=9, headers=limit, body=message)
    found = judged(jobs)
    assert found["judged"] < before["judged"]
    assert any("then GitHub refused" in limit for limit in found["limits"])


def test_a_time_that_is_none_is_refused(jobs: GateJobs) -> None:
    code, _, err = ask(jobs, "--backtest", "soon")
    assert (code, "--backtest is no time" in err) == (2, True)
