"""Tests for three functions, 28 → 100 % coverage: model calls, seconds and what is kept, by the real command line.

The model is a server on loopback with canned answers. The baseline is CoverUp with the same server, where it is
installed: `--peer-venv DIR`. Then the trial alone is taken apart, to say what one candidate costs.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from benchmarks.speaking_model import texts
from benchmarks.toy_project import CHANGED, FUNCTIONS, MODULE, PROJECT, draft, module
from benchmarks.toy_trial import taken_apart
from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, answer

SOURCE = Path(__file__).resolve().parent.parent / "src"
CALLS, SECONDS = 4, 3.0
LONGEST = 180


class ToyServer(OpenAIServer):
    """Answers every question with the tests of the function that it is about.

    With `strict` they come in the shape that we ask for, and a request that the real API would refuse is refused.
    """

    def __init__(self, *, strict: bool) -> None:
        super().__init__()
        self._strict = strict

    def respond(self, asked: Asked) -> Canned:
        """One answer; see the class."""
        about = _about("\n".join(texts(asked)))
        if not self._strict:
            self.asked.append(asked)
            return answer(module(about))(asked)
        self.steps.insert(0, answer(draft(about).model_dump(mode="json")))
        said = super().respond(asked)
        self.steps.clear()
        return said


class NotMeasured(Exception):
    """It did not get through; the message says how far."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One generation from the start of its process to the end."""

    calls: int
    seconds: float
    cpu: float
    before: float | None
    after: float | None
    kept: int


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a goal that does not depend on the machine is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peer-venv", type=Path, help="a virtual environment with coverup in it")
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured (median)")
    options = parser.parse_args(argv)
    rows = {"cicd-agent": _median([ours() for _ in range(options.runs)])}
    if options.peer_venv and (options.peer_venv / "bin/coverup").exists():
        try:
            rows["CoverUp"] = _median([coverup(options.peer_venv.absolute()) for _ in range(options.runs)])
        except NotMeasured as failure:
            print(f"CoverUp: {failure}")
    load = os.getloadavg()[0]
    print(f"{'':12}{'calls':>7}{'seconds':>9}{'CPU':>7}{'coverage':>16}{'tests kept':>12}")
    print(f"{'goal':12}{f'≤ {CALLS}':>7}{f'≤ {SECONDS:.0f}':>9}{'':7}{'28 → 100 %':>16}")
    for name, row in rows.items():
        coverage = f"{_percent(row.before)} → {_percent(row.after)} %"
        print(f"{name:12}{row.calls:>7}{row.seconds:>9.1f}{row.cpu:>7.1f}{coverage:>16}{row.kept:>12}")
    print(f"load of the machine {load:.1f} on {os.cpu_count()} processors")
    if "CoverUp" not in rows:
        print("No peer was measured (--peer-venv DIR with coverup in it): its published counts are not claimed here.")
    print()
    print(taken_apart())
    own = rows["cicd-agent"]
    return int(own.calls > CALLS or own.after != 100.0 or own.kept == 0)


def ours() -> Measured:
    """`cicd-agent gen-tests --base main` in a process of its own."""
    with tempfile.TemporaryDirectory() as name, ToyServer(strict=True) as server:
        top = Path(name)
        repo = planted(top / "parcels")
        environment = {**_environment(top), "PYTHONPATH": str(SOURCE), "OPENAI_API_KEY": "sk-toy"}
        inputs = {"base-url": server.url, "model": "toy", "python": sys.executable}
        line = [sys.executable, "-m", "cicd_agent", "gen-tests", "--base", "main", "--output-dir", str(top / "out")]
        line += [part for key, value in inputs.items() for part in ("--input", f"{key}={value}")]
        seconds, cpu = _spent(line, repo, environment)
        certificate = json.loads((top / "out/certificate.json").read_text("utf-8"))
        before, after = (_share(certificate["coverage"][when]) for when in ("before", "after"))
        return Measured(len(server.asked), seconds, cpu, before, after, len(certificate["tests"]))


