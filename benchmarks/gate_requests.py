"""How many requests a deployment gate sends to GitHub over 150 checks, in easy and in hard cases.

`python benchmarks/gate_requests.py [--case NAME] [--against REV]`

The real command line against the fake GitHub of the tests, which answers 304 to what has not changed, as GitHub does;
of those the rate limit counts none. The version of `--against` has the same cases, from a temporary worktree.
Exit code 1 tells of a case in which more than 40 count: a repository's token has 1,000 an hour.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.gate_month import sources
from tests.support.jobs.gate import HOUR, RUN, GateJobs
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import moment
from tests.support.servers.github.run_state import Attempt, Job, Run

AGAINST = "6f68bd7a"
MOST = 40
CHECKS, MANY, COMMITS, PER_PULL = 150, 350, 300, 13


def ended(jobs: GateJobs) -> None:
    """Every check has ended."""


def running(jobs: GateJobs) -> None:
    jobs.hub.gate.add_check(jobs.sha, "slow", "")


def queued(jobs: GateJobs) -> None:
    jobs.hub.gate.add_check(jobs.sha, "slow", "", status="queued")


def begun(jobs: GateJobs) -> None:
    """A run whose jobs have not begun."""
    jobs.hub.gate.begin_run(70, jobs.sha, "ci.yml")


def pending(jobs: GateJobs) -> None:
    jobs.hub.gate.add_status(jobs.sha, "jenkins", "pending")


def many(jobs: GateJobs) -> None:
    """350 checks, each of a run of its own, and one that goes on."""
    running(jobs)
    for number in range(CHECKS, MANY):
        jobs.hub.gate.begin_run(1_000 + number, jobs.sha, f"part-{number}.yml", status="success")
        jobs.hub.gate.add_check(jobs.sha, f"part {number}", run=1_000 + number, at=jobs.now - HOUR)


def protected(jobs: GateJobs) -> None:
    """Rules, classic protection, and a check that goes on."""
    running(jobs)
    jobs.hub.gate.require("main", "unit", classic=True)


def held(jobs: GateJobs) -> None:
    """The gate has held 12 times this week, and a check goes on."""
    running(jobs)
    jobs.job.variables["GITHUB_WORKFLOW_REF"] = "octo/app/.github/workflows/deploy.yml@refs/heads/main"
    jobs.hub.gate.begin_run(RUN, jobs.sha, "deploy.yml")
    jobs.hub.gate.add_check(jobs.sha, "gate", "", run=RUN)
    for number in range(12):
        attempt = Attempt([Job(jobs.hub.new_id(), "gate", "failure")], "failure")
        created, path = moment(jobs.now - (number + 2) * HOUR), ".github/workflows/deploy.yml"
        jobs.repo.runs.append(
            Run(800 + number, "deploy", "a" * 40, "main", "failure", created_at=created, path=path, attempts=[attempt])
        )


def wide(jobs: GateJobs) -> None:
    """300 commits of 24 pull requests, as many as are looked up, and a check that goes on."""
    running(jobs)
    repo = jobs.job.repo
    stream = f"reset refs/heads/main\nfrom {jobs.sha}\n\n" + "".join(
        f"commit refs/heads/main\ncommitter A <a@b.test> {jobs.now - HOUR} +0000\ndata 4\nPart\n"
        f"M 100644 inline part.txt\ndata {len(str(number))}\n{number}\n"
        for number in range(1, COMMITS)
    )
    repo.run("fast-import", "--quiet", "--force", stdin=stream.encode())
    repo.git("reset", "--quiet", "--hard", "main")
    shas = repo.git("rev-list", "--reverse", f"{jobs.sha}..main").split()
    for number in range(COMMITS // PER_PULL):
        landed = shas[number * PER_PULL : (number + 1) * PER_PULL]
        jobs.hub.add_pull(100 + number, head_sha=landed[-1])
        jobs.hub.gate.merge(100 + number, *landed)
        jobs.hub.gate.review(100 + number, "reviewer", at=jobs.now - HOUR)
    for check in jobs.repo.check_runs:
        object.__setattr__(check, "commit", shas[-1])
    jobs.sha = shas[-1]
    jobs.job.variables["GITHUB_SHA"] = jobs.sha


CASES: Mapping[str, tuple[Callable[[GateJobs], None], str]] = {
    "all have ended": (ended, ""),
    "one runs for the whole wait": (running, ""),
    "one runs for a wait of 6 hours": (running, "wait-for-checks: 360\n"),
    "one is queued for the whole wait": (queued, ""),
    "a run has no jobs for the whole wait": (begun, ""),
    "a status is pending for the whole wait": (pending, ""),
    "350 checks of 200 runs, one runs": (many, ""),
    "branch protection, one runs": (protected, ""),
    "12 own holds this week, one runs": (held, ""),
    "pull requests of 300 commits, one runs": (wide, ""),
}


def requests(case: str, place: Path) -> tuple[int, int]:
    """The requests of one gate that count, and those that were answered 304."""
    prepare, config = CASES[case]
    with FakeGitHub() as hub:
        jobs = GateJobs(place, hub, config=config)
        for number in range(CHECKS):
            hub.gate.add_check(jobs.sha, f"shard {number}", at=jobs.now - HOUR)
        prepare(jobs)
        with patch.object(time, "sleep", lambda _: None):
            left = jobs.run(signals_file="")
        faults = [stop["text"] for stop in left.report["gated"]["stops"] if stop["id"].startswith("fault-")]
        if "decision" not in left.outputs or faults:
            # What could not be read cost no requests.
            raise AssertionError(faults or left.log)
        return len(hub.received) - hub.unchanged, hub.unchanged


def apart(case: str, source: Path) -> tuple[int, int]:
    """The same in a process of its own, with the package that lies in `source`."""
    command = [sys.executable, __file__, "--worker", "--case", case]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr[-3_000:]}")
    counted, unchanged = json.loads(done.stdout.splitlines()[-1])
    return counted, unchanged


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="", choices=["", *CASES])
    parser.add_argument("--against", default=AGAINST, help="a commit, or '' for none")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(requests(options.case, Path(folder))))
        return 0
    worst = 0
    with sources(options.against) as versions:
        for case in [options.case] if options.case else CASES:
            for version, place in versions.items():
                counted, unchanged = apart(case, place)
                print(f"{case:40} {version:9} {counted:4} requests, and {unchanged:2} that do not count (304)")
                worst = max(worst, counted if version == "now" else 0)
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
