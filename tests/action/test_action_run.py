"""action.yml executed as the runner would, in a workspace whose author is hostile: what a whole run leaves behind."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from cicd_agent.modes import modes
from tests.support.jobs.hostile import ROOT, WHEELS, Setting, digest, git, spoilt
from tests.support.runner import use
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.packages import PackageIndex, package_index

DECLARED: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    assert WHEELS.is_dir(), "`make unit` fetches the wheels first"
    with package_index(WHEELS) as server:
        yield server


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory, index: PackageIndex) -> Setting:
    return spoilt(tmp_path_factory.mktemp("job"), index)


def opened(setting: Setting, hub: FakeGitHub) -> dict[str, str]:
    """Open a pull request for the workspace's branch; what the runner then says of the event."""
    origin = setting.job.temp.parent / "origin"
    hub.add_repo("octo/parcel", origin)
    hub.add_pull(7, base="main", head="feature", head_repo="octo/parcel")
    commits = {"base": git(origin, "rev-parse", "main"), "head": git(origin, "rev-parse", "feature")}
    payload = (ROOT / "tests/scenarios/review/sample-without-a-key/event.json").read_text("utf-8")
    event = setting.job.temp / "event.json"
    event.write_text(Template(payload).substitute(commits))
    return {
        "GITHUB_API_URL": hub.url,
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "octo/parcel",
        "GITHUB_RUN_ID": "1",
    }


def test_a_pull_request_is_reviewed_and_every_output_is_written(setting: Setting) -> None:
    before = digest(setting.job.workspace)
    with FakeGitHub() as hub:
        github = opened(setting, hub)
        job = replace(setting.job, token=hub.token)
        ran = use(ROOT, job, {"mode": "review", "index-url": setting.index.url}, **github)
        pull = hub.repos["octo/parcel"].pulls[7]

    assert ran.exit == 0, ran.log
    of_others = {name for mode in modes().values() for name in mode.outputs} - {*modes()["review"].outputs}
    assert {*ran.written["run"]} == {*DECLARED["outputs"]} - of_others
    assert (ran.outputs["conclusion"], ran.outputs["degraded"]) == ("neutral", "false")
    assert int(ran.outputs["findings_count"]) > 0
    assert len(pull.reviews) == 1
    assert ran.summary
    for name in ("report_file", "sarif_file"):
        assert Path(ran.outputs[name]).is_relative_to(setting.job.temp)
        json.loads(Path(ran.outputs[name]).read_text("utf-8"))
    assert list(setting.sprung.iterdir()) == []
    assert digest(setting.job.workspace) == before
    assert (ran.environment_file, ran.path_file) == ("", "")


def test_whatever_the_mode_is_the_run_says_that_it_is_none(setting: Setting) -> None:
    for mode in ("", "--version", "nope", "config", "review --help", "ü\n::error::x"):
        ran = setting.use(ROOT, mode=mode)

        assert (ran.exit, ran.outputs["conclusion"]) == (2, "failure"), mode
        assert ran.outputs["summary"], mode
        assert "Traceback" not in ran.log


def test_hostile_inputs_are_reported_together_and_run_nothing(setting: Setting) -> None:
    names = [name for name in DECLARED["inputs"] if name not in {"mode", "index-url", "runtime"}]
    spring = f"touch {setting.sprung}/input"
    with FakeGitHub() as hub:
        github = opened(setting, hub)
        for hostile in (f"$({spring})", "-rf", "x\nEOF\nrisk_level=low\nz<<EOF"):
            given = {"mode": "review", "index-url": setting.index.url, **dict.fromkeys(names, hostile)}
            ran = use(ROOT, setting.job, given, **github)

            assert (ran.exit, ran.outputs["conclusion"], ran.outputs["risk_level"]) == (2, "failure", ""), ran.log
            assert "Traceback" not in ran.log
            assert hub.received == []
    assert list(setting.sprung.iterdir()) == []
