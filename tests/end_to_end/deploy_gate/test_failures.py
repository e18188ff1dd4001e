"""Whatever goes wrong, a gate lets nothing through: the exit codes, and outputs that are never a yes by silence."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github import forge as github
from cicd_agent.app import stages as commands
from cicd_agent.modes.deploy_gate import verdict
from tests.modes.deploy_gate.evidences import draft
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, Step, answer, malformed, refusal, status
from tests.support.time_limit import strikes_anywhere


def ended(left: Left, code: int, *words: str) -> None:
    """The run ended with this code and told everybody; its decision is no yes."""
    assert left.exit == left.report["exit"] == code, left.log
    assert (left.outputs["decision"], left.report["outputs"]["decision"]) == ("hold", "hold")
    assert left.outputs["requires_approval"] in {"true", "false"}
    assert left.outputs["conclusion"] == "failure"
    assert left.outputs["summary"]
    assert Path(left.outputs["report_file"]).is_file()
    missing = [word for word in words if word not in left.summary + left.outputs["summary"]]
    assert missing == [], left.summary
    assert ("Traceback" in left.log) == (code == 70)


def stops(left: Left) -> set[str]:
    return {each["id"] for each in left.report["gated"]["stops"] if not each["lifted"]}


def crash(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("nobody thought of it")


def cancel(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("the signal came too late")


def hang(*_: object, **__: object) -> Any:
    signal.pause()


def test_a_wrong_input_a_wrong_event_and_no_event_are_wrong_configuration(jobs: GateJobs) -> None:
    ended(jobs.run(threshold="much"), 2, "`threshold`")
    jobs.job.event.write_text("[]")
    ended(jobs.job.run("deploy-gate", environment="production"), 2)
    jobs.job.event.unlink()
    ended(jobs.job.run("deploy-gate", environment="production"), 2)


def test_a_github_that_is_down_holds_by_the_names_of_what_it_did_not_say(
    jobs: GateJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each request is tried again after a while, for which nobody waits here.
    monkeypatch.setattr(github, "GitHubForge", partial(github.GitHubForge, sleep=lambda _: None))
    jobs.job.variables["GITHUB_API_URL"] = "http://127.0.0.1:9"
    left = jobs.run()
    ended(left, 1, "could not")
    assert {"fault-checks", "fault-required", "fault-origins", "fault-deployments", "fault-incidents"} <= stops(left)


def test_a_github_that_refuses_everything_holds(jobs: GateJobs) -> None:
    left = jobs.run(github_token=jobs.hub.add_token("ghs_nothing"))
    ended(left, 1)
    assert {"fault-checks", "fault-deployments"} <= stops(left)
    left = jobs.run(github_token="ghs_wrongwrongwrong")
    ended(left, 1, "401")
    assert "wrongwrong" not in left.log + left.summary + str(left.report)


def test_a_job_without_a_token_holds(jobs: GateJobs) -> None:
    left = jobs.run(github_token="")
    ended(left, 1)
    assert stops(left) == {"no-token"}
    assert jobs.hub.received == []


def test_a_comment_that_github_will_not_show_approves_nothing(jobs: GateJobs) -> None:
    jobs.hub.fail("GET", "/pulls/7$", 403, times=9)
    ended(jobs.comment("/approve-deploy 0123456789abcdef"), 3, "403")


def asked(jobs: GateJobs, *steps: Step, **inputs: str) -> Left:
    """The gate's job with a model that does these steps."""
    with OpenAIServer(*steps) as server:
        left = jobs.run(
            payload=None, base_url=server.url, openai_api_key="sk-" + "secretsecret" * 2, api="chat", **inputs
        )
        server.steps.clear()
    assert "secretsecret" not in left.log + left.summary + str(left.report)
    return left


def test_a_model_that_sees_nothing_wrong_changes_nothing(jobs: GateJobs) -> None:
    left = asked(jobs, answer(draft().model_dump(mode="json")))
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (0, "proceed", "false"), left.log
    assert (left.report["account"]["usage"]["requests"], left.report["gated"]["confidence"]) == (1, 0.9)


