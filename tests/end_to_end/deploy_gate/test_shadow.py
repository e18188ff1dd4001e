"""A gate in shadow decides as it would, and stops nothing; people hear of a hold from one that stops."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs.gate import HOUR, GateJobs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, malformed
from tests.support.servers.slack import FakeSlack


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    """A change that nobody has approved."""
    jobs = GateJobs(tmp_path, hub)
    jobs.unapprove()
    return jobs


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


def test_a_shadow_decides_as_it_would_and_bothers_nobody(jobs: GateJobs, slack: FakeSlack) -> None:
    left = jobs.run(enforce="false", slack_webhook_url=slack.webhook)
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "neutral"), left.log
    assert (left.outputs["requires_approval"], left.report["gated"]["enforced"]) == ("true", False)
    assert "shadow" in left.outputs["summary"]
    assert "::error" not in left.log
    assert jobs.told == []
    assert slack.messages == []
    assert not [each for each in jobs.hub.received if each.method != "GET" and each.path != "/graphql"]


def test_a_shadow_that_github_or_the_model_fails_stops_nothing_either(jobs: GateJobs) -> None:
    with OpenAIServer(malformed(), malformed(), malformed()) as model:
        left = jobs.run(enforce="false", base_url=model.url)
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (0, "hold", "true"), left.log
    left = jobs.run(enforce="false", github_token="ghs_wrong")
    assert (left.exit, left.outputs["decision"]) == (0, "hold"), left.log


def test_a_shadow_whose_run_cannot_even_begin_says_hold_and_stops_nothing(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/pulls", 403, times=9)
    payload = jobs.payload("workflow_run")
    payload["workflow_run"]["event"] = "pull_request"
    left = jobs.run("workflow_run", payload=payload, enforce="false")
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (0, "hold", "true"), left.log
    left = jobs.run("workflow_run", payload=payload)
    assert (left.exit, left.outputs["decision"]) == (3, "hold"), left.log


def test_a_hold_that_is_only_an_output_ends_well_and_asks(jobs: GateJobs) -> None:
    left = jobs.run(on_hold="output")
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "hold", "neutral"), left.log
    assert len(jobs.told) == 1


def test_a_hold_is_told_once_with_what_stands_against_it_and_where_to_look(jobs: GateJobs, slack: FakeSlack) -> None:
    left = jobs.run(slack_webhook_url=slack.webhook)
    assert left.exit == 1, left.log
    [message] = slack.messages
    assert message["text"].startswith("octo/app: HOLD production")
    shown = str(message["blocks"])
    assert f"/approve-deploy {left.outputs['approval_hash']}" in shown
    assert "the score is " in shown.lower()
    assert "https://github.test/octo/app/actions/runs/77" in shown
    assert "https://github.test/octo/app/pull/7" in shown


def test_a_rollback_is_told_and_a_deployment_that_proceeds_is_not(
    tmp_path: Path, hub: FakeGitHub, slack: FakeSlack
) -> None:
    jobs = GateJobs(tmp_path, hub)
    assert jobs.run(slack_webhook_url=slack.webhook).outputs["decision"] == "proceed"
    assert slack.messages == []
    hub.gate.add_deployment(jobs.sha, "production", "in_progress", "failure", at=jobs.now - HOUR)
    assert jobs.run(slack_webhook_url=slack.webhook).outputs["decision"] == "rollback"
    assert [text.split(",")[0] for text in slack.heard] == [f"octo/app: ROLLBACK production ← {jobs.sha[:7]}"]


def test_a_slack_that_is_down_changes_nothing_of_the_decision(jobs: GateJobs, slack: FakeSlack) -> None:
    slack.fail(404, "no_service")
    left = jobs.run(slack_webhook_url=slack.webhook)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "::warning" in left.log
