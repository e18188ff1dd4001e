"""What a gate writes into GitHub's own record of deployments, from end to end, where the base branch asks for it."""

from pathlib import Path

import pytest

from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub

ON = "record-deployment: on\n"


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    jobs = GateJobs(tmp_path, hub, config=ON)
    jobs.token = hub.add_token("ghs_records", **jobs.grants | {"deployments": "write"})
    return jobs


def of_deployment(jobs: GateJobs, **inputs: str) -> tuple[list[str], Left]:
    """The job of a deployment that somebody has begun, and the states that it got."""
    begun = jobs.hub.gate.add_deployment(jobs.sha, "production", at=jobs.now)
    payload = jobs.payload("deployment")
    payload["deployment"]["id"] = begun.id
    left = jobs.run("deployment", payload=payload, **inputs)
    assert jobs.hub.gate.data.deployments[-1] is begun
    return [one.state for one in begun.statuses], left


def test_a_deployment_that_proceeds_is_recorded_as_queued(jobs: GateJobs) -> None:
    left = jobs.run()
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log
    made = jobs.hub.gate.data.deployments[-1]
    assert (made.sha, made.environment, [one.state for one in made.statuses]) == (jobs.sha, "production", ["queued"])
    assert left.outputs["deployment_id"] == str(made.id)
    [asked] = [request.body for request in jobs.hub.of("POST", "/deployments$")]
    assert (asked["auto_merge"], asked["required_contexts"], asked["ref"]) == (False, [], jobs.sha)
    assert len(jobs.hub.received) <= 17


def test_the_next_attempt_of_the_same_run_records_nothing_twice(jobs: GateJobs) -> None:
    first, again = jobs.run(), jobs.again()
    assert (again.exit, again.outputs["decision"]) == (0, "proceed"), again.log
    assert first.outputs["deployment_id"] == again.outputs["deployment_id"]
    assert len(jobs.hub.gate.data.deployments) == 2


def test_a_hold_of_a_push_records_nothing(jobs: GateJobs) -> None:
    jobs.unapprove()
    before = len(jobs.hub.gate.data.deployments)
    assert jobs.run().outputs["decision"] == "hold"
    assert len(jobs.hub.gate.data.deployments) == before


def test_a_deployment_that_somebody_began_is_queued_and_no_second_one_is_made(jobs: GateJobs) -> None:
    states, left = of_deployment(jobs)
    assert (states, left.outputs["decision"]) == (["queued"], "proceed"), left.log


def test_a_deployment_that_somebody_began_and_is_held_ends(jobs: GateJobs) -> None:
    jobs.unapprove()
    states, left = of_deployment(jobs)
    assert (states, left.outputs["decision"]) == (["failure"], "hold"), left.log


def test_a_deployment_that_was_held_is_no_failure_to_roll_back_from(jobs: GateJobs) -> None:
    approvals = [*jobs.pull.reviews]
    jobs.unapprove()
    of_deployment(jobs)
    jobs.pull.reviews += approvals
    left = jobs.run("workflow_dispatch")
    assert (left.exit, left.outputs["decision"]) == (0, "proceed"), left.log


def test_a_hold_in_shadow_lets_the_deployment_go_on(jobs: GateJobs) -> None:
    jobs.unapprove()
    states, left = of_deployment(jobs, enforce="shadow")
    assert (states, left.exit, left.outputs["decision"]) == (["queued"], 0, "proceed"), left.log
    assert left.outputs["shadow_decision"] == "hold"
    assert "Shadow" in jobs.hub.gate.data.deployments[-1].statuses[-1].description
    # Of a push, too, the pipeline gets the number about which it reports.
    assert jobs.run(enforce="shadow").outputs["deployment_id"]


def test_a_record_that_github_refuses_is_said_and_holds_nothing_up(jobs: GateJobs) -> None:
    jobs.token = jobs.hub.add_token("ghs_only_reads", **jobs.grants)
    left = jobs.run()
    assert (left.exit, left.outputs["decision"], left.outputs.get("deployment_id", "")) == (0, "proceed", ""), left.log
    assert "`deployments: write`" in left.log
