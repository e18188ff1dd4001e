"""What it costs to begin: CPU seconds of `--help` beside an empty Python and a peer, and of an installation.

A container's processes are children of Docker's daemon: their CPU time is what they say of themselves, and what Docker
adds is not in it.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cicd_agent.adapters.fake_model import Script, serving  # noqa: E402  after the path is set
from scripts.sample_pull_request import BASE, HEAD, build  # noqa: E402  after the path is set

RUNS = 5
INSIDE = """
import resource, sys
from cicd_agent.__main__ import main
sys.argv = ["cicd-agent", *sys.argv[1:]]
sys.stdout = sys.stderr
try:
    main()
except SystemExit:
    pass
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
sys.__stdout__.write(str(sum(each.ru_utime + each.ru_stime for each in used)))
"""


def spent(command: Sequence[str], env: Mapping[str, str] | None = None, runs: int = RUNS) -> float:
    """The median of the CPU seconds that a program and its children use."""
    samples = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, env=env, stdin=subprocess.DEVNULL, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        samples.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(samples)


def contained(image: str, repository: Path, *arguments: str) -> float:
    """The median of the CPU seconds of the agent inside of a container, of the children that it has waited for too."""
    inside = ["--entrypoint", "/opt/cicd-agent/bin/python", image, "-I", "-c", INSIDE, *arguments]
    given = ["--network=none", "--read-only", "--tmpfs", "/tmp", "--volume", f"{repository}:{repository}:ro"]  # noqa: S108
    command = ["docker", "run", "--rm", *given, "--workdir", str(repository), *inside]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(RUNS)]
    return statistics.median(map(float, runs))


def installed(wheels: str) -> tuple[float, float]:
    """CPU seconds of the launcher's installing step, the first time and again in the same job."""
    with tempfile.TemporaryDirectory() as temp:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": temp,
            "RUNNER_TEMP": temp,
            "GITHUB_ACTION_PATH": str(ROOT),
            "INDEX_URL": wheels,
            "RUNTIME": "host",
            "MODE": "review",
        }
        step = [sys.executable, "-I", "-S", str(ROOT / "launch/install.py")]
        return spent(step, env, 1), spent(step, env, 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-venv", type=Path, help="an environment with pr-agent in it")
    parser.add_argument("--image", default="", help="the image to start, when Docker is here")
    parser.add_argument("--index-url", default=str(ROOT / ".wheelhouse"), help="where the host path installs from")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sample = Path(place) / "sample"
        build(sample)
        sample.parent.chmod(0o755)
        measure(asked, sample)


def measure(asked: argparse.Namespace, sample: Path) -> None:
    """The rows, of a small repository with one change."""
    nothing = spent([sys.executable, "-I", "-c", "pass"])
    agent = [sys.executable, "-I", "-m", "cicd_agent"]
    reviewing = ["review", "--base", BASE, "--head", HEAD, "--repo-dir", str(sample), "--output-dir"]

    def line(what: str, seconds: float) -> None:
        print(f"{what:44} {seconds:7.2f} s CPU {seconds / nothing:7.1f} × an empty Python")

    line("python -c pass", nothing)
    line("cicd-agent --help", spent([*agent, "--help"]))
    line("cicd-agent review --help", spent([*agent, "review", "--help"]))
    line("a review of 10 files, rules only", spent([*agent, *reviewing, str(sample.parent / "report")]))
    answer = {"summary": "Fine.", "findings": [], "risk_level": "low", "confidence": 0.8}
    given = {"answer": {**answer, "escalate_to_human": False, "escalation_reason": None}}
    with serving(Script.model_validate({"steps": [given], "repeat": True}), lambda _: None) as model:
        asking = [*agent, *reviewing, str(sample.parent / "report"), "--input", f"base-url={model.url}"]
        line("the same with one question to a model", spent(asking))
    line("python -c 'import openai', which is not in it", spent([sys.executable, "-I", "-c", "import openai"]))
    cold, warm = installed(asked.index_url)
    line("install step, cold", cold)
    line("install step, again in the job", warm)
    if asked.image:
        line("cicd-agent --help, in the container", contained(asked.image, sample, "--help"))
        line("the same review, in the container", contained(asked.image, sample, *reviewing, "/tmp/report"))  # noqa: S108
    if asked.peer_venv:
        peer = asked.peer_venv / "bin"
        line("pr-agent --help", spent([str(peer / "pr-agent"), "--help"]))


if __name__ == "__main__":
    main()