def coverup(venv: Path) -> Measured:
    """CoverUp with the same answers; its coverage is measured by coverage.py with pytest, as ours is."""
    with tempfile.TemporaryDirectory() as name, ToyServer(strict=False) as server:
        top = Path(name)
        repo = planted(top / "parcels")
        environment = {
            **_environment(top),
            "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": "src",
            "OPENAI_API_KEY": "sk-toy",
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_BASE": server.url,
            # Without this it waits for a list of prices from the network.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            # tiktoken downloads its tables; the litellm wheel ships them.
            "TIKTOKEN_CACHE_DIR": str(next(venv.glob("lib/*/site-packages/litellm/litellm_core_utils/tokenizers"), "")),
        }
        line = [str(venv / "bin/coverup"), "--package-dir", "src", "--tests-dir", "tests", "--model", "openai/gpt-4o"]
        before = _coverage(repo)
        seconds, cpu = _spent([*line, "--no-checkpoint", MODULE], repo, environment)
        kept = sum(path.read_text("utf-8").count("def test_") for path in repo.glob("tests/test_coverup*.py"))
        return Measured(len(server.asked), seconds, cpu, before, _coverage(repo), kept)


def planted(repo: Path) -> Path:
    """The project before the change on main, and after it on the branch that is checked out."""
    for files, branch in ((PROJECT, "main"), (CHANGED, "change")):
        for path, text in files.items():
            (repo / path).parent.mkdir(parents=True, exist_ok=True)
            (repo / path).write_text(text, "utf-8")
        if branch == "main":
            _git(repo, "init", "--quiet", "--initial-branch=main", "--template=")
        else:
            _git(repo, "checkout", "--quiet", "-b", branch)
        _git(repo, "add", ".")
        _git(repo, "commit", "--quiet", "--message", branch)
    return repo


def _about(words: str) -> str:
    """The function that is asked about: the one that is named as the subject, else the last that is shown."""
    named = [name for name in FUNCTIONS if f"what is open in {name}" in words]
    return named[0] if named else max(FUNCTIONS, key=lambda name: words.rfind(f"def {name}("))


def _spent(line: Sequence[str], directory: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of wall and of CPU, with all that it starts."""
    before, begun = used(), time.monotonic()
    try:
        ran = subprocess.run(
            line, cwd=directory, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise NotMeasured(f"it did not end within {LONGEST} seconds") from late
    spent = time.monotonic() - begun, used() - before
    if ran.returncode:
        raise NotMeasured(f"it ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-800:].strip()}")
    return spent


def used() -> float:
    """Seconds of CPU of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _coverage(repo: Path) -> float:
    """Of the module by lines, as a person would measure it."""
    python = [sys.executable, "-m", "coverage"]
    run = [*python, "run", "--include", MODULE, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(run, cwd=repo, capture_output=True, check=False, timeout=LONGEST)
    told = subprocess.run(
        [*python, "json", "-q", "-o", "-"], cwd=repo, capture_output=True, text=True, check=True, timeout=LONGEST
    )
    (repo / ".coverage").unlink()
    return float(json.loads(told.stdout)["totals"]["percent_covered"])


def _share(found: Mapping[str, Mapping[str, int]] | None) -> float | None:
    return 100 * found["files"]["executed"] / found["files"]["lines"] if found else None


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _median(runs: Sequence[Measured]) -> Measured:
    return replace(
        runs[-1],
        seconds=statistics.median(each.seconds for each in runs),
        cpu=statistics.median(each.cpu for each in runs),
        calls=max(each.calls for each in runs),
    )


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


def _git(repo: Path, *args: str) -> None:
    who = ["-c", "user.name=toy", "-c", "user.email=toy@example.invalid"]
    subprocess.run(["git", *who, *args], cwd=repo, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
