"""The image that `make image` has built, run as the launcher runs it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

IMAGE = "cicd-agent"
LOCKED_DOWN = (
    *("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001"),
    *("--memory=2g", "--memory-swap=2g", "--pids-limit=256"),
    *("--tmpfs", "/tmp:rw,nosuid,nodev,noexec,mode=1777,size=1g", "--env", "HOME=/tmp", "--env", "TMPDIR=/tmp"),
)
PYTHON = "/opt/cicd-agent/bin/python"


@cache
def image() -> str:
    """The id of the image. Skips where it was not built: only `make image-test` has it built."""
    requested = os.environ.get("CICD_AGENT_IMAGE_TEST")
    if requested != "1":
        pytest.skip(requested or "only `make image-test` runs the image")
    if not shutil.which("docker"):
        pytest.skip("there is no docker on PATH")
    done = call("docker", "image", "inspect", "--format", "{{.Id}}", IMAGE)
    if done.returncode:
        pytest.skip(f"`make image` has built nothing here: {done.stderr.strip()[:200]}")
    return done.stdout.strip()


def call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)


def contained(
    *arguments: str, entry: str = "", options: Sequence[str] = (), mounts: Sequence[tuple[Path, str]] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the image as the launcher does, but for what a test changes."""
    entrypoint = (f"--entrypoint={entry}",) if entry else ()
    folders = (part for path, mode in mounts for part in ("--volume", f"{path}:{path}:{mode}"))
    return call("docker", "run", "--rm", *LOCKED_DOWN, *options, *folders, *entrypoint, image(), *arguments)


def inside(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python in the image."""
    return contained("-I", "-c", program, entry=PYTHON, options=options)
