"""One event, three ways: the command line, the action on the host and the action in its container say the same."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_job import digest
from tests.image.running import NAME, needs_image
from tests.jobs import Job
from tests.runner import Job as RunnersJob
from tests.runner import Ran, parse_outputs, use

pytestmark = needs_image
ROOT = Path(__file__).parents[2]
WHEELS = ROOT / ".wheelhouse"


@pytest.fixture
def action(tmp_path: Path) -> Path:
    """The action as a release would be: its image is the one that was built."""
    action = tmp_path / "action"
    action.mkdir()
    for name in ("action.yml", "requirements.lock", "requirements-fleet.lock"):
        shutil.copy(ROOT / name, action)
    for name in ("launch", "src", "review", "route"):
        shutil.copytree(ROOT / name, action / name, ignore=shutil.ignore_patterns("__pycache__"))
    (action / "launch/image.txt").write_text(f"{NAME}\n")
    return action


def by_the_command_line(job: Job, mode: str) -> Mapping[str, str]:
    """As anybody would start it, with the runner's variables."""
    environ = {**job.variables, "PYTHONPATH": str(ROOT / "src"), "INPUT_PROVIDER": "none"}
    subprocess.run([sys.executable, "-m", "cicd_agent", mode], env=environ, check=True, capture_output=True)
    return parse_outputs((job.temp / "output").read_text())


def by_the_action(job: Job, action: Path, mode: str, runtime: str) -> Ran:
    """As the runner would, from action.yml."""
    temp = job.place / f"temp-{runtime}"
    temp.mkdir()
    kept = {name: value for name, value in job.variables.items() if name.startswith("GITHUB_") or name == "PATH"}
    environ = kept | {"HOME": str(job.place / "home"), **_docker()}
    runs = RunnersJob(job.repo.path, temp, environ, token="")
    inputs = {"mode": mode, "provider": "none", "runtime": runtime, "index-url": str(WHEELS)}
    return use(action, runs, inputs)


def _docker() -> dict[str, str]:
    import os  # noqa: PLC0415

    told = {"DOCKER_HOST": os.environ["DOCKER_HOST"]} if "DOCKER_HOST" in os.environ else {}
    # The daemon of these tests has no bridge.
    return told | {"CICD_AGENT_DOCKER_NETWORK": "none"}


def same(outputs: Mapping[str, str], report: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """What must not differ: all but paths of this run, and what the clock and the account book put in."""
    paths = {name: Path(value).name for name, value in outputs.items() if name.endswith("_file")}
    body = {
        name: value for name, value in report["body"].items() if name not in {"outputs", "tape", "audit", "receipts"}
    }
    return {**outputs, **paths}, json.loads(json.dumps(body))


@pytest.mark.parametrize("mode", ["review", "route"])
def test_the_same_event_has_the_same_result_on_every_way(tmp_path: Path, action: Path, mode: str) -> None:
    (tmp_path / "job").mkdir()
    job = Job(tmp_path / "job")
    (job.place / "home").mkdir()
    before = digest(job.repo.path)
    plain = by_the_command_line(job, mode)
    told = [same(plain, json.loads(Path(plain["report_file"]).read_text()))]
    for runtime in ("host", "container"):
        ran = by_the_action(job, action, mode, runtime)
        assert ran.exit == 0, ran.log
        outputs = {name: value for name, value in ran.outputs.items() if name in plain}
        report = json.loads(Path(outputs["report_file"]).read_text())
        told.append(same(outputs, report))
        assert (f"in the container {NAME}" in ran.log or "container" in ran.log) is (runtime == "container"), ran.log
    assert told[1] == told[0]
    assert told[2] == told[0]
    assert digest(job.repo.path) == before
