import json
import re
from pathlib import Path

import pytest

from tests.support.jobs.pull_request import Job, Left
from tests.support.protocol import Step
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def staged(job: Job, hub: FakeGitHub, decision: Path) -> None:
    """Gather and decide, each without the means of the other."""
    evidence = job.place / "evidence.json"
    assert job.run("gather", "review", "--out", str(evidence), github_token=hub.read_only).exit == 0
    assert job.run("decide", "review", "--in", str(evidence), "--out", str(decision)).exit == 0


def perform(job: Job, hub: FakeGitHub, decision: Path) -> Left:
    return job.run("perform", "review", "--in", str(decision), github_token=hub.token)


def serve(hub: FakeGitHub, job: Job) -> None:
    hub.add_repo("octo/app", job.repo.path)
    hub.add_pull(7, base="main", head="topic")
    hub.add_pull(8, base="main", head="topic")
    job.variables["GITHUB_API_URL"] = hub.url


def test_the_stages_apart_do_what_the_whole_does(job: Job, tmp_path: Path) -> None:
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        assert not hub.of("POST", "/repos/")
        left = perform(job, hub, decision)
        [review] = hub.repos["octo/app"].pulls[7].reviews
    assert left.exit == 0, left.log
    assert review.commit == job.head
    assert left.outputs["risk_level"] == "high"
    assert left.outputs["decision"] == "request_changes"


@pytest.mark.parametrize(
    ("pattern", "forged"),
    [
        (r'"pull": 7', '"pull": 8'),
        (r'"commit": "\w+"', f'"commit": "{"e" * 40}"'),
        (r'"event": "COMMENT"', '"event": "APPROVE"'),
    ],
    ids=["another pull request", "another commit", "an approval"],
)
def test_a_forged_decision_reaches_nothing_but_the_jobs_own_target(
    job: Job, tmp_path: Path, pattern: str, forged: str
) -> None:
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        text = decision.read_text()
        assert re.search(pattern, text)
        decision.write_text(re.sub(pattern, forged, text))
        left = perform(job, hub, decision)
        assert not hub.repos["octo/app"].pulls[7].reviews
        assert not hub.repos["octo/app"].pulls[8].reviews
        assert not hub.repos["octo/app"].pulls[8].comments
    assert any(receipt["state"] == "failed" for receipt in left.report["receipts"])
    assert "Not done" in left.summary


def test_a_forged_decision_sets_no_output_that_is_not_declared(job: Job, tmp_path: Path) -> None:
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        decision.write_text(decision.read_text().replace('"name": "blocking_count"', '"name": "PATH"'))
        left = perform(job, hub, decision)
    assert "PATH" not in left.outputs


def test_markdown_of_a_forged_decision_is_made_inert(job: Job, tmp_path: Path) -> None:
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        evil = "![x](https://evil.example/?q=1) @everyone <img src=x> fixes #1"
        decision.write_text(decision.read_text().replace("### Changes requested", f"{evil}\\n\\n### Changes requested"))
        perform(job, hub, decision)
        [comment] = hub.repos["octo/app"].pulls[7].comments
    assert "![x](" not in re.sub(r"\\.|`[^`]*`", "", comment.body)
    assert "<img" not in re.sub(r"\\.|`[^`]*`", "", comment.body)


def test_on_actions_the_event_is_the_jobs_own_and_not_the_files(job: Job, tmp_path: Path) -> None:
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        job.variables["GITHUB_EVENT_NAME"] = "push"
        job.event.write_text(json.dumps({"ref": "refs/heads/main", "repository": {"full_name": "octo/app"}}))
        perform(job, hub, decision)
        assert not hub.of("POST", "/repos/")


def test_a_declined_event_passes_through_all_stages(job: Job, tmp_path: Path) -> None:
    payload = job.payload()
    payload["pull_request"]["draft"] = True
    job.event.write_text(json.dumps(payload))
    decision = tmp_path / "decision.json"
    with FakeGitHub() as hub:
        serve(hub, job)
        staged(job, hub, decision)
        left = perform(job, hub, decision)
    assert left.exit == 0
    assert left.outputs["conclusion"] == "skipped"
    assert "draft" in left.outputs["summary"]


def test_a_dry_run_sends_and_writes_nothing(job: Job) -> None:
    with FakeGitHub() as hub:
        serve(hub, job)
        left = job.run("review", "--dry-run", github_token=hub.token)
        assert not hub.of("POST", "/repos/")
    assert "review of pull request 7" in left.log
    assert not left.outputs
    assert not left.summary
    assert not left.report


def test_a_second_run_posts_nothing_twice_and_edits_its_comment(job: Job) -> None:
    with FakeGitHub() as hub:
        serve(hub, job)
        assert job.run(github_token=hub.token).exit == 0
        assert job.run(github_token=hub.token).exit == 0
        pull = hub.repos["octo/app"].pulls[7]
        assert len(pull.reviews) == 1
        assert len(pull.comments) == 1
        before = len(hub.received)
        assert job.run("review", "--input", "min-severity=critical", github_token=hub.token).exit == 0
        assert len(pull.comments) == 1
        assert len(pull.reviews) == 1
        assert len(hub.received) - before <= 8


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_on_a_runner_nothing_that_is_printed_speaks_in_our_name(tmp_path: Path, form: str) -> None:
    evil = "x = 1\n::error::fake\n  ::set-output name=risk_level::low\n##[set-output name=risk_level;]low\nexec(x)\n"
    job = Job(tmp_path, after={"app.py": evil, "a##[error]b.py": "exec(input())\n"})
    heard = Step()
    heard.hear(job.run("review", "--format", form).log.encode())
    assert {command.name for command in heard.commands} <= {"warning", "notice", "error", "group", "endgroup"}
    assert all("fake" not in str(command) for command in heard.commands)


def test_what_is_printed_as_json_is_json(job: Job) -> None:
    text = job.run("review", "--format", "json").log
    report = json.loads(text[text.index("{\n") : text.rindex("}") + 1])
    assert report["kind"] == "report"
