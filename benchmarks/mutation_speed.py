"""Mutants per second, in forks of one session of pytest and with pytest begun anew for each; the verdicts must agree.

`python benchmarks/mutation_speed.py [--anew N] [--check]`; the project is made in a temporary directory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import pytest

from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.pytest_worker.mutation import try_mutants

GOAL = 20.0
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


class Session:
    """A plugin that tries the mutants when the tests have run."""

    def __init__(self, found: list[dict[str, Any]], text: str) -> None:
        self._mutants = found
        self._text = text
        self._raised: list[str] = []
        self.outcomes: list[dict[str, Any]] = []
        self.seconds = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Runs the tests, then the mutants."""
        result = yield
        items = {item.nodeid: item for item in session.items}

        def run(names: list[str]) -> tuple[str, str] | None:
            for name in names:
                self._raised.clear()
                items[name].config.hook.pytest_runtest_protocol(item=items[name], nextitem=None)
                if self._raised:
                    return name, self._raised[0]
            return None

        began = time.perf_counter()
        top = str(session.config.rootpath)
        self.outcomes = try_mutants(self._mutants, lambda _: self._text, run, lambda _: list(items), 2.0, top)
        self.seconds = time.perf_counter() - began
        return result

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """Keeps the name of what a test raised."""
        if call.excinfo is not None:
            self._raised.append(call.excinfo.typename)


def in_forks(top: Path, found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], float]:
    """What became of the mutants, and the seconds that took. This process is the session."""
    session = Session(found, MODULE)
    sys.path.insert(0, str(top))
    pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "-c", "/dev/null", str(top)], plugins=[session])
    return session.outcomes, session.seconds


def anew(top: Path, found: list[dict[str, Any]]) -> tuple[list[str], float]:
    """The fates when each mutant is written, and pytest is begun for it."""
    fates, began = [], time.perf_counter()
    for mutant in found:
        text = MODULE[: mutant["start"]] + mutant["replacement"] + MODULE[mutant["end"] :]
        (top / "parcels.py").write_text(text)
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-c", "/dev/null", "."]
        done = subprocess.run(command, cwd=top, capture_output=True, check=False, timeout=60)
        fates.append("killed" if done.returncode else "survived")
    seconds = time.perf_counter() - began
    (top / "parcels.py").write_text(MODULE)
    return fates, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", type=int, default=25, help="mutants that pytest is begun anew for")
    parser.add_argument("--check", action="store_true", help="a missed goal, or another verdict, is an error")
    parser.add_argument("--session", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    found = [asdict(mutant) for mutant in mutants("parcels.py", MODULE, range(1, 100))]
    if asked.session:
        outcomes, seconds = in_forks(asked.session, found)
        (asked.session / "outcomes.json").write_text(json.dumps([outcomes, seconds]))
        return
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        (top / "parcels.py").write_text(MODULE)
        (top / "test_parcels.py").write_text(TESTS)
        subprocess.run([sys.executable, __file__, "--session", made], check=True, capture_output=True)
        outcomes, seconds = json.loads((top / "outcomes.json").read_text())
        sample = found[:: max(1, len(found) // max(1, asked.anew))]
        fates, baseline = anew(top, sample)
    by_id = {outcome["id"]: outcome["fate"] for outcome in outcomes}
    counts = {fate: list(by_id.values()).count(fate) for fate in ("killed", "survived", "not_run")}
    agree = sum(by_id[mutant["id"]] == fate for mutant, fate in zip(sample, fates, strict=True))
    fast, slow = len(found) / seconds, len(sample) / baseline
    print(f"{len(found)} mutants of {len(MODULE.splitlines())} lines, 2 tests: {counts}")
    print(f"in forks        {fast:8.1f} per second   ({seconds:.2f} s)")
    print(f"pytest anew     {slow:8.1f} per second   ({len(sample)} of them, {baseline:.2f} s)")
    print(f"ratio           {fast / slow:8.1f}")
    print(f"same verdict    {agree} of {len(sample)}")
    if asked.check and (fast < GOAL or agree < len(sample)):
        sys.exit(1)


if __name__ == "__main__":
    main()
