"""Every action of ours in both runtimes, as the runner would use it: what runs, and what of the job stays as it was."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.modes import modes
from tests.action.test_action_run import opened
from tests.support.jobs.container import AGENT, DOCKER, HONEST, IMAGE
from tests.support.jobs.hostile import ROOT, UV, WHEELS, Setting, digest, spoilt
from tests.support.runner import Ran, use
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.packages import PackageIndex, package_index


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with package_index(WHEELS) as server:
        yield server


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory, index: PackageIndex) -> Setting:
    return spoilt(tmp_path_factory.mktemp("job"), index)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the action with an image, as a release has it."""
    action = tmp_path_factory.mktemp("released")
    for name in ("action.yml", "requirements.lock", "requirements-fleet.lock"):
        shutil.copy(ROOT / name, action)
    for name in ("launch", *modes()):
        shutil.copytree(ROOT / name, action / name, ignore=shutil.ignore_patterns("__pycache__"))
    (action / "src").symlink_to(ROOT / "src")
    (action / "launch/image.txt").write_text(f"{IMAGE}\n")
    return action


def with_docker(setting: Setting, play: str) -> Setting:
    """The same job on a machine with Docker, as far as it can see."""
    top = setting.job.temp.parent
    (top / "play.py").write_text(play)
    (top / "told").write_text("")
    docker = top / "tools/docker"
    docker.write_text(DOCKER.format(python=sys.executable, told=str(top / "told"), play=str(top / "play.py")))
    docker.chmod(0o755)
    return setting


def told(setting: Setting) -> list[str]:
    lines = (setting.job.temp.parent / "told").read_text().splitlines()
    return [" ".join(json.loads(line)["argv"]) for line in lines]


def event(setting: Setting) -> dict[str, str]:
    path = setting.job.temp.parent / "event.json"
    path.write_text("{}")
    return {"GITHUB_EVENT_PATH": str(path)}


@pytest.mark.parametrize("mode", [mode for mode in modes() if mode != "gen-tests"])
def test_an_action_of_one_mode_starts_the_container_in_its_mode(setting: Setting, released: Path, mode: str) -> None:
    play = HONEST.replace(")", ', decision="proceed")') if mode == "deploy-gate" else HONEST
    job = with_docker(setting, play).job

    ran = use(released / mode, job, {"runtime": "container"}, **event(setting))

    assert (ran.exit, ran.outputs["conclusion"]) == (0, "success"), ran.log
    assert ran.log.startswith("cicd-agent: runtime container: ")
    [started] = [each for each in told(setting) if each.startswith("run ")]
    assert started.endswith(f" {IMAGE} {mode}")
    assert job.token not in started


@pytest.mark.parametrize("mode", [*modes()])
def test_an_action_of_one_mode_runs_on_the_host_from_the_same_environment(
    setting: Setting, released: Path, mode: str
) -> None:
    # A folder of wheels, and an input that is wrong in every mode: nobody is asked anything.
    setting.index.asked.clear()
    inputs = {"runtime": "host", "index-url": WHEELS.as_uri(), "timeout-minutes": "never"}
    ran = use(released / mode, setting.job, inputs, **event(setting))

    assert (ran.exit, ran.outputs["conclusion"], [*ran.written]) == (2, "failure", ["install", "run"]), ran.log
    assert "timeout-minutes" in ran.outputs["summary"]
    assert len([*setting.job.temp.glob("cicd-agent-*/complete")]) == 1
    assert setting.index.asked == []


@pytest.mark.parametrize(
    ("action", "inputs", "says"),
    [
        ("gen-tests", {"runtime": "container"}, "gen-tests runs the project's tests"),
        ("review", {"runtime": "contaner"}, "`runtime` is not understood (`contaner`)"),
        ("review", {"runtime": "x\n::error::y"}, "Say one of auto, container, host"),
        ("analyse-failure", {"runtime": "container", "verify-command": "pytest"}, "`verify-command`"),
        ("review", {"runtime": "container", "base-url": "http://127.0.0.1:1/v1"}, "`base-url`"),
    ],
)
def test_a_container_that_cannot_be_is_one_line_and_never_a_silent_host(
    setting: Setting, released: Path, action: str, inputs: dict[str, str], says: str
) -> None:
    job = with_docker(setting, HONEST).job
    ran = use(released / action, job, inputs, **event(setting))

    assert (ran.exit, ran.outputs["conclusion"], ran.outputs["degraded"]) == (2, "failure", "true")
    assert says in ran.outputs["summary"]
    assert ran.log == f"::error title=cicd-agent::cicd-agent: {ran.outputs['summary']}\n"
    assert [*ran.written] == ["install"]
    assert told(setting) == []


def frozen(user: Path) -> str:
    """What is installed for the job itself, and git's configuration for it."""
    pip = [str(UV), "pip", "freeze", "--python", str(user / "bin/python")]
    listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    git = ["git", "config", "--list", "--show-origin", "--global"]
    environ = {"HOME": str(user.parent / "home"), "PATH": "/usr/bin:/bin"}
    return listed + subprocess.run(git, capture_output=True, text=True, check=False, env=environ).stdout


@pytest.mark.parametrize("runtime", ["host", "container"])
def test_a_review_is_the_same_in_both_and_leaves_the_job_as_it_was(
    setting: Setting, released: Path, runtime: str
) -> None:
    top = setting.job.temp.parent
    job = with_docker(setting, AGENT).job
    user = top / f"user-{runtime}"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(user)], check=True)
    (top / "home/.gitconfig").write_text("[user]\n\tname = Someone\n")
    folders = (job.workspace, top / "home", user, released / "launch")
    before = [digest(each) for each in folders], frozen(user)
    with FakeGitHub() as hub:
        github = opened(setting, hub) | {"CICD_AGENT_DOCKER_NETWORK": "host"}
        job = replace(job, token=hub.token, environ={**job.environ, "PATH": f"{user}/bin:{job.environ['PATH']}"})
        ran: Ran = use(released, job, {"mode": "review", "index-url": WHEELS.as_uri(), "runtime": runtime}, **github)
        pull = hub.repos["octo/parcel"].pulls[7]

    assert (ran.exit, ran.outputs["conclusion"]) == (0, "neutral"), ran.log
    assert int(ran.outputs["findings_count"]) > 0
    assert len(pull.reviews) == 1
    assert ran.summary
    for name in ("report_file", "sarif_file"):
        json.loads(Path(ran.outputs[name]).read_text("utf-8"))
    assert ([digest(each) for each in folders], frozen(user)) == before
    assert (ran.environment_file, ran.path_file) == ("", "")
    assert [*setting.sprung.iterdir()] == []
    assert not [each for each in told(setting) if hub.token in each]
