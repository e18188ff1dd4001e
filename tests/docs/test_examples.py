"""Each step of ours in a workflow that people copy is run as it stands there, against GitHub and models of our own."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cicd_agent.settings.loader import load
from tests.support.jobs.example_steps import Own, bind, own_steps
from tests.support.jobs.failure import FailureJobs
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import AFTER, Job, Left
from tests.support.jobs.recorded import DRAFT
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.git_state import GitCommit
from tests.support.servers.openai.app import OpenAIServer, answer

NOTHING = {**DRAFT, "findings": [], "risk_level": "low", "confidence": 0.9}
ELSEWHERE = {
    "approve-deploy": "end_to_end/deploy_gate/test_workflows.py",
    "llm-evaluation": "end_to_end/deploy_gate/test_workflows.py",
    "deploy-gate": "end_to_end/deploy_gate/test_workflows.py",
    "gen-tests": "end_to_end/gen_tests/test_workflows.py",
    "replies": "end_to_end/review/test_replies.py",
    "review-fork-gather": "end_to_end/review/test_fork_workflows.py",
    "review-fork-post": "end_to_end/review/test_fork_workflows.py",
    "accounts": "end_to_end/audit/test_audit_log.py",
    "audit-log": "end_to_end/audit/test_audit_log.py",
}
"""Examples whose jobs depend on one another: where they are played as a whole."""
ALL = [own for own in own_steps() if own.example not in ELSEWHERE]


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


def of(*modes: str) -> pytest.MarkDecorator:
    chosen = [own for own in ALL if own.mode in modes]
    assert chosen
    return pytest.mark.parametrize("own", chosen, ids=lambda own: own.name)


def pull_job(place: Path, hub: FakeGitHub, own: Own, after: Mapping[str, str] = AFTER) -> tuple[Job, dict[str, str]]:
    """The job of a pull request on GitHub, with a token that may do what the example permits; and its contexts."""
    job = Job(place, after=after)
    hub.add_repo("octo/app", job.repo.path)
    hub.add_pull(7, base="main", head="topic", head_ref="topic")
    job.variables |= {"GITHUB_API_URL": hub.url, "GITHUB_SERVER_URL": "https://github.test"}
    token = hub.add_token("ghs_permitted", **own.grants)
    return job, {"github.token": token, "runner.temp": str(job.temp), "github.sha": job.head}


def stands(left: Left) -> None:
    """The run came to an end of its own, and did all that it meant to do."""
    assert left.exit == 0, left.log
    assert left.outputs["conclusion"] in {"success", "neutral"}, left.log
    assert [each for each in left.report["receipts"] if each["state"] in {"failed", "refused"}] == []


def test_every_step_is_played_here_or_where_it_is_said() -> None:
    here = {"review", "route", "deploy-gate", "analyse-failure", "gen-tests", "gate-result", "doctor"}
    assert {own.mode for own in ALL} <= here
    for example, test in ELSEWHERE.items():
        text = (Path(__file__).parents[1] / test).read_text("utf-8")
        assert "replies" in text if example == "replies" else f"{example}.yml" in text or "accounts" in text


@of("review")
def test_a_review_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    job, contexts = pull_job(tmp_path, hub, own)
    with OpenAIServer(*([answer(NOTHING)] if asks(own) else [])) as server:
        inputs = {"github_token": hub.token, **own.bound(contexts)}
        if asks(own):
            inputs["base_url"], inputs["openai_api_key"] = server.url, inputs.get("openai_api_key") or "key-of-it"
        left = job.run("review", **inputs)
    stands(left)
    assert left.outputs["risk_level"] == "high"
    assert left.report["account"]["config_status"] in {"ok", "absent"}
    if asks(own):
        assert left.report["account"]["model"].startswith(own.inputs["model"])


def asks(own: Own) -> bool:
    """Whether the example names a server, which is then one of ours."""
    return bool(urlsplit(own.inputs.get("base-url", "")).hostname)


@of("route")
def test_a_route_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    job, contexts = pull_job(tmp_path, hub, own)
    left = job.run("route", **own.bound(contexts))
    stands(left)
    assert left.outputs["tests"] in {"full", "extended"}


@of("deploy-gate")
def test_a_gate_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub)
    jobs.token = hub.add_token("ghs_permitted", **own.grants)
    inputs = own.bound({"github.sha": jobs.sha, "github.token": jobs.token, "runner.temp": str(tmp_path)})
    left = jobs.run("schedule" if own.example == "nightly" else "push", payload=None, **({"signals_file": ""} | inputs))
    stands(left)
    assert left.outputs["decision"] == "proceed", left.log


@of("analyse-failure")
def test_a_failure_is_explained_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = FailureJobs(tmp_path, hub)
    jobs.token = hub.add_token("ghs_permitted", **own.grants)
    look: Callable[..., Left] = jobs.after if own.example == "failure-after-run" else jobs.within
    left = look(**own.bound({"github.token": jobs.token}))
    stands(left)
    assert left.outputs["cause"] == "change"
    assert len(jobs.comments) == 1


@of("gen-tests")
def test_tests_are_looked_for_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    """Of a change that has no Python in it: what it takes to write tests, or to find flaky ones, is shown elsewhere."""
    if "detect-flaky" in own.inputs:
        loaded = load({name: bind(value, {}) for name, value in own.inputs.items()}, None)
        assert loaded.settings.detect_flaky >= 10
        return
    job, contexts = pull_job(tmp_path, hub, own, {"README.md": "Other words.\n"})
    left = job.run("gen-tests", **own.bound(contexts))
    assert (left.exit, left.outputs["conclusion"]) == (0, "skipped"), left.log
    assert "no Python" in left.log


@of("doctor")
def test_the_doctor_looks_at_the_job_by_the_example(own: Own, tmp_path: Path, hub: FakeGitHub) -> None:
    job, contexts = pull_job(tmp_path, hub, own)
    repo = hub.repos["octo/app"]
    repo.store.commits[job.head] = GitCommit(job.head, "0" * 40, "Change", "contributor", (job.base,))
    left = job.run("doctor", **{"github_token": hub.token} | own.bound(contexts))
    assert left.exit == 0, left.log
    assert "not ready" not in left.log


@of("gate-result")
def test_the_one_required_check_of_the_example(own: Own, tmp_path: Path) -> None:
    job = Job(tmp_path)
    route = {"result": "success", "outputs": {"tests": "none", "skipped_areas": '["code","dependencies"]'}}
    route["outputs"] |= {"areas": '["docs"]', "build": "cached", "risk_level": "low"}  # type: ignore[operator]
    needs = {"route": route, **{name: {"result": "skipped", "outputs": {}} for name in ("test", "build")}}
    needs["docs"] = {"result": "success", "outputs": {}}
    contexts = {"toJSON(needs)": json.dumps(needs)}
    assert job.run("gate-result", **own.bound(contexts)).exit == 0
    needs["docs"]["result"] = "failure"
    assert job.run("gate-result", **own.bound({"toJSON(needs)": json.dumps(needs)})).exit == 1


def test_the_variables_of_the_example_with_an_identity_are_those_that_are_read() -> None:
    [own] = [own for own in ALL if own.example == "review-oidc"]
    from cicd_agent.settings.environment import Environment  # noqa: PLC0415

    contexts = {"vars.OPENAI_IDENTITY_PROVIDER_ID": "idp_1", "vars.OPENAI_SERVICE_ACCOUNT_ID": "sa_1"}
    told = {name: bind(value, contexts) for name, value in own.environ.items()}
    told |= {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.test", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
    workload = Environment.read(told).workload
    assert workload is not None
    assert workload.known
    assert own.permissions["id-token"] == "write"
