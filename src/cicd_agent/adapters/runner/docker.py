"""Asks Docker whether it is there, as the launcher does before it chooses the container."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

SECONDS: Final = 10
_NAMES: Final = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")


def container_problem(variables: Mapping[str, str]) -> str:
    """Why no Linux container can be run here, "" when one can."""
    docker = shutil.which("docker", path=variables.get("PATH", ""))
    if docker is None:
        return "there is no `docker` on PATH"
    try:
        done = subprocess.run(  # noqa: S603  the machine's own client, with arguments of ours
            [docker, "version", "--format", "{{.Server.Os}}"],
            env={name: variables[name] for name in _NAMES if name in variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "Docker does not answer"
    if done.returncode:
        return "Docker does not answer"
    return "" if done.stdout.strip() == b"linux" else "Docker runs no Linux containers here"
