"""Where no test can be written: one line says why, without a traceback, and outputs and summary are there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.app import test_runner as pytest_runners
from cicd_agent.domain.trials.sandbox import Tier
from tests.support.jobs.gen_tests import AFTER, BEFORE, GeneratingJob
from tests.support.jobs.pull_request import Left

RED = {**AFTER, "tests/test_calc.py": "def test_red():\n    assert 1 + 1 == 3\n"}
BROKEN = {**AFTER, "tests/test_calc.py": "from calc import nothing_like_it\n"}


def told(left: Left, *words: str, conclusion: str = "neutral") -> None:
    assert left.exit == 0, left.log
    assert "Traceback" not in left.log
    outputs = left.outputs
    assert [word for word in words if word not in outputs["summary"]] == [], outputs["summary"]
    assert "\n" not in outputs["summary"]
    assert outputs["conclusion"] == conclusion
    assert outputs.get("tests_added", "") == ""
    assert [word for word in words if word.partition("`")[0] not in left.log] == [], left.log
    assert left.summary.strip()
    assert left.report["exit"] == 0


@pytest.mark.parametrize(
    ("after", "words"),
    [(RED, ["test_red", "assert (1 + 1) == 3"]), (BROKEN, ["tests/test_calc.py", "nothing_like_it"])],
    ids=["red", "cannot be collected"],
)
def test_a_suite_of_which_nothing_passes(tmp_path: Path, after: dict[str, str], words: list[str]) -> None:
    left = GeneratingJob(tmp_path, BEFORE, after).write()
    told(left, "No tests were written", "all of them fail for one cause", *words)
    # By the lines that no test executes: what cannot be used is no risk of the change.
    assert left.outputs["risk_level"] in {"medium", ""}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"python": "/nowhere/python"}, ["cannot be run here", "/nowhere/python"]),
        ({"timeout_minutes": "0.01"}, ["time"]),
    ],
    ids=["a Python that is not there", "no time"],
)
def test_what_keeps_the_suite_from_being_run(tmp_path: Path, inputs: dict[str, str], words: list[str]) -> None:
    told(GeneratingJob(tmp_path).write(**inputs), *words)


def test_a_command_that_is_not_pytest_is_a_mistake_of_the_workflow(tmp_path: Path) -> None:
    left = GeneratingJob(tmp_path).write(test_command="make test")
    assert left.exit == 2
    assert left.outputs["conclusion"] == "failure"
    assert "must be a pytest command" in left.outputs["summary"]
    assert "make" in left.summary
    assert "Traceback" not in left.log


def test_a_python_without_pytest_and_no_index_to_get_it_from(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    left = GeneratingJob(tmp_path / "job").write(python=str(bare / "bin/python"), index_url="http://127.0.0.1:9/simple")
    told(left, "cannot be run here", "pytest")


def test_a_machine_without_a_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = GeneratingJob(tmp_path)
    monkeypatch.setattr(pytest_runners, "LocalSandbox", lambda **_: LocalSandbox(only=Tier.NONE))
    told(job.write(), "cannot be run here", "sandbox")


def test_a_change_without_python(tmp_path: Path) -> None:
    left = GeneratingJob(tmp_path, BEFORE, {"README.md": "An app.\n"}).write()
    told(left, "nothing to do", "no Python changed", conclusion="skipped")


def test_a_draft(tmp_path: Path) -> None:
    job = GeneratingJob(tmp_path)
    payload = job.payload()
    payload["pull_request"]["draft"] = True
    job.event.write_text(json.dumps(payload))
    told(job.write(), "nothing to do", "draft", conclusion="skipped")
