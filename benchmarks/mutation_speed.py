"""Mutants per second, in forks of one session as gen-tests has them, and with pytest begun anew for each.

`python benchmarks/mutation_speed.py [--anew N] [--check]`; the project is made in a temporary directory. The verdicts
must agree. The session runs in the sandbox, once with a single mutant and once with all: the difference is what they
take. A second of CPU counts what all processes use, and is the same on a busy machine, or nearly.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from benchmarks.generated_tests import used
from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.domain.trials.test_run import Fate, Mutant, MutantOutcome, PytestRun
from tests.support.test_runners import pytest_runner

GOAL = 30.0
TEST_MODULE = "test_parcels.py"
MODULE = '''"""What a parcel costs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parcel:
    grams: int
    zone: int = 1
    fragile: bool = False

    @property
    def is_heavy(self):
        return self.grams > 5_000


def price(parcel, coupons=()):
    """In cents."""
    if parcel.grams <= 0:
        raise ValueError("it weighs nothing")
    cents = 390 + 110 * (parcel.zone - 1)
    if parcel.is_heavy:
        cents += parcel.grams // 1_000 * 50
    if parcel.fragile and not parcel.is_heavy:
        cents += 200
    for coupon in coupons:
        cents -= min(coupon, cents // 2)
    return max(cents, 100)


def cheapest(parcels):
    found = None
    for parcel in parcels:
        if found is None or price(parcel) < price(found):
            found = parcel
    return found
'''
TESTS = """from parcels import Parcel, cheapest, price


def test_price():
    assert price(Parcel(500)) == 390
    assert price(Parcel(500, zone=3)) == 610
    assert price(Parcel(6_000)) == 690
    assert price(Parcel(500, fragile=True)) == 590
    assert price(Parcel(500), [100, 1_000]) == 145


def test_cheapest():
    near, far = Parcel(1, zone=1), Parcel(1, zone=2)
    assert cheapest([far, near]) is near
"""


def in_forks(top: Path, found: Sequence[Mutant]) -> tuple[Sequence[MutantOutcome], float, float]:
    """What became of the mutants, and the seconds and the seconds of CPU that all but the first took."""
    runner, spent = pytest_runner(top, {}), list[tuple[float, float]]()
    outcomes: Sequence[MutantOutcome] = ()
    for some in (found[:1], found[:1], found):
        before, began = used(), time.perf_counter()
        session = PytestRun("mutants", (TEST_MODULE,), mutants=tuple(some), against=(TEST_MODULE,), seconds=300.0)
        [result] = runner.run([session])
        spent.append((time.perf_counter() - began, used() - before))
        if not result.completed:
            raise SystemExit(f"the session came to no end: {result.problem}")
        outcomes = result.mutants
    # The first of them finds out what the machine has.
    _, (least, least_cpu), (most, most_cpu) = spent
    return outcomes, max(most - least, 0.001), max(most_cpu - least_cpu, 0.001)


def anew(top: Path, found: Sequence[Mutant]) -> tuple[list[Fate], float, float]:
    """The fates when each mutant is written, and pytest is begun for it."""
    fates, before, began = list[Fate](), used(), time.perf_counter()
    for mutant in found:
        (top / "parcels.py").write_text(MODULE[: mutant.start] + mutant.replacement + MODULE[mutant.end :])
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-c", "/dev/null", "."]
        done = subprocess.run(command, cwd=top, capture_output=True, check=False, timeout=60)
        fates.append(Fate.KILLED if done.returncode else Fate.SURVIVED)
    seconds = time.perf_counter() - began
    (top / "parcels.py").write_text(MODULE)
    return fates, seconds, used() - before


def main() -> int:
    """Print the figures; with --check 1 when the goal is missed or a verdict is another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", type=int, default=25, help="mutants that pytest is begun anew for")
    parser.add_argument("--check", action="store_true", help="a missed goal, or another verdict, is an error")
    asked = parser.parse_args()
    found = mutants("parcels.py", MODULE, range(1, 100))
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        (top / "parcels.py").write_text(MODULE)
        (top / TEST_MODULE).write_text(TESTS)
        outcomes, seconds, cpu = in_forks(top, found)
        sample = found[:: -(-len(found) // max(1, asked.anew))]
        fates, baseline, baseline_cpu = anew(top, sample)
    by_id = {outcome.id: outcome.fate for outcome in outcomes}
    counts = ", ".join(f"{number} {fate}" for fate, number in Counter(by_id.values()).items())
    agree = sum(by_id[mutant.id] == fate for mutant, fate in zip(sample, fates, strict=True))
    ran, again = len(found) - 1, len(sample)
    print(f"{len(found)} mutants of {len(MODULE.splitlines())} lines, 2 tests: {counts}")
    print(f"{'':12}{'a second':>10}{'a second of CPU':>17}   goal: {GOAL:.0f} a second")
    print(f"{'in forks':12}{ran / seconds:>10.1f}{ran / cpu:>17.1f}   ({seconds:.2f} s, {cpu:.2f} s of CPU)")
    print(f"{'pytest anew':12}{again / baseline:>10.1f}{again / baseline_cpu:>17.1f}   ({again}, {baseline:.1f} s)")
    print(
        f"same verdict {agree} of {again}; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )
    return int(asked.check and (ran / seconds < GOAL or agree < again))


if __name__ == "__main__":
    sys.exit(main())