def test_a_model_that_proves_an_objection_holds(jobs: GateJobs) -> None:
    said = draft(risk_level="high", confidence_in_proceeding=0.7).model_dump(mode="json")
    said["objections"] = [{"source": "app.py", "quote": "return name.strip()", "text": "Names may end in a blank."}]
    left = asked(jobs, answer(said))
    ended(left, 1, "the model objects: Names may end in a blank")
    assert stops(left) == {"model"}
    assert left.outputs["requires_approval"] == "true"


@pytest.mark.parametrize(
    "steps",
    [(lambda: status(401),), (refusal,), (malformed,) * 3],
    ids=["wrong key", "refusal", "garbage"],
)
def test_without_a_model_the_rules_decide_unless_one_is_required(
    tmp_path: Path, hub: FakeGitHub, steps: tuple[Callable[[], Step], ...]
) -> None:
    jobs = GateJobs(tmp_path, hub, config="require-model: off\n")
    left = asked(jobs, *(step() for step in steps))
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (0, "proceed", "true"), left.log
    assert "Degraded" in left.summary


def test_where_a_model_is_required_nothing_proceeds_without_one(tmp_path: Path, hub: FakeGitHub) -> None:
    jobs = GateJobs(tmp_path, hub, config="require-model: on\n")
    left = asked(jobs, status(401))
    ended(left, 1, "no model was used")
    assert stops(left) == {"no-model"}
    assert left.outputs["degraded"] == "true"
    left = jobs.run()
    assert stops(left) == {"no-model"}


def test_a_budget_that_leaves_no_room_for_the_model_leaves_the_rules(jobs: GateJobs) -> None:
    left = asked(jobs, max_input_tokens="10")
    assert (left.exit, left.outputs["decision"], left.outputs["degraded"]) == (0, "proceed", "true"), left.log
    assert "max-input-tokens" in left.summary


@strikes_anywhere
def test_a_run_whose_time_is_over_fails(jobs: GateJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "conclude", hang)
    ended(jobs.run(timeout_minutes="0.001"), 5, "timeout-minutes")


def test_a_bug_in_a_rule_is_no_yes(jobs: GateJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "ruled", crash)
    ended(jobs.run(), 70, "ZeroDivisionError")
    # In shadow, too: what nobody has thought of has to be seen.
    ended(jobs.run(enforce="shadow"), 70)


def test_a_run_that_is_cancelled_is_no_yes(jobs: GateJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "ruled", cancel)
    ended(jobs.run(), 130, "cancelled")


@pytest.mark.parametrize("config", ["threshold: [\n", "treshold: 10\n", "\x00"])
def test_a_broken_config_on_the_base_branch_holds(tmp_path: Path, hub: FakeGitHub, config: str) -> None:
    left = GateJobs(tmp_path, hub, config=config).run()
    ended(left, 1)
    assert left.report["account"]["config_status"] == "invalid"
    assert stops(left) == {"policy"}
    assert left.outputs["requires_approval"] == "false"


def test_a_decision_that_cannot_be_told_to_anybody_stands(jobs: GateJobs) -> None:
    jobs.unapprove()
    jobs.hub.fail("POST", "/comments$", 403, times=9)
    left = jobs.run()
    ended(left, 1, "/approve-deploy")
    assert {each["state"] for each in left.report["receipts"] if each["kind"] == "comment"} <= {"degraded", "failed"}
    assert "::warning" in left.log


def test_a_check_that_runs_on_in_the_same_run_is_named_as_what_waits_for_itself(jobs: GateJobs) -> None:
    checks = jobs.repo.check_runs
    checks[:] = [one for one in checks if one.name != "unit"]
    jobs.hub.gate.add_check(jobs.sha, "unit", "", run=77)
    left = jobs.run()
    ended(left, 1, "runs beside the gate")
    assert "pending-check" in stops(left)


def test_the_changes_own_configuration_decides_nothing(tmp_path: Path, hub: FakeGitHub) -> None:
    lax = "threshold: 1\nnot-applicable: [tests, review]\n"
    jobs = GateJobs(tmp_path, hub, {"app.py": "a = 1\n", ".github/cicd-agent.yml": lax})
    jobs.pull.reviews.clear()
    jobs.repo.check_runs[:] = [replace(one, conclusion="failure") for one in jobs.repo.check_runs]
    left = jobs.run()
    ended(left, 1)
    assert "red-check" in stops(left)
    assert left.report["gated"]["threshold"] == 75
