"""Tests for three real changes of a package, by rules and with a scripted model; then each certificate is held to it.

What a certificate says is tried again without anything of ours: the kept tests with plain pytest in 100 fresh
processes, and each fault that one is said to notice written into a copy on disk. Needs the package index once.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from benchmarks.certified import Checked, check, passing
from benchmarks.generated_tests import SOURCE, used
from benchmarks.real_change import COMMAND, MODULE, PACKAGE, RealChange, proposed, real_changes
from benchmarks.releases import index_url
from benchmarks.speaking_model import texts
from cicd_agent.domain.trials.test_run import Fate, PytestRun
from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, answer
from tests.support.test_runners import pytest_runner

SPEED = 20.0
FRESH = 100
LONGEST = 1_200
_SUBJECT = re.compile(r"what is open in (\w+)")


class RealServer(OpenAIServer):
    """Answers by the function that is asked about."""

    def respond(self, asked: Asked) -> Canned:
        """One answer; see the class."""
        named = _SUBJECT.search("\n".join(texts(asked)))
        self.steps.insert(0, answer(proposed(named[1] if named else "").model_dump(mode="json")))
        said = super().respond(asked)
        self.steps.clear()
        return said


@dataclass(frozen=True, slots=True)
class Made:
    """One generation: its certificate, its patch, what was proposed, and the questions that it took."""

    certificate: dict[str, Any]
    patch: Path
    candidates: tuple[dict[str, Any], ...]
    calls: int
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Print what was kept and what of the certificates holds; 1 when something does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cicd-agent-releases")
    parser.add_argument("--index", default="", help="package index (default: pip's)")
    parser.add_argument("--fresh", type=int, default=FRESH, help="fresh processes with the kept tests, in all")
    parser.add_argument("--only", default="", help="changes whose names contain this")
    options = parser.parse_args(argv)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        found = real_changes(options.cache, top, options.index or index_url())
        chosen = [change for change in found if options.only in change.name]
        share = -(-options.fresh // (2 * len(chosen) or 1))
        print(f"{PACKAGE}, {COMMAND}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        print(
            f"{'change':18}{'by':7}{'kept':>8}{'plain':>7}{'changed lines':>16}{'bugs':>6}{'calls':>7}{'seconds':>9}"
            f"{'flips':>12}{'faults on disk':>16}"
        )
        for change in chosen:
            for model in (False, True):
                made = generated(change, top / f"{change.name}-{model}", model=model)
                checked = check(change, made.certificate, made.patch, top / f"copy-{change.name}-{model}", share)
                plain = sum(passing(change, top / "plain", each) for each in made.candidates)
                print(_row(change, made, checked, plain, "model" if model else "rules"), flush=True)
                wrong += len(checked.wrong)
                print("\n".join(f"  wrong: {each}" for each in checked.wrong), end="\n" if checked.wrong else "")
        speed = _speed(chosen[0], top / "speed")
    print(f"planted faults in forks: {speed[0]:.0f} a second, {speed[1]:.0f} a second of CPU (wanted: {SPEED:.0f})")
    print("plain: candidates that pass with plain pytest, which is what others keep")
    return int(wrong > 0)


def generated(change: RealChange, out: Path, *, model: bool) -> Made:
    """`cicd-agent gen-tests --base main` in a process of its own."""
    with RealServer() as server:
        inputs = {"test-command": COMMAND, "python": sys.executable}
        inputs |= {"base-url": server.url, "model": "scripted"} if model else {}
        line = [sys.executable, "-m", "cicd_agent", "gen-tests", "--base", "main", "--output-dir", str(out)]
        line += [part for key, value in inputs.items() for part in ("--input", f"{key}={value}")]
        own = {"PATH": os.environ["PATH"], "HOME": str(out), "PYTHONPATH": str(SOURCE)}
        environment = {**own, **({"OPENAI_API_KEY": "sk-real"} if model else {})}
        begun = time.monotonic()
        ran = subprocess.run(
            line, cwd=change.repo, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
        seconds = time.monotonic() - begun
    if ran.returncode:
        raise SystemExit(f"{change.name} ended with {ran.returncode}:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    tests = json.loads((out / "evidence.json").read_text("utf-8"))["body"]["tests"]
    candidates = {each["candidate"]["key"]: each["candidate"] for each in tests["screened"]}
    certificate = json.loads((out / "certificate.json").read_text("utf-8"))
    return Made(certificate, out / "tests.patch", tuple(candidates.values()), len(server.asked), seconds)


def _row(change: RealChange, made: Made, checked: Checked, plain: int, by: str) -> str:
    certificate = made.certificate
    kept, of = len(certificate["tests"]), len(certificate["tests"]) + len(certificate["rejected"])
    before, after = (_share(certificate["coverage"][when]) for when in ("before", "after"))
    return (
        f"{change.name:18}{by:7}{f'{kept} of {of}':>8}{plain:>7}{f'{before} → {after or before} %':>16}"
        f"{len(certificate['possible_bugs']):>6}{made.calls:>7}{made.seconds:>9.0f}"
        f"{f'{checked.flips} of {checked.fresh}':>12}{f'{checked.noticed} of {checked.claimed}':>16}"
    )


def _share(found: dict[str, dict[str, int]] | None) -> str:
    return f"{100 * found['changed']['executed'] / found['changed']['lines']:.0f}" if found else ""


def _speed(change: RealChange, folder: Path) -> tuple[float, float]:
    """Faults a second, and a second of CPU, of one session; what it takes with a single one is taken off."""
    shutil.copytree(change.repo, folder, ignore=shutil.ignore_patterns(".git"))
    made, spent, ran = change.faults, [], 0
    for some in (made[:1], made):
        suite = PytestRun("suite", tuple(COMMAND.split()[3:]), measured=(MODULE,), mutants=some, seconds=300.0)
        before = used()
        [result] = pytest_runner(folder, {}).run([suite])
        spent.append((result.seconds, used() - before))
        ran = sum(outcome.fate is not Fate.NOT_RUN for outcome in result.mutants) - 1
    (first, least), (last, most) = spent
    return ran / max(last - first, 0.01), ran / max(most - least, 0.01)


if __name__ == "__main__":
    sys.exit(main())
