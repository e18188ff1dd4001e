"""action.yml executed as the runner would, in a workspace whose author is hostile: how it is installed and started."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.jobs.hostile import ROOT, UV, WHEELS, Setting, digest, spoilt
from tests.support.runner import Ran, use
from tests.support.servers.packages import PackageIndex, package_index

DECLARED: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))

# Stands in for the agent where a test asks what reaches it: everything that it could be influenced by, as JSON.
PROBE = """
import json, os, sys, pydantic
from pathlib import Path
seen = {
    "argv": sys.argv[1:], "environ": dict(os.environ), "cwd": os.getcwd(), "path": sys.path,
    "isolated": sys.flags.isolated, "pydantic": pydantic.__file__, "stdin": sys.stdin.read(),
}
Path(os.environ["RUNNER_TEMP"], "seen.json").write_text(json.dumps(seen))
with open(os.environ["GITHUB_OUTPUT"], "a") as file:
    file.write("conclusion=success\\n")
"""


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    assert WHEELS.is_dir(), "`make unit` fetches the wheels first"
    with package_index(WHEELS) as server:
        yield server


@pytest.fixture
def setting(tmp_path: Path, index: PackageIndex) -> Setting:
    return spoilt(tmp_path, index)


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    return probe_in(tmp_path / "action")


def probe_in(action: Path) -> Path:
    """The action, with a package in place of the agent that writes down what it sees."""
    package = action / "src/cicd_agent"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROBE)
    for name in ("action.yml", "requirements.lock"):
        shutil.copy(ROOT / name, action)
    # What a job with a database installs stands in for itself here: the wheels at hand are those of every job.
    shutil.copy(ROOT / "requirements.lock", action / "requirements-fleet.lock")
    shutil.copytree(ROOT / "launch", action / "launch")
    return action


@dataclass(frozen=True)
class Used:
    """A job in which the action was used once, with the folders that are not the action's before and after."""

    setting: Setting
    action: Path
    ran: Ran
    asked: list[str]
    before: list[dict[str, str]]
    after: list[dict[str, str]]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, index: PackageIndex) -> Used:
    folder = tmp_path_factory.mktemp("used")
    user, setting, action = folder / "user", spoilt(folder, index), probe_in(folder / "action")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(user)], check=True)
    environ = {**setting.job.environ, "PATH": f"{user}/bin:{setting.job.environ['PATH']}"}
    setting = replace(setting, job=replace(setting.job, environ=environ))
    folders = (setting.job.workspace, folder / "home", user, action)
    before = [digest(each) for each in folders]
    ran = setting.use(action, mode="review")
    assert ran.exit == 0, ran.log
    return Used(setting, action, ran, [*index.asked], before, [digest(each) for each in folders])


def without(setting: Setting, *programs: str) -> Setting:
    """The same job on a machine with nothing but what these scripts and git need."""
    tools = setting.job.temp.parent / "bare"
    tools.mkdir()
    for name in ("bash", "cat", "tr", "git", "python3", "uv"):
        if name not in programs:
            found = shutil.which(name) if name not in {"python3", "uv"} else str(UV.with_name(name))
            assert found
            (tools / name).symlink_to(found)
    environ = {name: value for name, value in setting.job.environ.items() if name != "PYTHONHOME"}
    return replace(setting, job=replace(setting.job, environ={**environ, "PATH": str(tools)}))


def test_the_agent_starts_isolated_outside_the_workspace_with_the_locked_packages(used: Used) -> None:
    job, seen = used.setting.job, used.setting.seen

    assert used.ran.outputs["conclusion"] == "success"
    assert (seen["isolated"], seen["stdin"]) == (1, "")
    assert not Path(seen["cwd"]).is_relative_to(job.workspace)
    assert Path(seen["pydantic"]).is_relative_to(job.temp)
    assert not [entry for entry in seen["path"] if Path(entry).is_relative_to(job.workspace)]


def test_nothing_that_the_workspace_holds_is_loaded_or_run(used: Used) -> None:
    environ = used.setting.seen["environ"]
    prefixes = ("PYTHON", "PIP_", "UV_", "LD_", "DYLD_", "VIRTUAL_ENV", "BASH_ENV")
    path = environ["PATH"].split(":")

    assert list(used.setting.sprung.iterdir()) == []
    assert [name for name in environ if name.startswith(prefixes)] == []
    assert not [entry for entry in path if str(used.setting.job.workspace) in entry or entry[:1] != "/"]


def test_packages_come_from_the_index_that_the_input_names(used: Used) -> None:
    assert "/simple/pydantic/" in used.asked


def test_the_job_is_left_as_it_was(used: Used) -> None:
    assert used.after == used.before
    assert (used.ran.environment_file, used.ran.path_file) == ("", "")


def test_a_second_use_in_the_same_job_installs_nothing(used: Used) -> None:
    used.setting.index.asked.clear()
    second = used.setting.use(used.action, mode="review")

    assert used.setting.index.asked == []
    assert second.written["install"] == used.ran.written["install"]
    assert second.exit == 0


def test_without_uv_pip_installs_the_same(setting: Setting, probe: Path) -> None:
    bare = without(setting, "uv")
    ran = bare.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert Path(bare.seen["pydantic"]).is_relative_to(bare.job.temp)
    assert list(bare.sprung.iterdir()) == []


