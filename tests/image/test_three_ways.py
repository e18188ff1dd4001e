"""One event, three ways to run: in the container, on the host, and by the command line. What is said must be the same.

Compared are exit code, outputs, report, step summary, and what was written to GitHub. What may differ is taken
out: where the files and servers of the run are, moments and durations, and the hash of its entry in the audit log.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.image.engines import call, image
from tests.support.jobs.failure import FailureJobs
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.hostile import ROOT, digest
from tests.support.jobs.pull_request import Job as PullRequest
from tests.support.runner import Job, Ran, use
from tests.support.servers.github.app import FakeGitHub

WAYS = ("container", "host", "terminal")
TIMES = frozenset({"hash", "measured", "at"})
"""Fields of a report that no two runs share: moments, and the hash of an entry that holds one."""
ENTRY = re.compile(r"\b[\w.-]+/[\w.-]+#[0-9]+:[0-9a-f]{64}\b")
"""An entry of the audit log, in the words of a summary."""
FILES = "_file"


@dataclass(frozen=True)
class Left:
    """What one way left behind, with what must differ taken out."""

    exit: int
    log: str
    outputs: Mapping[str, str]
    report: Any
    summary: str
    posted: Any
    untouched: bool


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


def use_as(runtime: str, action: Path, pull: PullRequest, temp: Path, *argv: str, **inputs: str) -> Ran:
    """The step that uses the action, as the job of a pull request has it."""
    temp.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(temp),
        "CICD_AGENT_DOCKER_NETWORK": "host",  # the fake GitHub listens on this machine alone
        **{name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG") if name in os.environ},
    }
    runners = {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITHUB_ACTIONS"}
    github = {name: value for name, value in pull.variables.items() if name.startswith("GITHUB_")}
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    if runtime == "host":
        given["index-url"] = str(ROOT / ".wheelhouse")
    return use(
        action,
        Job(pull.repo.path, temp, environ, token=""),
        {"mode": argv[0] if argv else "review", "runtime": runtime, **given},
        **{name: value for name, value in github.items() if name not in runners},
    )


def told(value: Any, *places: str) -> Any:
    """A report or a page without what must differ: moments, and where the run's files and servers are."""
    match value:
        case dict():
            return {key: told(each, *places) for key, each in value.items() if key not in TIMES}
        case list():
            return [told(each, *places) for each in value]
        case str():
            value = ENTRY.sub("ENTRY", value)
            for place in places:
                value = re.sub(rf"{re.escape(place)}[^\s\"\)`]*", "PLACE", value)
            return value
        case _:
            return value


def review(place: Path, hub: FakeGitHub, token: str) -> tuple[PullRequest, Callable[[], object]]:
    job = PullRequest(place)
    job.variables |= {"GITHUB_API_URL": hub.url, "GITHUB_SERVER_URL": "https://github.test"}
    hub.add_repo("octo/app", job.repo.path)
    hub.add_pull(7, base="main", head="topic")
    return job, lambda: job.run("review", model="off", github_token=token)


def route(place: Path, hub: FakeGitHub, token: str) -> tuple[PullRequest, Callable[[], object]]:
    job, _ = review(place, hub, token)
    return job, lambda: job.run("route", github_token=token)


def analyse_failure(place: Path, hub: FakeGitHub, token: str) -> tuple[PullRequest, Callable[[], object]]:
    jobs = FailureJobs(place, hub)
    return jobs.job, lambda: jobs.within(model="off", github_token=token)


def deploy_gate(place: Path, hub: FakeGitHub, token: str) -> tuple[PullRequest, Callable[[], object]]:
    jobs = GateJobs(place, hub)
    jobs.unapprove()
    return jobs.job, lambda: jobs.run(model="off", github_token=token)


SCENES = {"review": review, "route": route, "analyse-failure": analyse_failure, "deploy-gate": deploy_gate}
EVERYTHING = dict.fromkeys(
    ("actions", "checks", "contents", "deployments", "issues", "pull_requests", "statuses"), "write"
)


def left_by(way: str, mode: str, action: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    """The same event, run this way, with a GitHub of its own."""
    place.mkdir()
    place.chmod(0o755)
    ran: list[Any] = []
    with FakeGitHub() as hub:
        token = hub.add_token("ghs_threeWays", **EVERYTHING)
        job, run = SCENES[mode](place, hub, token)
        before, temp = digest(job.repo.path), place / "runner"
        as_ever = job.run

        def instead(*argv: str, **inputs: str) -> object:
            if way == "terminal":
                ran.append(as_ever(*argv, **inputs))
            else:
                ran.append(use_as(way, action, job, temp, *argv, **inputs))
            return ran[-1]

        with monkeypatch.context() as patched:
            patched.setattr(job, "run", instead)
            run()
        [found] = ran
        posted = [[sent.method, sent.path, sent.body] for sent in hub.received if sent.method != "GET"]
        places = (hub.url, str(temp), str(job.temp), str(place))
    if way != "terminal":
        assert found.written["install"]["runtime"] == way, found.log
        assert (found.environment_file, found.path_file) == ("", "")
    files = {name: value for name, value in found.outputs.items() if name.endswith(FILES)}
    report = json.loads(Path(files["report_file"]).read_text("utf-8"))["body"]
    return Left(
        found.exit,
        found.log,
        {name: value for name, value in found.outputs.items() if value and name not in files},
        told(report, *places),
        told(found.summary, *places),
        told(posted, *places),
        digest(job.repo.path) == before,
    )


@pytest.mark.parametrize("mode", SCENES)
def test_the_same_event_has_the_same_result_three_ways(
    mode: str, action: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    container, host, terminal = (left_by(way, mode, action, tmp_path / way, monkeypatch) for way in WAYS)
    assert container.exit == host.exit == terminal.exit == (1 if mode == "deploy-gate" else 0), container.log + host.log
    assert container.outputs == host.outputs == terminal.outputs
    assert container.outputs["conclusion"]
    assert container.report == host.report == terminal.report
    assert container.posted == host.posted == terminal.posted
    assert bool(container.posted) == (mode != "route"), "what is written to GitHub was compared, too"
    assert container.summary == host.summary == terminal.summary
    assert container.untouched
    assert host.untouched
    assert call("docker", "ps", "--all", "--quiet").stdout == ""
