"""action.yml executed as the runner would, in a workspace whose author is hostile."""

import hashlib
import json
import os
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
from tests.runner import Job, Ran, use
from tests.servers.packages import PackageIndex, package_index

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / ".wheelhouse"
UV = Path(sys.executable).parent / "uv"
NOWHERE = "http://127.0.0.1:9/"
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


@dataclass(frozen=True)
class Setting:
    """A job, and where the traps in its workspace report that they were sprung."""

    job: Job
    index: PackageIndex
    sprung: Path

    def use(self, action: Path, **inputs: str) -> Ran:
        return use(action, self.job, {"index-url": self.index.url} | {to_kebab(k): v for k, v in inputs.items()})

    @property
    def seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads((self.job.temp / "seen.json").read_text())
        return seen


def to_kebab(name: str) -> str:
    return name.replace("_", "-")


def digest(folder: Path) -> dict[str, str]:
    """Every file below a folder, with what it holds."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def plant(workspace: Path, sprung: Path) -> None:
    """What a pull request could put into its checkout, in the hope that something loads it."""
    spring = f"import pathlib, sys; pathlib.Path({str(sprung)!r}, __name__).touch()\n"
    for name in (
        "openai",
        "pydantic",
        "yaml",
        "cicd_agent",
        "sitecustomize",
        "usercustomize",
        "conftest",
        "json",
        "pip",
    ):
        (workspace / f"{name}.py").write_text(spring)
    (workspace / "evil.pth").write_text(spring)
    (workspace / "pip.conf").write_text(f"[global]\nindex-url = {NOWHERE}\nrequire-virtualenv = true\n")
    (workspace / "uv.toml").write_text(f'index-url = "{NOWHERE}"\n')
    (workspace / "pyproject.toml").write_text(f'[tool.uv]\nindex-url = "{NOWHERE}"\n')
    (workspace / "bin").mkdir()
    for program in ("git", "uv", "python3", "python3.11", "python3.12", "python3.13", "env", "tr", "bash", "trap"):
        executable = workspace / "bin" / program
        executable.write_text(f"#!/bin/sh\ntouch {sprung}/{program}-from-path\nexit 1\n")
        executable.chmod(0o755)
    git(workspace, "init", "--quiet", "--initial-branch=main")
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message=Innocent")
    (workspace / ".gitattributes").write_text("* diff=trap filter=trap\n")
    (workspace / "app.py").write_text("def greet():\n    return 'hello'\n")
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message=Change")
    for key in ("core.fsmonitor", "diff.external", "diff.trap.textconv", "filter.trap.smudge", "core.sshCommand"):
        git(workspace, "config", key, f"{workspace}/bin/trap")


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    assert WHEELS.is_dir(), "`make unit` fetches the wheels first"
    with package_index(WHEELS) as server:
        yield server


@pytest.fixture
def setting(tmp_path: Path, index: PackageIndex) -> Setting:
    """A job on a machine with uv and the Python of this suite, and an environment that earlier steps have spoilt."""
    folders = {name: tmp_path / name for name in ("workspace", "temp", "home", "tools", "sprung")}
    for folder in folders.values():
        folder.mkdir()
    workspace = folders["workspace"]
    plant(workspace, folders["sprung"])
    (folders["tools"] / "python3").symlink_to(sys.executable)
    (folders["tools"] / "uv").symlink_to(UV)
    configuration = folders["home"] / ".config/pip/pip.conf"
    configuration.parent.mkdir(parents=True)
    shutil.copy(workspace / "pip.conf", configuration)
    path = [str(workspace / "bin"), f"{tmp_path}/home/../workspace/bin", ".", "bin", "", str(folders["tools"])]
    index.asked.clear()
    return Setting(
        job=Job(
            workspace,
            folders["temp"],
            {
                "HOME": str(folders["home"]),
                "PATH": ":".join([*path, os.environ["PATH"]]),
                "PYTHONPATH": str(workspace),
                "PYTHONSTARTUP": str(workspace / "openai.py"),
                "PYTHONHOME": str(workspace),
                "PYTHONUSERBASE": str(workspace),
                "VIRTUAL_ENV": str(workspace),
                "PIP_INDEX_URL": NOWHERE,
                "PIP_TARGET": str(workspace / "target"),
                "PIP_REQUIRE_VIRTUALENV": "1",
                "PIP_CONFIG_FILE": str(workspace / "pip.conf"),
                "UV_INDEX_URL": NOWHERE,
                "UV_DEFAULT_INDEX": NOWHERE,
                "UV_CONFIG_FILE": str(workspace / "uv.toml"),
                "UV_OFFLINE": "1",
                "DYLD_INSERT_LIBRARIES": str(workspace / "evil.dylib"),
                "LD_LIBRARY_PATH": str(workspace),
            },
        ),
        index=index,
        sprung=folders["sprung"],
    )


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """The action, with a package in place of the agent that writes down what it sees."""
    action = tmp_path / "action"
    package = action / "src/cicd_agent"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROBE)
    for name in ("action.yml", "requirements.lock"):
        shutil.copy(ROOT / name, action)
    shutil.copytree(ROOT / "launch", action / "launch")
    return action


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


def test_the_agent_starts_isolated_outside_the_workspace_with_the_locked_packages(
    setting: Setting, probe: Path
) -> None:
    ran = setting.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert ran.outputs["conclusion"] == "success"
    seen = setting.seen
    assert (seen["isolated"], seen["stdin"], seen["argv"][-1]) == (1, "", "review")
    assert not Path(seen["cwd"]).is_relative_to(setting.job.workspace)
    assert Path(seen["pydantic"]).is_relative_to(setting.job.temp)
    assert not [entry for entry in seen["path"] if Path(entry).is_relative_to(setting.job.workspace)]


def test_nothing_that_the_workspace_holds_is_loaded_or_run(setting: Setting, probe: Path) -> None:
    ran = setting.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert list(setting.sprung.iterdir()) == []
    environ = setting.seen["environ"]
    prefixes = ("PYTHON", "PIP_", "UV_", "LD_", "DYLD_", "VIRTUAL_ENV", "BASH_ENV")
    assert [name for name in environ if name.startswith(prefixes)] == []
    assert not [
        entry for entry in environ["PATH"].split(":") if str(setting.job.workspace) in entry or entry[:1] != "/"
    ]


def test_packages_come_from_the_index_that_the_input_names(setting: Setting, probe: Path) -> None:
    assert setting.use(probe, mode="review").exit == 0
    assert {path for path in setting.index.asked if path.startswith("/simple/pydantic")} >= {"/simple/pydantic/"}


def test_without_uv_pip_installs_the_same(setting: Setting, probe: Path) -> None:
    bare = without(setting, "uv")
    ran = bare.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert Path(bare.seen["pydantic"]).is_relative_to(bare.job.temp)
    assert list(bare.sprung.iterdir()) == []


def test_the_job_is_left_as_it_was(setting: Setting, probe: Path) -> None:
    user = setting.job.temp.parent / "user"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(user)], check=True)
    environ = {**setting.job.environ, "PATH": f"{user}/bin:{setting.job.environ['PATH']}"}
    job = replace(setting, job=replace(setting.job, environ=environ))
    folders = (job.job.workspace, Path(environ["HOME"]), user, probe)
    before = [digest(folder) for folder in folders]

    ran = job.use(probe, mode="review")

    assert ran.exit == 0, ran.log
    assert [digest(folder) for folder in folders] == before
    assert (ran.environment_file, ran.path_file) == ("", "")


def test_a_second_use_in_the_same_job_installs_nothing(setting: Setting, probe: Path) -> None:
    first = setting.use(probe, mode="review")
    setting.index.asked.clear()
    second = setting.use(probe, mode="review")

    assert setting.index.asked == []
    assert first.written["install"]["python"] == second.written["install"]["python"]
    assert second.exit == 0


def test_an_installation_that_broke_off_is_made_again(setting: Setting, probe: Path) -> None:
    python = Path(setting.use(probe, mode="review").written["install"]["python"])
    (python.parent.parent / "complete").unlink()
    python.unlink()

    assert setting.use(probe, mode="review").exit == 0


def test_inputs_arrive_byte_for_byte(setting: Setting, probe: Path) -> None:
    names = [name for name in DECLARED["inputs"] if name != "index-url"]
    spring = f"touch {setting.sprung}/input"
    shells = [f"$({spring})", f"`{spring}`", f'"; {spring}; "', f"'; {spring}; '"]
    for hostile in [*shells, "-h", "--help", "${{ github.token }}", "a\nb\n", "ü\t*", "~", "x" * 60_000]:
        ran = setting.use(probe, **dict.fromkeys(names, hostile))

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
    assert ran.log.startswith("::error title=cicd-agent::cicd-agent: the locked packages could not be installed (")
    assert ran.log.count("\n") == 1
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
    assert install["env"] == {"INDEX_URL": "${{ inputs.index-url }}"}
    assert {"INPUT_GITHUB_TOKEN", "INPUT_OPENAI_API_KEY"} <= set(run["env"])
