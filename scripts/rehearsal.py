"""Uses the action of a release before there is one: with a `docker` that only writes down what it is called with."""

import io
import os
import re
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

# A machine that has never seen the image: it can only be pulled, by what the action names.
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>{calls}
case $1 in
  version) echo linux ;;
  image) exit 1 ;;
esac
"""
OUTPUT = re.compile(r"^(\w+)<<(\S+)\n(.*?)\n\2$", re.DOTALL | re.MULTILINE)
SECONDS = 120


class NotTaken(Exception):
    """Why a job that says nothing of its runtime would not run in the image, in one line."""


def rehearse(root: Path, reference: str, finish: Callable[[Path], None]) -> str:
    """Both steps of the action on a runner with Docker, in the tree of HEAD after `finish`: they must run the image.

    Raises NotTaken. A job in a container takes the host by itself: this is for a machine that is none.
    """
    with TemporaryDirectory(prefix="rehearsal-") as name:
        top = Path(name)
        tree, calls = top / "action", top / "calls"
        export(root, tree)
        finish(tree)
        for folder in ("tools", "temp", "workspace"):
            (top / folder).mkdir()
        (top / "event.json").write_text("{}")
        (top / "tools/docker").write_text(DOCKER.format(calls=shlex.quote(str(calls))))
        (top / "tools/docker").chmod(0o755)
        installed, log = step(top, "install", {"RUNTIME": "auto", "MODE": "review"})
        if (installed.get("runtime"), installed.get("image")) != ("container", reference):
            raise NotTaken(f"`runtime: auto` does not take the image: {' '.join(log.split())[-300:]}")
        chosen = {f"AGENT_{name.upper()}": installed[name] for name in ("python", "runtime", "image")}
        _, log = step(top, "run", {**chosen, "INPUT_MODE": "review"})
        pulled, started = ([call for call in calls.read_text().splitlines() if call.startswith(verb)] for verb in VERBS)
        if len(pulled) != 1 or len(started) != 1 or not started[0].endswith(f" {reference} review"):
            raise NotTaken(f"the container is not that of the image: {' '.join(log.split())[-300:]}")
    return f"`runtime: auto` pulls and runs {reference}"


VERBS = ("pull ", "run ")


def export(root: Path, tree: Path) -> None:
    """The files of HEAD, and nothing else that lies there."""
    done = subprocess.run(["git", "-C", str(root), "archive", "--format=tar", "HEAD"], capture_output=True, check=False)
    if done.returncode:
        raise NotTaken(f"git archive: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        # The argument `filter` came with Python 3.11.4.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        archive.extractall(tree)  # noqa: S202  of our own tree, by git


def step(top: Path, name: str, variables: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Outputs and log of a step, by the shell that runs it; what it needs of a job, and nothing of this one."""
    files = {"GITHUB_EVENT_PATH": "event.json", "GITHUB_OUTPUT": f"{name}.out", "GITHUB_STEP_SUMMARY": "summary"}
    folders = {"GITHUB_ACTION_PATH": "action", "GITHUB_WORKSPACE": "workspace", "RUNNER_TEMP": "temp", "HOME": "temp"}
    environ = {
        **{variable: str(top / path) for variable, path in {**files, **folders}.items()},
        "PATH": f"{top / 'tools'}:{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        **variables,
    }
    script = f'source "$GITHUB_ACTION_PATH/launch/{name}.sh"'
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    output = top / f"{name}.out"
    found = OUTPUT.findall(output.read_text("utf-8")) if output.exists() else []
    return {key: value for key, _, value in found}, done.stdout
