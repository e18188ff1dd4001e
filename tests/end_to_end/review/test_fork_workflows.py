"""The two example workflows for forks, step by step: what the one leaves, the other takes, and nothing more."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.jobs.fork import ForkJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub

EXAMPLES = Path(__file__).parents[3] / "examples/workflows"
GATHER, POST = "review-fork-gather.yml", "review-fork-post.yml"


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[ForkJobs]:
    with FakeGitHub() as hub:
        yield ForkJobs(tmp_path, hub)


def load(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
    return loaded


def job_of(name: str) -> dict[str, Any]:
    [job] = load(name)["jobs"].values()
    found: dict[str, Any] = job
    return found


def given(step: Mapping[str, Any], contexts: Mapping[str, str]) -> dict[str, str]:
    """The `with:` of a step; an expression that these contexts do not have is an error."""
    return {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: contexts[match[1]], str(value))
        for name, value in step.get("with", {}).items()
    }


def play(name: str, jobs: ForkJobs, artifact: Path, contexts: Mapping[str, str]) -> Left:
    """Run a workflow's only job; the artifact is a zip file between the two."""
    left: Left | None = None
    for step in job_of(name)["steps"]:
        inputs = given(step, contexts)
        match step["uses"].partition("@")[0]:
            case "actions/checkout":
                assert inputs["persist-credentials"] == "False"
            case "actions/upload-artifact":
                with zipfile.ZipFile(artifact, "w") as archive:
                    archive.write(inputs["path"], Path(inputs["path"]).name)
            case "actions/download-artifact":
                assert inputs["run-id"] == "99"
                with zipfile.ZipFile(artifact) as archive:
                    archive.extractall(inputs["path"])
            case _:
                del inputs["mode"]
                left = jobs.step({name.replace("-", "_"): value for name, value in inputs.items()})
    assert left
    return left


def gathered(jobs: ForkJobs) -> Path:
    artifact = jobs.job.place / "artifact.zip"
    jobs.as_gathering()
    left = play(GATHER, jobs, artifact, {"runner.temp": str(jobs.job.temp)})
    assert left.exit == 0, left.log
    return artifact


def posted(jobs: ForkJobs, artifact: Path) -> Left:
    jobs.as_posting()
    contexts = {
        "runner.temp": str(jobs.job.temp),
        "github.event.workflow_run.id": "99",
        "github.token": jobs.hub.token,
        "secrets.OPENAI_API_KEY": "",
    }
    return play(POST, jobs, artifact, contexts)


def test_what_is_gathered_without_secrets_is_posted_from_data_alone(jobs: ForkJobs) -> None:
    left = posted(jobs, gathered(jobs))
    assert left.exit == 0, left.log
    [review] = jobs.pull.reviews
    assert review.commit == jobs.job.head
    assert len(jobs.pull.comments) == 1


def test_a_hostile_archive_moves_nothing_and_is_refused(jobs: ForkJobs) -> None:
    artifact = gathered(jobs)
    with zipfile.ZipFile(artifact, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../cicd-agent/evil.py", "raise SystemExit")
        archive.writestr("/tmp/evil.py", "raise SystemExit")
        archive.writestr("evidence.json", b" " * 80_000_000)
    left = posted(jobs, artifact)
    assert left.exit == 2
    assert "too large" in left.outputs["summary"]
    assert not jobs.pull.comments


def test_the_half_that_reads_the_change_holds_no_secret_and_may_only_read() -> None:
    text = (EXAMPLES / GATHER).read_text("utf-8")
    assert "secrets." not in text
    assert job_of(GATHER)["permissions"] == {"contents": "read"}
    assert [*load(GATHER)[True]] == ["pull_request"]


def test_the_half_that_posts_checks_nothing_out_and_runs_nothing() -> None:
    job, workflow = job_of(POST), load(POST)
    assert all("run" not in step and "checkout" not in step["uses"] for step in job["steps"])
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert workflow[True]["workflow_run"]["workflows"] == [load(GATHER)["name"]]
