"""The example workflows that write tests: no job holds two things of value, and each takes what the one before left."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[3] / "examples/workflows"
OWN, STAGE = "org/cicd-agent@v1", "org/cicd-agent/stage@v1"


def load(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def split() -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = load("gen-tests.yml")["jobs"]
    return jobs


def step(job: dict[str, Any], action: str) -> dict[str, Any]:
    [found] = [one["with"] for one in job["steps"] if one.get("uses", "").startswith(action)]
    inputs: dict[str, Any] = found
    return inputs


def secrets(job: dict[str, Any]) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", json.dumps(job)))


def test_the_jobs_follow_one_another_through_the_stages(split: dict[str, dict[str, Any]]) -> None:
    assert [*split] == ["gather", "ask", "try", "deliver"]
    assert [job.get("needs", []) for job in split.values()] == [[], ["gather"], ["ask"], ["try"]]
    assert [step(job, STAGE)["stage"] for job in split.values()] == [*split]
    assert {step(job, STAGE)["mode"] for job in split.values()} == {"gen-tests"}


def test_no_job_holds_two_of_the_models_key_foreign_code_that_writes_and_a_writing_token(
    split: dict[str, dict[str, Any]],
) -> None:
    assert {name: secrets(job) for name, job in split.items()} == {
        "gather": set(),
        "ask": {"OPENAI_API_KEY"},
        "try": set(),
        "deliver": {"GEN_TESTS_PRIVATE_KEY"},
    }
    assert {name: job["permissions"] for name, job in split.items()} == {
        "gather": {"contents": "read"},
        "ask": {"contents": "read"},
        "try": {"contents": "read"},
        "deliver": {},
    }


def test_the_job_with_the_models_key_has_no_code_and_runs_nothing(split: dict[str, dict[str, Any]]) -> None:
    steps = split["ask"]["steps"]
    assert not [one for one in steps if "run" in one or "checkout" in one["uses"] or "setup" in one["uses"]]


def test_the_job_that_writes_has_no_code_and_runs_nothing(split: dict[str, dict[str, Any]]) -> None:
    deliver = split["deliver"]
    assert not [one for one in deliver["steps"] if "run" in one or "checkout" in one["uses"] or "setup" in one["uses"]]
    token = step(deliver, "actions/create-github-app-token@")
    granted = {name: level for name, level in token.items() if name.startswith("permission-")}
    assert granted == {"permission-contents": "write", "permission-pull-requests": "write"}
    assert step(deliver, STAGE)["github-token"] == "${{ steps.app.outputs.token }}"
    assert step(deliver, STAGE)["deliver"] == "commit"


def test_code_of_the_pull_request_meets_no_credential_in_the_checkout(split: dict[str, dict[str, Any]]) -> None:
    jobs = [split["gather"], split["try"], *load("gen-tests-single.yml")["jobs"].values()]
    jobs += load("flaky.yml")["jobs"].values()
    assert all(step(job, "actions/checkout@")["persist-credentials"] is False for job in jobs)


@pytest.mark.parametrize(
    ("giver", "wrote", "taker", "reads"),
    [
        ("gather", "evidence-file", "ask", "evidence-file"),
        ("ask", "evidence-file", "try", "evidence-file"),
        ("try", "decision-file", "deliver", "decision-file"),
    ],
)
def test_each_job_takes_the_file_that_the_one_before_left(
    split: dict[str, dict[str, Any]], giver: str, wrote: str, taker: str, reads: str
) -> None:
    left, kept = step(split[giver], STAGE)[wrote], step(split[giver], "actions/upload-artifact@")
    taken, read = step(split[taker], "actions/download-artifact@"), step(split[taker], STAGE)[reads]
    assert kept["path"] == left
    assert kept["name"] == taken["name"]
    assert read == f"{taken['path']}/{Path(left).name}"
    # A directory of its own: whatever names the archive holds, they replace no file of the job.
    assert taken["path"] != "${{ runner.temp }}"


@pytest.mark.parametrize("name", ["gen-tests.yml", "gen-tests-single.yml"])
def test_secrets_and_branches_of_forks_are_left_alone(name: str) -> None:
    workflow = load(name)
    assert workflow[True] == {"pull_request": None}
    first = next(iter(workflow["jobs"].values()))
    assert first["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_the_single_job_can_write_nothing_but_a_comment() -> None:
    [job] = load("gen-tests-single.yml")["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert step(job, OWN)["deliver"] == "patch"
    assert "stage" not in step(job, OWN)


def test_flaky_tests_are_looked_for_without_any_secret() -> None:
    workflow = load("flaky.yml")
    [job] = workflow["jobs"].values()
    assert secrets(job) == set()
    assert job["permissions"] == {"contents": "read"}
    assert {*workflow[True]} == {"schedule", "workflow_dispatch"}
    assert int(step(job, OWN)["detect-flaky"]) >= 10
    assert int(step(job, OWN)["timeout-minutes"]) < job["timeout-minutes"]
