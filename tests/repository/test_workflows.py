"""Workflows, ours and the examples: what the checkers of `make workflows` cannot know."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of
from cicd_agent.settings.schema import ModeName
from scripts.actions import sub_actions

ROOT = Path(__file__).parents[2]
OURS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples/workflows").glob("*.yml"))
DECLARED: dict[str, dict[str, Any]] = {
    folder: yaml.safe_load((ROOT / folder / "action.yml").read_text("utf-8")) for folder in (".", *sub_actions())
}

# Commits that many public repositories use: nobody invents another.
PINS = {
    "actions/create-github-app-token": "bcd2ba49218906704ab6c1aa796996da409d3eb1",
    "actions/cache": "55cc8345863c7cc4c66a329aec7e433d2d1c52a9",
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "actions/setup-python": "5fda3b95a4ea91299a34e894583c3862153e4b97",
    "actions/upload-artifact": "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    "actions/attest": "1e69f48acb82d1966a394da916b4c1698aa569d6",
    "actions/configure-pages": "45bfe0192ca1faeb007ade9deae92b16b8254a0d",
    "actions/deploy-pages": "cd2ce8fcbc39b97be8ca5fce6e763baed58fa128",
    "actions/upload-pages-artifact": "fc324d3547104276b827a68afc52ff2a11cc49c9",
    "docker/build-push-action": "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a",
    "docker/login-action": "dbcb813823bdd20940b903addbd779551569679f",
    "docker/setup-buildx-action": "bb05f3f5519dd87d3ba754cc423b652a5edd6d2c",
    "github/codeql-action/analyze": "db488ddef3bf6cb639b32c2e9a7c0a7ea8271d28",
    "github/codeql-action/init": "db488ddef3bf6cb639b32c2e9a7c0a7ea8271d28",
    "github/codeql-action/upload-sarif": "db488ddef3bf6cb639b32c2e9a7c0a7ea8271d28",
    "ossf/scorecard-action": "4eaacf0543bb3f2c246792bd56e8cdeffafb205a",
    "pypa/gh-action-pypi-publish": "dc37677b2e1c63e2034f94d8a5b11f265b73ba33",
}
OWN = {"org/cicd-agent@v1": ".", "$/": ".", **{f"org/cicd-agent/{name}@v1": name for name in sub_actions()}}
"""Our actions, and the folder that each is in."""
CALLED = {f"org/cicd-agent/.github/workflows/call-{mode}.yml@v1": f"call-{mode}.yml" for mode in MODES}

every_workflow = pytest.mark.parametrize("path", [*OURS, *EXAMPLES], ids=lambda path: f"{path.parts[-3]}/{path.name}")


def load(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


@every_workflow
def test_every_action_is_pinned_to_a_commit_that_is_known(path: Path) -> None:
    used = [step["uses"] for step in steps(load(path)) if "uses" in step]
    assert {name for name in used if name not in OWN} <= {f"{name}@{commit}" for name, commit in PINS.items()}
    assert {job["uses"] for job in load(path)["jobs"].values() if "uses" in job} <= {*CALLED}


@every_workflow
def test_nothing_is_permitted_that_a_job_does_not_ask_for_and_every_job_ends(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"].values()
    assert all("permissions" in job and ("uses" in job or job["timeout-minutes"] <= 60) for job in jobs)
    assert workflow["concurrency"]["group"]


@every_workflow
def test_our_action_is_given_inputs_that_it_has_and_asked_for_outputs_that_it_has(path: Path) -> None:
    workflow = load(path)
    for job in workflow["jobs"].values():
        ours = {step.get("id"): DECLARED[OWN[step["uses"]]] for step in job.get("steps", []) if step.get("uses") in OWN}
        for step in job.get("steps", []):
            if step.get("uses") in OWN:
                assert {*step.get("with", {})} <= {*DECLARED[OWN[step["uses"]]]["inputs"]}
        for output in job.get("outputs", {}).values():
            match = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", output)
            assert match
            assert match[1] in {step.get("id") for step in job["steps"]}
            assert match[1] not in ours or match[2] in ours[match[1]]["outputs"]


@every_workflow
def test_a_workflow_that_is_called_is_given_what_it_takes_and_may_do_what_it_does(path: Path) -> None:
    for job in load(path)["jobs"].values():
        if "uses" not in job:
            continue
        called = load(ROOT / ".github/workflows" / CALLED[job["uses"]])
        takes = called[True]["workflow_call"]
        assert {*job.get("with", {})} <= {*takes["inputs"]}
        assert {*job.get("secrets", {})} <= {*takes["secrets"]}
        # A called job can have no more than its caller: what is missing there is an error before anything runs.
        [inner] = called["jobs"].values()
        assert inner["permissions"].items() <= job["permissions"].items()


@pytest.mark.parametrize("mode", [*MODES])
def test_a_workflow_that_others_call_hands_everything_on_and_asks_for_the_least(mode: ModeName) -> None:
    called = load(ROOT / f".github/workflows/call-{mode}.yml")
    [job] = called["jobs"].values()
    [step] = [step for step in job["steps"] if step.get("uses") == f"org/cicd-agent/{mode}@v1"]
    takes = called[True]["workflow_call"]
    text = (ROOT / f".github/workflows/call-{mode}.yml").read_text("utf-8")
    assert [name for name in takes["inputs"] if f"inputs.{name}" not in text] == []
    assert [name for name in takes["secrets"] if f"secrets.{name}" not in text] == []
    assert {*takes["outputs"]} == {*job["outputs"]} == {*DECLARED[mode]["outputs"]}
    assert "github.token" in step["with"]["github-token"]
    least = {each.name: each.access for each in contract_of(mode).needed}
    assert job["permissions"] == least


@every_workflow
def test_a_job_reads_only_outputs_of_jobs_that_it_needs(path: Path) -> None:
    workflow = load(path)
    for job in workflow["jobs"].values():
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        for other, output in re.findall(r"needs\.([\w-]+)\.outputs\.(\w+)", yaml.safe_dump(job)):
            assert other in needs
            assert output in workflow["jobs"][other]["outputs"]


def test_our_gate_waits_for_every_other_job() -> None:
    jobs = load(ROOT / ".github/workflows/ci.yml")["jobs"]
    assert {*jobs["gate"]["needs"]} == {*jobs} - {"gate"}
    assert jobs["gate"]["if"] == "always()"


@pytest.mark.parametrize(
    ("results", "passes"),
    [("success success", True), ("success failure", False), ("skipped success", False), ("success cancelled", False)],
)
def test_our_gate_says_no_unless_all_said_yes(results: str, passes: bool) -> None:  # noqa: FBT001  a table of cases
    [step] = load(ROOT / ".github/workflows/ci.yml")["jobs"]["gate"]["steps"]
    assert run(step["run"], RESULTS=results) is passes


@pytest.mark.parametrize(
    ("risk", "test", "thorough", "passes"),
    [
        ("low", "success", "skipped", True),
        ("low", "success", "success", True),
        ("high", "success", "success", True),
        ("", "success", "success", True),
        ("high", "success", "skipped", False),
        ("", "success", "skipped", False),
        ("low", "failure", "skipped", False),
        ("low", "success", "failure", False),
        ("high", "success", "cancelled", False),
    ],
)
def test_the_gate_of_the_example_lets_slow_tests_be_missing_only_at_low_risk(
    risk: str,
    test: str,
    thorough: str,
    passes: bool,  # noqa: FBT001  a table of cases
) -> None:
    [step] = load(ROOT / "examples/workflows/review.yml")["jobs"]["gate"]["steps"]
    assert run(step["run"], RISK=risk, TEST=test, THOROUGH=thorough) is passes


def test_the_example_keeps_what_it_remembers_where_it_is_found_again_by_the_same_pull_request_alone() -> None:
    job = load(ROOT / "examples/workflows/review.yml")["jobs"]["review"]
    [cache] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")]
    [ours] = [step["with"] for step in job["steps"] if step.get("uses") in OWN]
    assert cache["path"] == ours["cache-dir"]
    # Nothing saved is ever overwritten: each run has a key of its own, and finds the newest with the same beginning.
    own = cache["key"].removeprefix(cache["restore-keys"])
    assert own == "${{ github.run_id }}-${{ github.run_attempt }}"
    assert "${{ github.event.pull_request.number }}-" in cache["restore-keys"]


def test_the_example_compares_the_risk_with_the_safe_value() -> None:
    conditions = re.findall(
        r"risk_level\s*([!=]=)\s*'(\w+)'", (ROOT / "examples/workflows/review.yml").read_text("utf-8")
    )
    assert conditions == [("!=", "low")]


def test_the_example_that_answers_comments_has_secrets_and_therefore_no_code_of_the_change() -> None:
    workflow = load(ROOT / "examples/workflows/replies.yml")
    assert workflow[True] == {
        "issue_comment": {"types": ["created"]},
        "pull_request_review_comment": {"types": ["created"]},
    }
    [job] = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    checkout, agent = job["steps"]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert checkout["with"]["persist-credentials"] is False
    assert agent["uses"] in OWN


def test_the_example_that_answers_comments_starts_no_runner_for_strangers() -> None:
    [job] = load(ROOT / "examples/workflows/replies.yml")["jobs"].values()
    assert set(re.findall(r'"(\w+)"', job["if"])) == {"OWNER", "MEMBER", "COLLABORATOR"}
    for asked in ("author_association", "comment.user.type != 'Bot'", "'cicd-agent'", "issue.pull_request"):
        assert asked in job["if"]
    assert job["if"].count("&&") == 3


def run(script: str, **variables: str) -> bool:
    """Whether a step's script succeeds, by the shell of a Linux runner without `shell:`."""
    return subprocess.run(["bash", "-e", "-c", script], env=variables, check=False, capture_output=True).returncode == 0
