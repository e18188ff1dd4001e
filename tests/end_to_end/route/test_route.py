"""A route from end to end: whatever goes wrong, the pipeline gets a plan, and in doubt the full one."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app import stages as commands
from cicd_agent.modes.route import mode as route
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.time_limit import strikes_anywhere

DOCS = {"README.md": "An app, and how to use it.\n"}
CONFIG = ".github/cicd-agent.yml"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


def job(place: Path, after: dict[str, str] | None = None, *, config: str = "") -> Job:
    return Job(place, BEFORE | ({CONFIG: config} if config else {}), after or DOCS)


def routed(job: Job, **inputs: str) -> Left:
    return job.run("route", **inputs)


def planned(left: Left, tests: str, build: str, code: int = 0) -> None:
    """The run ended with this code, and whoever asks what to do gets an answer."""
    assert left.exit == left.report["exit"] == code, left.log
    assert (left.outputs["tests"], left.outputs["build"]) == (tests, build)
    assert {name: left.report["outputs"][name] for name in ("tests", "build")} == {"tests": tests, "build": build}
    assert left.summary
    assert left.outputs["summary"]
    assert ("Traceback" in left.log) == (code == 70)


def full(left: Left, code: int = 0) -> None:
    """The full plan: no job that asks for the value that needs less is skipped."""
    # The table asks for more than the full tests where the risk that nobody knows counts as high.
    planned(left, left.outputs["tests"], "full", code)
    assert left.outputs["tests"] in {"full", "extended"}
    assert left.outputs.get("skipped_areas", "") in {"", "[]"} or left.outputs["tests"] == "full"
    assert left.outputs.get("areas", "") != "[]"


def crash(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("nobody thought of it")


def cancel(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("the signal came too late")


def hang(*_: object, **__: object) -> Any:
    signal.pause()


def test_words_alone_need_no_tests_and_nobody_is_asked(tmp_path: Path, hub: FakeGitHub) -> None:
    one = job(tmp_path)
    one.variables["GITHUB_API_URL"] = hub.url
    left = routed(one, github_token=hub.token, openai_api_key="sk-test", base_url="http://127.0.0.1:9/v1")
    planned(left, "none", "cached")
    assert left.outputs["areas"] == '["docs"]'
    assert json.loads(left.outputs["areas"]) == ["docs"]
    assert left.outputs["cost_usd"] == "0.0000"
    assert (left.outputs["degraded"], "::warning" in left.log) == ("false", False)
    plan = json.loads(Path(left.outputs["plan_file"]).read_text())
    assert (plan["commit"], plan["cells"]["tests"]) == (one.head, "none")
    assert hub.received == []


def test_code_and_a_push_get_their_tests(tmp_path: Path) -> None:
    one = job(tmp_path, {"app.py": "def go(name):\n    return name.strip()\n"})
    one.variables |= {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": one.head}
    repo = {"full_name": "octo/app", "default_branch": "main"}
    push = {"ref": "refs/heads/main", "before": one.base, "after": one.head, "deleted": False, "repository": repo}
    one.event.write_text(json.dumps(push))
    left = routed(one)
    assert left.outputs["tests"] == "full"
    assert '"docs"' in left.outputs["skipped_areas"]


@pytest.mark.parametrize("event", ["workflow_dispatch", "schedule", "frobnicate"])
def test_an_event_that_names_no_change_gets_the_full_plan(tmp_path: Path, event: str) -> None:
    one = job(tmp_path)
    one.variables["GITHUB_EVENT_NAME"] = event
    one.event.write_text(json.dumps({"repository": {"full_name": "octo/app", "default_branch": "main"}}))
    left = routed(one)
    full(left)
    assert "in doubt" in left.summary
    assert "::notice" in left.log


def test_what_cannot_be_read_gets_the_full_plan(tmp_path: Path) -> None:
    one = job(tmp_path)
    payload = one.payload()
    payload["pull_request"]["head"]["sha"] = "a" * 40
    one.event.write_text(json.dumps(payload))
    full(routed(one))


def test_a_github_that_refuses_is_a_warning_and_the_full_plan(tmp_path: Path, hub: FakeGitHub) -> None:
    one = job(tmp_path)
    one.variables |= {"GITHUB_API_URL": hub.url, "GITHUB_EVENT_NAME": "workflow_dispatch"}
    hub.add_repo("octo/app")
    hub.fail("GET", "/pulls/7$", 403, times=9)
    left = routed(one, github_token=hub.token, pull_request="7")
    full(left)
    assert (left.outputs["conclusion"], left.outputs["degraded"]) == ("neutral", "true")
    assert "403" in left.summary
    assert "::warning" in left.log


def test_a_wrong_input_fails_and_still_says_the_full_plan(tmp_path: Path) -> None:
    left = routed(job(tmp_path), timeout_minutes="soon")
    full(left, 2)
    assert left.outputs["conclusion"] == "failure"


@strikes_anywhere
def test_a_run_whose_time_is_over_gets_the_full_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "conclude", hang)
    left = routed(job(tmp_path), timeout_minutes="0.001")
    full(left)
    assert "timeout-minutes" in left.summary


def test_a_bug_of_ours_fails_and_still_says_the_full_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "ruled", crash)
    full(routed(job(tmp_path)), 70)


def test_a_cancelled_route_still_says_the_full_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "ruled", cancel)
    full(routed(job(tmp_path)), 130)


@pytest.mark.parametrize("config", ["areas: [\n", "areas: {docs: 5}\n"])
def test_a_broken_config_of_the_base_branch_makes_the_plan_the_full_one(tmp_path: Path, config: str) -> None:
    left = routed(job(tmp_path, config=config))
    full(left)
    assert left.report["account"]["config_status"] == "invalid"
    assert "::warning" in left.log


def test_a_change_cannot_route_itself(tmp_path: Path) -> None:
    lax = "areas: {docs: ['**']}\nroute: {low: {tests: none}}\n"
    left = routed(job(tmp_path, {"app.py": "def go(name):\n    return 1\n", CONFIG: lax}))
    assert left.outputs["tests"] != "none"
    assert '"code"' in left.outputs["areas"]
