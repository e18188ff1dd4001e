"""Who can write a file for a gate or a router can make no job of theirs say yes, and have nothing done by it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.run_record import Decision
from cicd_agent.app.serialization import dump, load
from cicd_agent.domain.effects import Comment, Deployment, Issue, Plan, Rerun
from cicd_agent.modes.deploy_gate.result import GateDecision
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job
from tests.support.servers.github.app import FakeGitHub

SAFE = {"deploy-gate": {"decision": "hold", "requires_approval": "false"}, "route": {"tests": "full", "build": "full"}}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(tmp_path_factory.mktemp("job"))


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[GateJobs]:
    with FakeGitHub() as hub:
        yield GateJobs(tmp_path, hub)


@pytest.mark.parametrize("mode", SAFE)
@pytest.mark.parametrize(
    ("argv", "inputs"),
    [
        ((), {"stage": "gather", "evidence_file": "e.json"}),
        ((), {"stage": "ask", "evidence_file": "e.json"}),
        ((), {"stage": "try", "evidence_file": "e.json", "decision_file": "d.json"}),
        ((), {"stage": "deliver", "decision_file": "d.json"}),
        ((), {"evidence_file": "e.json"}),
        ((), {"decision_file": "d.json"}),
        (("ask", "{}", "--in", "e.json", "--out", "a.json"), {}),
        (("decide", "{}", "--in", "e.json", "--out", "d.json"), {}),
        (("perform", "{}", "--in", "d.json"), {}),
    ],
)
def test_on_actions_nothing_is_taken_over_from_another_job(
    job: Job, mode: str, argv: tuple[str, ...], inputs: Mapping[str, str]
) -> None:
    for file in ("output", "summary"):
        (job.temp / file).write_text("")
    left = job.run(*(part.format(mode) for part in argv or ("{}",)), **inputs)
    assert left.exit == 2, left.log
    assert left.outputs.items() >= SAFE[mode].items()
    assert "in one job" in left.outputs["summary"]


def gathered(jobs: GateJobs, place: Path) -> dict[str, Any]:
    """What a gate has seen, in a file."""
    left = jobs.run("push", "gather", "deploy-gate", "--out", str(place))
    assert left.exit == 0, left.log
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def test_at_a_terminal_a_forged_decision_is_shown_and_reaches_nobody(jobs: GateJobs, tmp_path: Path) -> None:
    """The evidence says that all is well with a commit that nobody has approved, the plan asks for everything."""
    evidence, decision = tmp_path / "evidence.json", tmp_path / "decision.json"
    jobs.pull.reviews.clear()
    found = gathered(jobs, evidence)
    review = {"author": "rita", "state": "APPROVED", "commit": jobs.head, "submitted": jobs.now}
    found["body"]["gate"]["pulls"][0]["reviews"] = [{**review, "is_person": True, "is_ours": False, "can_write": True}]
    evidence.write_text(json.dumps(found))
    jobs.job.variables["GITHUB_ACTIONS"] = ""
    left = jobs.run("push", "decide", "deploy-gate", "--in", str(evidence), "--out", str(decision))
    assert left.exit == 0, left.log
    said = load(Decision, decision.read_bytes(), decision.name)
    assert said.result is not None
    assert said.result.decision is GateDecision.PROCEED  # the forgery is good enough
    forged = (
        Issue("deploy-gate/production", "Held", "Held run: x"),
        Deployment("deployment", "production", jobs.sha, "queued", "", output="deployment_id"),
        Rerun("r", 70, 1, "approval"),
        Comment("deploy-gate/production", 7, "Held run: x"),
    )
    decision.write_text(dump(replace(said, plan=Plan((*said.plan.effects, *forged)))))
    before = len(jobs.hub.received)
    wants = "record-deployment: 'on'\napprovals: [comment, issue]\n"
    jobs.job.repo.commit({".github/cicd-agent.yml": wants.encode()}, "Want all of it")
    left = jobs.run("workflow_dispatch", "perform", "deploy-gate", "--in", str(decision))
    assert left.exit == 0, left.log
    writes = [each.path for each in jobs.hub.received[before:] if each.method != "GET" and "graphql" not in each.path]
    assert writes == []
    assert not jobs.pull.comments
    assert jobs.repo.gate.deployments[-1].sha == jobs.base
