"""A gate in shadow decides as it would, and stops nothing; people hear of a hold from one that stops."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.jobs.gate import HOUR, GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, malformed
from tests.support.servers.slack import FakeSlack


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


def decided(left: Left) -> tuple[int, str, str]:
    """The exit code, what the pipeline is told, and what it would be told without the shadow."""
    return left.exit, left.outputs["decision"], left.outputs.get("shadow_decision", "")


def test_a_shadow_decides_as_it_would_and_bothers_nobody(jobs: GateJobs, slack: FakeSlack) -> None:
    left = jobs.run(enforce="shadow", slack_webhook_url=slack.webhook)
    assert (left.exit, left.outputs["decision"], left.outputs["conclusion"]) == (0, "proceed", "neutral"), left.log
    assert (left.outputs["shadow_decision"], left.outputs["requires_approval"]) == ("hold", "false")
    assert (left.report["gated"]["decision"], left.report["gated"]["enforced"]) == ("hold", False)
    assert "Shadow" in left.outputs["summary"]
    assert "::error" not in left.log
    assert jobs.told == []
    assert slack.messages == []
    assert not [each for each in jobs.hub.received if each.method != "GET" and each.path != "/graphql"]


def test_a_shadow_that_github_or_the_model_fails_stops_nothing_either(jobs: GateJobs) -> None:
    with OpenAIServer(malformed(), malformed(), malformed()) as model:
        left = jobs.run(enforce="shadow", base_url=model.url)
    assert (*decided(left), left.outputs["degraded"]) == (0, "proceed", "hold", "true"), left.log
    left = jobs.run(enforce="shadow", github_token="ghs_wrong")
    assert decided(left) == (0, "proceed", "hold"), left.log


def test_a_shadow_whose_run_cannot_even_begin_says_hold_and_stops_nothing(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/pulls", 403, times=9)
    payload = jobs.payload("workflow_run")
    payload["workflow_run"]["event"] = "pull_request"
    left = jobs.run("workflow_run", payload=payload, enforce="shadow")
    assert (*decided(left), left.outputs["degraded"]) == (0, "proceed", "hold", "true"), left.log
    left = jobs.run("workflow_run", payload=payload)
    assert decided(left) == (3, "hold", ""), left.log


def test_a_shadow_that_would_roll_back_goes_on_as_well(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub)
    hub.gate.add_deployment(jobs.sha, "production", "in_progress", "failure", at=jobs.now - HOUR)
    hub.gate.add_incident("Checkout is down", at=jobs.now - 60)
    assert jobs.run().outputs["rollback_to"] == jobs.base
    left = jobs.run(enforce="shadow")
    assert (*decided(left), left.outputs["rollback_to"]) == (0, "proceed", "rollback", ""), left.log


def test_a_shadow_with_nothing_against_a_deployment_says_so_twice(tmp_path: Path, hub: FakeGitHub) -> None:
    left = GateJobs(tmp_path, hub).run(enforce="shadow")
    assert (*decided(left), left.outputs["conclusion"]) == (0, "proceed", "proceed", "success"), left.log


def test_a_hold_in_shadow_is_entered_in_the_audit_log_as_the_hold_that_it_is(jobs: GateJobs, tmp_path: Path) -> None:
    book = tmp_path / "book"
    left = jobs.run(enforce="shadow", state_dir=str(book))
    assert decided(left) == (0, "proceed", "hold"), left.log
    with closing(sqlite3.connect(next(each for each in book.iterdir() if each.is_file()))) as store:
        [[text]] = store.execute("SELECT text FROM cicd_agent_entries WHERE kind = 'run'")
        [[values]] = store.execute("SELECT \"values\" FROM cicd_agent_facts WHERE kind = 'deployment'")
    entry, fact = json.loads(text), json.loads(values)
    assert (entry["decision"], entry["conclusion"], entry["exit"]) == ("hold", "neutral", 0)
    assert (fact["decision"], fact["enforced"]) == ("hold", "false")


def test_a_hold_that_is_only_an_output_ends_well_and_asks(jobs: GateJobs) -> None:
    left = jobs.run(enforce="output")
    assert (*decided(left), left.outputs["conclusion"]) == (0, "hold", "", "neutral"), left.log
    assert len(jobs.told) == 1


def test_a_hold_is_told_once_with_what_stands_against_it_and_where_to_look(jobs: GateJobs, slack: FakeSlack) -> None:
    left = jobs.run(slack_webhook_url=slack.webhook)
    assert left.exit == 1, left.log
    [message] = slack.messages
    because = "nobody but the author has approved #7"
    assert message["text"].startswith(f"octo/app: Approval needed to deploy {jobs.sha[:7]} to production: {because}")
    shown = str(message["blocks"])
    # There it would be a command of Slack's, that nobody hears.
    assert "/approve-deploy" not in shown
    assert "Anyone with write access who wrote none of it may approve it on GitHub (not contributor)." in shown
    assert "https://github.test/octo/app/pull/7" in shown
    assert "https://github.test/octo/app/actions/runs/77" in shown


def test_a_rollback_is_told_and_a_deployment_that_proceeds_is_not(
    tmp_path: Path, hub: FakeGitHub, slack: FakeSlack
) -> None:
    jobs = GateJobs(tmp_path, hub)
    assert jobs.run(slack_webhook_url=slack.webhook).outputs["decision"] == "proceed"
    assert slack.messages == []
    hub.gate.add_deployment(jobs.sha, "production", "in_progress", "failure", at=jobs.now - HOUR)
    hub.gate.add_incident("Checkout is down", at=jobs.now - 60)
    assert jobs.run(slack_webhook_url=slack.webhook).outputs["decision"] == "rollback"
    assert [text.split(",")[0] for text in slack.heard] == [f"octo/app: Roll back {jobs.sha[:7]} on production"]


def test_a_slack_that_is_down_changes_nothing_of_the_decision(jobs: GateJobs, slack: FakeSlack) -> None:
    slack.fail(404, "no_service")
    left = jobs.run(slack_webhook_url=slack.webhook)
    assert (left.exit, left.outputs["decision"]) == (1, "hold"), left.log
    assert "::warning" in left.log
