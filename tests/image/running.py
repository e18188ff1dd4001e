"""The image that `make image-test` has built, and how the action runs it."""

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAME = os.environ.get("IMAGE_UNDER_TEST", "")
needs_image = pytest.mark.skipif(not NAME, reason="no image: `make image-test` builds one with Docker")

CONFINED = (
    *("--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256"),
    *("--memory=1g", "--memory-swap=1g", "--tmpfs=/tmp:rw,nosuid,nodev,size=256m"),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a container has left: exit code and everything that it printed."""

    exit: int
    out: str
    err: str


def docker(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """The client, whose daemon DOCKER_HOST names."""
    return subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)


def run(*command: str, options: Sequence[str] = ("--network=none",), environ: Mapping[str, str] | None = None) -> Ran:
    """The agent in a container as the action confines it."""
    told = [part for name, value in (environ or {}).items() for part in ("--env", f"{name}={value}")]
    done = docker("run", *CONFINED, *options, *told, NAME, *command)
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def python(code: str, *options: str) -> Ran:
    """Some Python in the place of the agent, confined as it is."""
    return run("-I", "-c", code, options=("--network=none", "--entrypoint=/opt/cicd-agent/bin/python", *options))


def inspected() -> dict[str, Any]:
    """What Docker knows of the image."""
    [found] = json.loads(docker("image", "inspect", NAME).stdout)
    image: dict[str, Any] = found
    return image


def contents(place: Path) -> list[tarfile.TarInfo]:
    """Every file of the image; the tree itself is laid into `place`."""
    container = docker("create", NAME).stdout.decode().strip()
    try:
        archive = place / "image.tar"
        archive.write_bytes(docker("export", container).stdout)
    finally:
        docker("rm", container)
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        tar.extractall(place / "tree", filter="tar")
    archive.unlink()
    return members
