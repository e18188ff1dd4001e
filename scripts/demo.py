"""Reviews, routes, explains a failed test run and writes tests on samples, offline and without a key.

What was found is checked, and so is the audit log that all of it was entered in.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import sample_functions
from scripts.sample_pull_request import BASE, HARMLESS, HEAD, PLANTED, SLIP, SLIPPED, build, slip, token

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / ".cicd-agent" / "demo" / "state"
MOST_LINES = 1_500
MOST_COMMITS = 10


def main() -> int:
    """Exit code 0 when everything planted was found, nothing else was, and no secret was printed."""
    place = ROOT / ".cicd-agent" / "demo"
    rmtree(place, ignore_errors=True)
    commits = recent(ROOT)
    if commits is None:
        say("No range of commits here (no .git, or one commit only): only the sample pull request is reviewed.\n")
    else:
        say(f"This repository, {commits[0][:12]}..{commits[1][:12]}:\n")
        review(ROOT, *commits, place / "this-repository")
        say("How much care the same range needs, by the history of this repository:\n")
        route(ROOT, *commits, place / "this-repository-routed")
    say("A sample pull request with eight problems planted in it:\n")
    build(place / "sample")
    text, report = review(place / "sample", BASE, HEAD, place / "sample-pull-request")
    found, noise = judged(report["verdict"]["findings"])
    for planted in PLANTED:
        say(f"  {'found' if planted.what in found else 'MISSED':<8}{planted.what} ({planted.path})")
    say(
        f"{len(found)} of {len(PLANTED)} planted problems found, "
        f"{len(noise)} finding{'' if len(noise) == 1 else 's'} on the harmless files"
    )
    leaked = token() in text or token() in json.dumps(report)
    if leaked:
        say("The planted token was printed.")
    explained = failure(place)
    written = tests(place)
    proved = account()
    is_good = explained and written and proved and not leaked and not noise
    return 0 if is_good and len(found) == len(PLANTED) else 1


def recent(repository: Path) -> tuple[str, str] | None:
    """The newest commits that are small enough to read, as base and head; None when there are not two."""
    if not (repository / ".git").exists():
        return None
    try:
        history = _git(repository, "rev-list", "--first-parent", "--no-merges", "--max-count=60", "HEAD").split()
        for newest, head in enumerate(history[:-1]):
            bases = history[newest + 1 : newest + 1 + MOST_COMMITS]
            fitting = [base for base in bases if _added_lines(repository, base, head) <= MOST_LINES]
            if fitting:
                return fitting[-1], head
    except subprocess.CalledProcessError:
        return None
    return None


def review(repository: Path, base: str, head: str, place: Path) -> tuple[str, dict[str, Any]]:
    """Run the command line as anybody would; what it printed, and its report."""
    return _run(["review", "--base", base, "--head", head, "--repo-dir", str(repository)], place)


def route(repository: Path, base: str, head: str, place: Path) -> tuple[str, dict[str, Any]]:
    """Ask for the plan of a range as anybody would; what was printed, and the report."""
    return _run(["route", "--base", base, "--head", head, "--repo-dir", str(repository)], place)


def _run(arguments: Sequence[str], place: Path) -> tuple[str, dict[str, Any]]:
    text = _told(*arguments, "--output-dir", str(place), "--input", f"state-dir={BOOK}", "--format", "text")
    return text, json.loads((place / "report.json").read_text())["body"]


def _told(*arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "cicd_agent", *arguments],
        cwd=ROOT,
        env=_environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    say(ran.stdout)
    if ran.returncode:
        raise SystemExit(f"{arguments[0]} ended with exit code {ran.returncode}")
    return ran.stdout


def failure(place: Path) -> bool:
    """Plant one wrong line, run the sample's tests, and explain their log; whether that line's file is blamed."""
    sample, path = place / "sample", SLIPPED[0]
    slip(sample)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", "tests"],
        cwd=sample,
        env={**_environment(), "PYTHONPATH": "src", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = place / "failed.log"
    log.write_text(
        f"##[group]Run python -m pytest\n##[endgroup]\n{ran.stdout}##[error]Process completed with exit code 1.\n"
    )
    say(f"\nThe same with one wrong line in {path}, and the log of its tests:\n")
    _, report = explain(sample, log, place / "failed-run")
    diagnosis = report["diagnosis"]
    blamed = diagnosis["cause"] == "change" and path in diagnosis["affected"][:1]
    say(f"  {'found' if blamed else 'MISSED':<8}the wrong line ({path})")
    return blamed


def explain(repository: Path, log: Path, place: Path) -> tuple[str, dict[str, Any]]:
    """Explain a log as anybody would; what was printed, and the report."""
    arguments = ["--log", str(log), "--base", HEAD, "--head", SLIP, "--repo-dir", str(repository)]
    return _run(["analyse-failure", *arguments], place)


def tests(place: Path) -> bool:
    """Write tests for a small change; whether some were kept, and its mistake was found."""
    say("\nTests for a small change, whose documentation gives a mistake away:\n")
    sample_functions.build(place / "functions")
    branch = ["--base", BASE, "--head", HEAD, "--repo-dir", str(place / "functions")]
    _, report = _run(["gen-tests", *branch, "--input", f"python={sys.executable}"], place / "generated-tests")
    generated = report["generated"]
    if generated["suite"]["state"] == "unavailable":
        say(f"  {'skipped':<8}the tests cannot be run here: {generated['suite']['detail']}")
        return True
    kept = report["outputs"]["tests_added"]
    found = [bug["candidate"]["function"] for bug in generated["bugs"]] == [sample_functions.MISTAKEN]
    say(f"  {'found' if found else 'MISSED':<8}the mistake in {sample_functions.MISTAKEN}()")
    return found and int(kept) > 0


def account() -> bool:
    """Show the audit log of all these runs; whether its chain holds."""
    say("\nEvery decision was entered in an audit log, which anybody can check:\n")
    where = ("--state-dir", str(BOOK))
    _told("audit", "list", *where)
    holds = "holds" in _told("audit", "verify", *where)
    _told("cost", *where)
    return holds


def judged(findings: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Which planted problems the findings name, and the ids of those on files where nothing is wrong."""
    found = [
        planted.what
        for planted in PLANTED
        if any(each["location"]["path"] == planted.path and planted.needle in each["quote"] for each in findings)
    ]
    return found, [each["id"] for each in findings if each["location"]["path"] in HARMLESS]


def say(text: str) -> None:
    """Print at once, so that the lines stay in order."""
    print(text, flush=True)


def _added_lines(repository: Path, base: str, head: str) -> int:
    rows = _git(repository, "diff", "--numstat", f"{base}...{head}").splitlines()
    return sum(int(row.split("\t")[0]) for row in rows if not row.startswith("-"))


def _git(repository: Path, *arguments: str) -> str:
    # The clone may belong to another user, as in a container.
    command = ["git", "-c", "safe.directory=*", *arguments]
    ran = subprocess.run(command, cwd=repository, env=_environment(), check=True, capture_output=True, text=True)
    return ran.stdout


def _environment() -> dict[str, str]:
    """No key, no token and no event: what a run at a terminal has."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "TMPDIR", "COLUMNS")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": str(ROOT / "src")}


if __name__ == "__main__":
    sys.exit(main())
