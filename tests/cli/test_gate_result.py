import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cicd_agent.adapters.runner.workflow import step
from cicd_agent.app.console import Streams
from cicd_agent.cli.gate_result import OUTPUTS
from cicd_agent.cli.parser import parse
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment
from tests.support.runner import parse_outputs
from tests.support.sessions import session_of

GREEN = {
    "route": {"result": "success", "outputs": {"skipped_areas": '["docs"]', "tests": "full"}},
    "unit": {"result": "success", "outputs": {}},
    "docs": {"result": "skipped", "outputs": {}},
}
RED = GREEN | {"e2e": {"result": "skipped", "outputs": {}}}


class Job:
    """A step of a job on a runner."""

    def __init__(self, folder: Path) -> None:
        self._output, self._summary = folder / "output", folder / "summary"
        self.printed = ""

    @property
    def outputs(self) -> dict[str, str]:
        return parse_outputs(self._output.read_text())

    @property
    def summary(self) -> str:
        return self._summary.read_text()

    def run(self, *arguments: str, stdin: bytes = b"", inputs: Mapping[str, str] | None = None) -> int:
        environment = Environment.read(
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_OUTPUT": str(self._output),
                "GITHUB_STEP_SUMMARY": str(self._summary),
                **{f"INPUT_{name}": value for name, value in (inputs or {}).items()},
            }
        )
        invocation = parse(["gate-result", *arguments])
        out = io.StringIO()
        session = session_of(invocation, environment, Streams(out, out))
        try:
            workflow = step(environment, OUTPUTS, out)
            return invocation.run(session, standard_input=io.BytesIO(stdin), workflow=workflow)
        finally:
            self.printed = out.getvalue()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_green_is_said_by_exit_code_output_log_and_summary(job: Job) -> None:
    assert job.run("--needs", "-", stdin=json.dumps(GREEN).encode()) == 0
    words = "gate: green, 3 jobs ended as the plan wants"
    assert job.outputs == {"conclusion": "success", "summary": words}
    assert job.printed.splitlines()[-1] == words
    assert "ok  docs (skipped): the plan does not need it: docs" in job.printed
    assert job.summary.startswith("### Gate: green\n")
    assert "| `docs` | `skipped` | ok: the plan does not need it: docs |" in job.summary


def test_red_names_the_job_and_what_to_do(job: Job) -> None:
    assert job.run(inputs={"NEEDS": json.dumps(RED)}) == 1
    assert job.outputs["conclusion"] == "failure"
    assert job.outputs["summary"] == "gate: red, 1 of 4 jobs did not end as the plan wants: e2e"
    assert "::error title=cicd-agent%3A gate::gate: red, 1 of 4 jobs" in job.printed
    assert job.summary.splitlines()[4].startswith("| `e2e` | `skipped` | **red**: the plan does not know it: ")


def test_jobs_are_mapped_by_the_input_and_by_the_option(job: Job) -> None:
    inputs = {"NEEDS": json.dumps(RED), "JOBS": "e2e: tests = extended\n"}
    assert job.run(inputs=inputs) == 0
    assert job.run("--jobs", "e2e: tests = extended", "unit: docs", inputs={"NEEDS": json.dumps(RED)}) == 0
    with pytest.raises(ConfigError, match="named twice"):
        job.run("--jobs", "e2e: docs", inputs=inputs)


def test_a_job_that_any_of_several_areas_makes_run_has_them_on_its_line(job: Job) -> None:
    lines = "unit: docs, code\ne2e: tests = extended, docs\n"
    assert job.run(inputs={"NEEDS": json.dumps(RED), "JOBS": lines}) == 0
    assert job.run(inputs={"NEEDS": json.dumps(RED), "JOBS": "e2e: tests = extended, tests = full\n"}) == 1


def test_a_plan_from_a_file_is_gone_by_without_a_job_that_made_it(job: Job, tmp_path: Path) -> None:
    plan = {
        "version": 1,
        "areas": [{"name": "e2e", "run": False}],
        "cells": {"tests": "full", "build": "cached", "strategy": "rolling"},
        "risk": {"level": "low"},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "needs.json").write_text(json.dumps({"e2e": {"result": "skipped"}}))
    arguments = ("--needs", str(tmp_path / "needs.json"), "--plan", str(tmp_path / "plan.json"))
    assert job.run(*arguments) == 0
    assert job.run(*arguments, "--route", "route") == 1


@pytest.mark.parametrize("stdin", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"route": 3}'])
def test_what_cannot_be_read_is_red_as_well(job: Job, stdin: bytes) -> None:
    with pytest.raises(ConfigError, match="`needs` cannot be read"):
        job.run("--needs", "-", stdin=stdin)
    assert job.outputs["conclusion"] == "failure"
    assert job.summary.startswith("### Gate: red\n")


def test_nothing_to_judge_is_red(job: Job) -> None:
    with pytest.raises(ConfigError, match="there is nothing to judge"):
        job.run()
    assert job.outputs["conclusion"] == "failure"
    assert job.run("--needs", "-", stdin=b"{}") == 1
    assert "`route` | `no result` | **red**" in job.summary


def test_names_from_outside_are_neither_commands_nor_markdown(job: Job) -> None:
    hostile = {"route": {"result": "success"}, "a\n::error::x|`<b>": {"result": "::set-output\n@all"}}
    assert job.run("--needs", "-", stdin=json.dumps(hostile).encode()) == 1
    assert [line for line in job.printed.splitlines() if line.startswith("::")] == [
        line for line in job.printed.splitlines() if line.startswith("::error title=cicd-agent%3A gate::gate: red")
    ]
    assert len(job.summary.strip().splitlines()) == 6
