"""One event, three ways to run: in the container, on the host, and by the command line. What is said must be the same.

What may differ, and is taken out: paths below the folder for output, times and durations, and the hash of the entry in
the account book, which holds the time.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_job import ROOT, digest
from tests.image.engines import call, image
from tests.jobs import Job as PullRequest
from tests.runner import Job, Ran, use

MODES = ("review", "route")
DIFFERS = ("_file",)
MOMENTS = re.compile(r"^hash$|(started|finished|duration|seconds|elapsed|moment|_at$|_s$|_ms$|runtime)")


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as a release would have it: with the id of the image in it."""
    copy = tmp_path_factory.mktemp("action") / "action"
    copy.mkdir()
    for name in ("launch", "src"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("action.yml", "requirements.lock", "requirements-fleet.lock"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "launch/image.txt").write_text(f"{image()}\n")
    return copy


def through_the_action(action: Path, pull: PullRequest, temp: Path, mode: str, runtime: str) -> Ran:
    temp.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(temp),
        "CICD_AGENT_DOCKER_NETWORK": "none",
        **{name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG") if name in os.environ},
    }
    github = {name: value for name, value in pull.variables.items() if name.startswith("GITHUB_")}
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITHUB_ACTIONS"):
        github.pop(name, None)
    inputs = {"mode": mode, "runtime": runtime, "provider": "none", "comment": "none"}
    if runtime == "host":
        inputs["index-url"] = str(ROOT / ".wheelhouse")
    return use(action, Job(pull.repo.path, temp, environ, token=""), inputs, **github)


def told(value: Any, *folders: Path) -> Any:
    """A report without what must differ."""
    match value:
        case dict():
            return {key: told(each, *folders) for key, each in value.items() if not MOMENTS.search(key)}
        case list():
            return [told(each, *folders) for each in value]
        case str():
            for folder in folders:
                value = re.sub(rf"{re.escape(str(folder))}[^\s\"]*", "FOLDER", value)
            return value
        case _:
            return value


@pytest.mark.parametrize("mode", MODES)
def test_the_same_event_has_the_same_result_three_ways(mode: str, action: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    pull = PullRequest(tmp_path / "job")
    before = digest(pull.repo.path)
    container = through_the_action(action, pull, tmp_path / "container", mode, "container")
    host = through_the_action(action, pull, tmp_path / "host", mode, "host")
    terminal = pull.run(mode, provider="none", comment="none")

    assert (container.exit, host.exit, terminal.exit) == (0, 0, 0), container.log + host.log + terminal.log
    assert container.written["install"]["runtime"] == "container"
    assert host.written["install"]["runtime"] == "host"
    stated = [
        {name: value for name, value in ran.items() if value and not name.endswith(DIFFERS)}
        for ran in (container.outputs, host.outputs, terminal.outputs)
    ]
    assert stated[0] == stated[1] == stated[2]
    assert stated[0]["conclusion"]
    reports = []
    for ran in (container, host):
        text = Path(ran.outputs["report_file"]).read_text("utf-8")
        reports.append(told(json.loads(text)["body"], tmp_path / "container", tmp_path / "host"))
    reports.append(told(terminal.report, tmp_path / "job/temp"))
    assert reports[0] == reports[1] == reports[2]
    assert container.summary
    assert digest(pull.repo.path) == before
    assert (container.environment_file, container.path_file) == ("", "")
    assert call("docker", "ps", "--all", "--quiet").stdout == ""
