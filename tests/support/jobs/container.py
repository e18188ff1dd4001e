"""A job whose `docker` is a script: it writes down what it is told, and plays a container, an honest one or not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.jobs.hostile import ROOT
from tests.support.runner import parse_outputs

IMAGE = "registry.test/agent@sha256:" + "ab" * 32
DOCKER = """#!{python} -IS
import json, os, sys
from pathlib import Path
arguments, environ = sys.argv[1:], dict(os.environ)
with open({told!r}, "a") as file:
    file.write(json.dumps({{"argv": arguments, "environ": environ}}) + "\\n")
if arguments[0] == "version":
    print("linux")
elif arguments[0] == "kill":
    os.kill(int(Path({told!r} + ".pid").read_text()), 15 if "--signal=TERM" in arguments else 9)
elif arguments[0] == "run":
    Path({told!r} + ".pid").write_text(str(os.getpid()))
    given = {{}}
    for at, word in enumerate(arguments):
        if word == "--env":
            name, equals, value = arguments[at + 1].partition("=")
            given[name] = value if equals else environ[name]
    out = Path(given["RUNNER_TEMP"])

    def put(**outputs):
        with open(given["GITHUB_OUTPUT"], "a") as file:
            file.write("".join(name + "=" + value + "\\n" for name, value in outputs.items()))

    exec(Path({play!r}).read_text(), {{"arguments": arguments, "given": given, "out": out, "put": put, "Path": Path}})
"""
HONEST = 'put(conclusion="success", degraded="false", summary="fine")\n'
# The agent itself, with exactly the variables that the container would have.
AGENT = f"""
import os
given["PATH"] = "/usr/bin:/bin"
given["TMPDIR"] = given["HOME"] = str(out / "runner")
mode = arguments[-1]
os.chdir(arguments[[each.startswith("--workdir=") for each in arguments].index(True)].partition("=")[2])
begin = "import sys; sys.path.insert(0, sys.argv.pop(1)); from cicd_agent.__main__ import main; main()"
os.execve({sys.executable!r}, [{sys.executable!r}, "-I", "-c", begin, {str(ROOT / "src")!r}, mode], given)
"""


@dataclass(frozen=True)
class Came:
    """What the step left behind."""

    exit: int
    outputs: Mapping[str, str]
    log: str
    summary: str


@dataclass(frozen=True)
class ContainedJob:
    """`told` is what docker was told, a line of JSON for each time."""

    top: Path

    @property
    def temp(self) -> Path:
        return self.top / "temp"

    @property
    def workspace(self) -> Path:
        return self.top / "workspace"

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.top / "told").read_text().splitlines()]

    @property
    def run_told(self) -> dict[str, Any]:
        [told] = [each for each in self.told if each["argv"][0] == "run"]
        return told

    @property
    def mounts(self) -> dict[str, str]:
        """By target: `rw` or `ro`."""
        argv = self.run_told["argv"]
        found = {}
        for word in (argv[at + 1] for at, each in enumerate(argv) if each == "--mount"):
            parts = dict(part.partition("=")[::2] for part in word.split(","))
            found[parts["target"]] = "ro" if "readonly" in parts else "rw"
        return found

    def environ(self, play: str, **more: str) -> dict[str, str]:
        script = self.top / "tools/docker"
        script.write_text(
            DOCKER.format(python=sys.executable, told=str(self.top / "told"), play=str(self.top / "play.py"))
        )
        script.chmod(0o755)
        (self.top / "play.py").write_text(play)
        for name in ("told", "runner/output", "runner/summary"):
            (self.top / name).write_text("")
        return {
            "PATH": f"{self.top / 'tools'}:{os.environ['PATH']}",
            "HOME": str(self.top / "home"),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_PATH": str(self.top / "runner/event.json"),
            "GITHUB_OUTPUT": str(self.top / "runner/output"),
            "GITHUB_STEP_SUMMARY": str(self.top / "runner/summary"),
            "AGENT_IMAGE": IMAGE,
            "INPUT_MODE": "review",
        } | more

    def run(self, play: str, **more: str) -> Came:
        """Run the step to its end."""
        return self.ended(self.started(play, **more), b"")

    def cancelled(self, play: str) -> Came:
        """The same, ended by the runner as soon as the container has said something."""
        process = self.started(play)
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        return self.ended(process, first)

    def started(self, play: str, **more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(ROOT / "launch/contained.py")],
            env=self.environ(play, **more),
            cwd=self.temp,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def ended(self, process: subprocess.Popen[bytes], first: bytes) -> Came:
        log = first + process.communicate(timeout=60)[0]
        output, page = ((self.top / "runner" / name).read_text("utf-8") for name in ("output", "summary"))
        return Came(process.returncode, parse_outputs(output), log.decode(), page)

    def left(self) -> list[Path]:
        """The output folders that are still there."""
        return sorted(self.temp.glob("cicd-agent-*"))


def contained_job(top: Path) -> ContainedJob:
    for name in ("temp", "home", "workspace/.git", "tools", "runner"):
        (top / name).mkdir(parents=True)
    (top / "runner/event.json").write_text("{}")
    return ContainedJob(top)