def test_an_installation_that_broke_off_is_made_again(setting: Setting, probe: Path) -> None:
    python = Path(setting.use(probe, mode="review").written["install"]["python"])
    (python.parent.parent / "complete").unlink()
    python.unlink()

    assert setting.use(probe, mode="review").exit == 0


def test_inputs_arrive_byte_for_byte(used: Used) -> None:
    setting, names = used.setting, [name for name in DECLARED["inputs"] if name not in {"index-url", "runtime"}]
    spring = f"touch {setting.sprung}/input"
    shells = [f"$({spring})", f"`{spring}`", f'"; {spring}; "', f"'; {spring}; '"]
    long = "x" * (1_800_000 // len(names))  # the kernel takes 2 MiB of all variables together
    for hostile in [*shells, "-h", "--help", "${{ github.token }}", "a\nb\n", "ü\t*", "~", long]:
        ran = setting.use(used.action, **dict.fromkeys(names, hostile))

        assert ran.exit == 0, ran.log
        environ: Mapping[str, str] = setting.seen["environ"]
        received = {name: environ[f"INPUT_{name.upper().replace('-', '_')}"] for name in names}
        assert received == dict.fromkeys(names, hostile)
        assert setting.seen["argv"] == [f" {hostile}" if hostile.startswith("-") else hostile]
    assert list(setting.sprung.iterdir()) == []


@pytest.mark.parametrize("hostile", ["$(touch {x})", "-h", "--extra-index-url=x", "http://127.0.0.1:9/\n::error::x"])
def test_an_index_that_is_none_is_one_line_and_outputs_all_the_same(
    setting: Setting, probe: Path, hostile: str
) -> None:
    ran = setting.use(probe, mode="review", index_url=hostile.replace("{x}", str(setting.sprung / "input")))

    assert ran.exit == 2
    chosen, said = ran.log.splitlines()
    assert chosen.startswith("cicd-agent: runtime host: ")
    assert said.startswith("::error title=cicd-agent::cicd-agent: the locked packages could not be installed (")
    assert "index-url" in ran.log
    assert (ran.outputs["conclusion"], ran.outputs["degraded"], ran.outputs["risk_level"]) == ("failure", "true", "")
    assert ran.outputs["summary"] in ran.summary
    assert list(setting.sprung.iterdir()) == []


def test_a_package_that_is_not_the_locked_one_is_refused(setting: Setting, probe: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    shutil.copytree(WHEELS, wheels)
    [wheel] = wheels.glob("pyyaml-*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("yaml/backdoor.py", "")
    with package_index(wheels) as index:
        ran = replace(setting, index=index).use(probe, mode="review")

    assert (ran.exit, ran.outputs["conclusion"]) == (2, "failure")
    assert "hash" in ran.log.lower()


def test_a_machine_without_a_python_that_fits_says_what_to_do(setting: Setting, probe: Path) -> None:
    ran = without(setting, "python3", "uv").use(probe, mode="review")

    assert ran.exit == 2
    assert ran.log == f"::error title=cicd-agent::cicd-agent: {ran.outputs['summary']}\n"
    assert "actions/setup-python" in ran.outputs["summary"]
    assert (ran.outputs["conclusion"], ran.outputs["degraded"]) == ("failure", "true")
    assert ran.outputs["summary"] in ran.summary


def test_uv_brings_a_python_where_there_is_none(setting: Setting, probe: Path, tmp_path: Path) -> None:
    bare = without(setting, "python3", "uv")
    uv = tmp_path / "bare/uv"
    uv.write_text(
        f"""#!{tmp_path}/bare/bash
case "$1 $2" in
  "python install") cat </dev/null >"{tmp_path}/installed-${{UV_PYTHON_INSTALL_DIR##*/}}" ;;
  "python find") echo {sys.executable} ;;
  *) exec {UV} "$@" ;;
esac
"""
    )
    uv.chmod(0o755)

    ran = bare.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert (tmp_path / "installed-cicd-agent-python").exists()


def test_the_tool_cache_comes_before_the_path(setting: Setting, probe: Path, tmp_path: Path) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    cached = tmp_path / "cache/Python" / version / "x64/bin"
    cached.mkdir(parents=True)
    (cached / "python3").write_text(f'#!/bin/sh\ntouch {tmp_path}/used-the-cache\nexec {sys.executable} "$@"\n')
    (cached / "python3").chmod(0o755)

    ran = use(
        probe,
        setting.job,
        {"mode": "review", "index-url": setting.index.url},
        RUNNER_TOOL_CACHE=str(tmp_path / "cache"),
        RUNNER_ARCH="X64",
    )

    assert ran.exit == 0, ran.log
    assert (tmp_path / "used-the-cache").exists()


def test_installing_sees_no_secret() -> None:
    install, run = DECLARED["runs"]["steps"]
    names = ("index-url", "runtime", "mode", "verify-command", "base-url")
    assert install["env"] == {name.upper().replace("-", "_"): f"${{{{ inputs.{name} }}}}" for name in names}
    assert {"INPUT_GITHUB_TOKEN", "INPUT_OPENAI_API_KEY"} <= set(run["env"])
