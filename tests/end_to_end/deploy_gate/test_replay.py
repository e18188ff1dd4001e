"""What a gate or a router decided, it decides again from what was recorded, to the byte and without anybody to ask."""

import json
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.mode import MODE as ROUTE
from tests.modes.deploy_gate.evidences import draft
from tests.modes.route.routing import (
    CODE,
    COMMENT,
    DEPENDENCIES,
    DOCS,
    LOGIN,
    MIGRATION,
    PROVED,
    SECRET,
    UNPROVED,
    route,
    settings,
)
from tests.modes.route.routing import evidence as routing
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job, Left
from tests.support.jobs.recorded import KEY
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer


def replayed(job: Job, mode: str, *argv: str) -> Left:
    """The recorded run judged again, wherever it is now, with nothing of what the run had."""
    job.variables = {"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": "/nowhere"}
    return job.run("replay", str(job.temp / "cicd-agent" / mode / "tape.jsonl"), *argv)


def is_same(job: Job, mode: str) -> bool:
    folder = job.temp / "cicd-agent" / mode
    return (folder / "replay/report.json").read_bytes() == (folder / "report.json").read_bytes()


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_gate_is_replayed_to_the_byte_and_by_another_policy_says_what_differs(tmp_path: Path, is_asked: bool) -> None:  # noqa: FBT001  a parameter
    said = draft(confidence_in_proceeding=0.9).model_dump(mode="json")
    with FakeGitHub() as hub, OpenAIServer(*[answer(said)] * is_asked) as server:
        jobs = GateJobs(tmp_path, hub)
        model = {"base_url": server.url, "openai_api_key": KEY} if is_asked else {}
        left = jobs.run("push", "deploy-gate", "--keep-evidence", payload=None, **model)
    assert left.outputs["decision"] == "proceed", left.log
    assert (left.report["gated"]["confidence"] is not None) == is_asked
    again = replayed(jobs.job, "deploy-gate")
    assert "identical" in again.log, again.log
    assert is_same(jobs.job, "deploy-gate")
    other = tmp_path / "other.yml"
    other.write_text("freezes: {always: {begins: 2020-01-01, ends: 2099-01-01, zone: UTC, owner: us}}\n")
    again = replayed(jobs.job, "deploy-gate", "--config", str(other))
    assert again.exit == 1
    assert "different:" in again.log
    assert "freezes" in again.log
    assert (
        json.loads((jobs.job.temp / "cicd-agent/deploy-gate/replay/report.json").read_text())["body"]["gated"][
            "decision"
        ]
        == "hold"
    )


def test_a_route_is_replayed_to_the_byte_and_with_other_areas_says_what_differs(tmp_path: Path) -> None:
    job = Job(tmp_path)
    left = job.run("route", "--keep-evidence")
    assert left.exit == 0, left.log
    again = replayed(job, "route")
    assert "identical" in again.log, again.log
    assert is_same(job, "route")
    other = tmp_path / "other.yml"
    other.write_text("areas: {api: [api/]}\n")
    again = replayed(job, "route", "--config", str(other))
    assert again.exit == 1
    assert "areas" in again.log


def test_the_same_evidence_is_always_routed_the_same() -> None:
    """A thousand changes, each twice: no clock, no order of a set, no memory of the one before."""
    random = Random(7)
    files = (CODE, COMMENT, DEPENDENCIES, DOCS, LOGIN, MIGRATION, SECRET)
    for _ in range(1_000):
        chosen = random.sample(files, random.randint(1, 3))
        unlike = [each for at, each in enumerate(chosen) if each[0] not in {other[0] for other in chosen[:at]}]
        doubts = ("the history is shallow",) if random.random() < 0.2 else ()
        found = routing(*unlike, affected=random.choice((None, PROVED, UNPROVED)), doubts=doubts)
        known = (
            settings(areas={"b": ["src/", "!src/app/auth/"], "a": ["*.md"]}) if random.random() < 0.5 else settings()
        )
        first, second = route(found, known), route(replace(found), known)
        assert first == second
        plans = [ROUTE.report(each, found, Account(), known) for each in (first, second)]
        assert plans[0] == plans[1]
