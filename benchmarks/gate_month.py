"""How often the gate holds without cause in a month of ordinary pushes of five kinds of team, and what it lets through.

`python benchmarks/gate_month.py [--deployments N] [--team NAME] [--against REV] [--seed N] [--explain]`

Each decision is one of the real command line against the fake GitHub of the tests, on a real git repository, at a
simulated time. Whether a push ought to go out is known to the simulator before the gate looks: it must not while a
check of it is red or goes on, while it carries a change that nobody else has approved as it is, a writer asks for
changes, or an incident is open. How often such things happen is in gate_month.toml, which is printed. The version of
`--against` has the same months in the same run, from a temporary worktree. Exit code 1 tells of a goal that was missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.month_project import TABLE, teams
from benchmarks.month_simulation import SCENARIOS, Month, unchecked

ROOT = Path(__file__).resolve().parent.parent
AGAINST = "68396488"
DEPLOYMENTS = 440
GOAL = 0.02
"""Share of the decisions without a cause that may be a hold."""
SEED = 21


def month(team: str, scenario: str, deployments: int, seed: int) -> dict[str, Any]:
    """What became of one month, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return Month(teams()[team], scenario, deployments, seed, Path(folder)).run().as_dict()


def apart(source: Path, team: str, scenario: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own, with the package that lies in `source`."""
    command = [sys.executable, __file__, "--worker", scenario, "--team", team]
    command += ["--deployments", str(options.deployments), "--seed", str(options.seed)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{team}, {scenario}: {done.stderr[-3_000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def sources(against: str) -> Iterator[dict[str, Path]]:
    """Where the package of each version lies; a worktree of the earlier one, as long as it is needed."""
    if not against:
        yield {"now": ROOT / "src"}
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "before"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), against], check=True)
        try:
            yield {against: place / "src", "now": ROOT / "src"}
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def show(label: str, version: str, result: dict[str, Any], *, explain: bool) -> None:
    held, harmful = sum(result["held"].values()), sum(result["harmful"].values())
    share = 100 * held / (result["clean"] or 1)
    print(
        f"{label:38} {version:9} {result['decisions']:5} decisions, {result['clean']:4} without a cause:"
        f" {held:4} held ({share:5.1f} %); {result['held_rightly']:4} held with one, {harmful} harmful let through;"
        f" at most {result['requests']} requests"
    )
    for name, number in Counter(result["held"]).most_common(5) if held else ():
        print(f"{'':48} {number:4} by {name}")
    for name, number in result["harmful"].items():
        print(f"{'':48} {number:4} LET THROUGH although {name}")
    for example in result["examples"] if explain else ():
        print(f"{'':48} {example}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=DEPLOYMENTS)
    parser.add_argument("--team", default="", choices=["", *teams()])
    parser.add_argument("--against", default=AGAINST, help="a commit, or '' for none")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--explain", action="store_true", help="print each hold without cause")
    parser.add_argument("--worker", default="", choices=["", *SCENARIOS], help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker:
        unchecked()
        print(json.dumps(month(options.team, options.worker, options.deployments, options.seed)))
        return 0
    print(TABLE.read_text("utf-8"))
    print(f"seed {options.seed}, {options.deployments} deployments in 30 days\n")
    names = [options.team] if options.team else [*teams()]
    missed = False
    with sources(options.against) as versions, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {
            (scenario, team, version): pool.submit(apart, place, team, scenario, options)
            for scenario in SCENARIOS
            for team in names
            for version, place in versions.items()
        }
        for scenario in SCENARIOS:
            for version in versions:
                results = {team: jobs[scenario, team, version].result() for team in names}
                for team, result in results.items():
                    show(f"{scenario}: {team}", version, result, explain=options.explain)
                held = sum(sum(each["held"].values()) for each in results.values())
                clean = sum(each["clean"] for each in results.values())
                harmful = sum(sum(each["harmful"].values()) for each in results.values())
                share = held / (clean or 1)
                print(f"{scenario}, {version}: {100 * share:.1f} % held without cause, {harmful} harmful let through\n")
                missed = missed or (version == "now" and (share > GOAL or harmful > 0))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
