"""A job on a runner in which everything that a pull request can touch is a trap."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.runner import Job, Ran, use
from tests.support.servers.packages import PackageIndex

ROOT = Path(__file__).parents[3]
WHEELS = ROOT / ".wheelhouse"
UV = Path(sys.executable).parent / "uv"
NOWHERE = "http://127.0.0.1:9/"


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


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


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
    git(workspace, "switch", "--quiet", "--create=feature")
    (workspace / ".gitattributes").write_text("* diff=trap filter=trap\n")
    (workspace / "app.py").write_text("def calculate(text):\n    return eval(text)\n")
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message=Change")
    git(workspace, "clone", "--quiet", "--bare", ".", str(sprung.parent / "origin"))
    for key in ("core.fsmonitor", "diff.external", "diff.trap.textconv", "filter.trap.smudge", "core.sshCommand"):
        git(workspace, "config", key, f"{workspace}/bin/trap")


def spoilt(tmp_path: Path, index: PackageIndex) -> Setting:
    """A job on a machine with uv and the Python of this suite, and an environment that earlier steps have spoilt."""
    folders = {name: tmp_path / name for name in ("workspace", "temp", "home", "tools", "sprung")}
    for folder in folders.values():
        folder.mkdir()
    workspace = folders["workspace"]
    plant(workspace, folders["sprung"])
    # Under every name that is looked for: the wheels are those of this suite's Python, whatever else is installed.
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (folders["tools"] / name).symlink_to(sys.executable)
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
