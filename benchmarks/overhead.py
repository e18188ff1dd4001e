"""What a run costs beside what it cannot avoid: CPU time, memory and GitHub calls, each with its baseline and goal.

CPU is user and system time of the process and its children, the median of five; memory is the peak of the largest of
them (getrusage). `--check` makes a missed goal an error.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.sample_pull_request import commit, git, token

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5
AGENT = (sys.executable, "-m", "cicd_agent")
REVIEW = (*AGENT, "review", "--base", "main", "--head", "feature", "--input", "model=off", "--format", "json")
EDIT = '''

TOKEN_{number} = "{token}"


def total_{number}(rows):
    """Sum the amounts of the rows that are open."""
    return sum(row.amount for row in rows if row.is_open)
'''


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: a value with its unit, the same of the baseline, and the most it may be."""

    what: str
    value: float
    unit: str
    goal: float
    baseline: str = ""

    @property
    def holds(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Spent:
    """What child processes used: the median of their CPU seconds, and the largest peak in megabytes."""

    seconds: float
    megabytes: float


def measured(directory: Path) -> Iterator[Measured]:
    """All measurements; `directory` is empty and takes what they need."""
    nothing = spent((sys.executable, "-c", "pass"), directory)
    imports = spent((sys.executable, "-c", "import pydantic, git, github"), directory)
    usage = spent((*AGENT, "--help"), directory)
    yield Measured("cicd-agent --help", usage.seconds, "s CPU", 0.25, f"{nothing.seconds:.2f} python -c pass")
    build(directory / "twenty", 20)
    review = spent((*REVIEW, "--repo-dir", "twenty", "--output-dir", "out"), directory)
    beside = "python -c 'import pydantic, git, github'"
    yield Measured("review of 20 files, offline", review.seconds, "s CPU", 1.3, f"{imports.seconds:.2f} {beside}")
    yield Measured("review of 20 files, offline", review.megabytes, "MB peak", 100, f"{imports.megabytes:.0f} {beside}")
    for count in (1, 20, 100, 300):
        repository = directory / f"pull-{count}"
        build(repository, count)
        for checkout in (True, False):
            where = "" if checkout else ", no checkout"
            calls = github_calls(repository, directory, checkout=checkout)
            goal = 8 if count < 300 else 12
            yield Measured(f"pull request, {count:>3} changed{where}", calls, "GitHub calls", goal)


def build(directory: Path, files: int) -> None:
    """A repository whose branch `feature` adds some lines to so many Python files of this project."""
    sources = [path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))]
    texts = {f"src/part_{number}.py": sources[number % len(sources)] for number in range(files)}
    directory.mkdir()
    git(directory, "init", "--quiet", "--template=", "--initial-branch=main")
    commit(directory, texts, "Begin", day=1)
    git(directory, "checkout", "--quiet", "-b", "feature")
    edits = (EDIT.format(number=number, token=token()) for number in range(files))
    edited = {path: text + edit for (path, text), edit in zip(texts.items(), edits, strict=True)}
    commit(directory, edited, "Sum what is open", day=2)


def spent(command: Sequence[str], directory: Path) -> Spent:
    """Run a command several times, once more before that to warm the caches."""
    runs = [_run(command, directory) for _ in range(RUNS + 1)][1:]
    seconds = statistics.median(usage.ru_utime + usage.ru_stime for usage in runs)
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(seconds, max(usage.ru_maxrss for usage in runs) * unit / 1e6)


def _run(command: Sequence[str], directory: Path) -> resource.struct_rusage:
    with subprocess.Popen(command, cwd=directory, env=_environment(directory), stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return usage


def github_calls(repository: Path, directory: Path, *, checkout: bool) -> int:
    """Requests of a review of a pull request against the fake GitHub: the first, or the one that edits it if more."""
    from tests.support.servers.github.app import FakeGitHub  # noqa: PLC0415  what is measured above starts from a small process

    with FakeGitHub() as hub:
        hub.add_repo("o/r", repository)
        pull = hub.add_pull(7, base="main", head="feature")
        event = directory / "event.json"
        event.write_text(json.dumps(payload(pull.base_sha, pull.head_sha)))
        environment = {
            **_environment(directory),
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": hub.url,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_WORKSPACE": str(repository if checkout else directory / "nothing"),
            "INPUT_GITHUB_TOKEN": hub.token,
            "INPUT_PROVIDER": "none",
            "RUNNER_TEMP": str(directory),
        }
        (directory / "nothing").mkdir(exist_ok=True)
        first = _review(environment, directory)
        requests = len(hub.received)
        second = _review(environment, directory)
        if not pull.reviews or not pull.comments:
            raise SystemExit(f"no review was posted: {first}{second}")
        return max(requests, len(hub.received) - requests)


def _review(environment: Mapping[str, str], directory: Path) -> str:
    command = (*AGENT, "review")
    ran = subprocess.run(command, cwd=directory, env=environment, check=False, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"the review ended with exit code {ran.returncode}: {ran.stdout}{ran.stderr}")
    return ran.stdout + ran.stderr


def payload(base: str, head: str) -> dict[str, object]:
    """What GitHub says when a pull request is opened, as far as anybody reads it."""
    repository = {"full_name": "o/r", "default_branch": "main"}
    return {
        "action": "opened",
        "number": 7,
        "repository": repository,
        "sender": {"login": "contributor", "type": "User"},
        "pull_request": {
            "number": 7,
            "state": "open",
            "draft": False,
            "title": "Sum what is open",
            "body": None,
            "author_association": "CONTRIBUTOR",
            "user": {"login": "contributor", "type": "User"},
            "base": {"ref": "main", "sha": base, "repo": repository},
            "head": {"ref": "feature", "sha": head, "repo": repository},
        },
    }


def _environment(directory: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory), "PYTHONPATH": str(ROOT / "src")}


def main() -> int:
    """Print the table; with --check, 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure what a run costs.")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    check = parser.parse_args().check
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        for row in measured(Path(directory)):
            missed += not row.holds
            value = f"{row.value:.2f}" if row.unit.startswith("s ") else f"{row.value:.0f}"
            mark = "PASS" if row.holds else "over goal"
            line = f"{row.what:<42}{value:>5} {row.unit:<13} goal ≤ {row.goal:<6g}{mark:<11}{row.baseline}"
            print(line.rstrip(), flush=True)
    return 1 if check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
