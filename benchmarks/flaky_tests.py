"""Planted flaky tests among stable ones: how many are found and told why, beside running the suite again and again.

`python benchmarks/flaky_tests.py [--projects N] [--runs N] [--seed N] [--check]`; the projects lie in temporary
directories.
"""

import argparse
import datetime as dt
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent / part) for part in ("src", "")]

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState, TestEvidence
from cicd_agent.modes.gen_tests.flaky.detection import hunt
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind
from tests.support.test_runners import pytest_runner

EVIDENCE = Evidence(Event(kind=EventKind.SCHEDULE)).put(
    TEST_EVIDENCE, TestEvidence(Suite(SuiteState.GREEN, seconds=1.0))
)
HEAD = """\
import datetime
import os
import pathlib
import random
import threading
import time

import pytest
import state

HERE = pathlib.Path(__file__).parent
"""
STABLE = (
    "def test_{name}():\n    assert sum(range({number})) == {number} * ({number} - 1) // 2\n",
    "def test_{name}():\n    assert sorted({{'a', 'b', 'c'}}) == ['a', 'b', 'c']\n",
    "def test_{name}(tmp_path):\n    (tmp_path / 'x').write_text('y')\n    assert (tmp_path / 'x').exists()\n",
    "def test_{name}():\n    assert 0 <= random.random() < 1\n",
    "def test_{name}():\n    assert datetime.date.today().year > 2000\n",
    "def test_{name}(monkeypatch):\n    monkeypatch.setitem(state.HELD, '{name}', 1)\n    assert state.HELD\n",
    "def test_{name}(tmp_path):\n    assert time.time() - os.stat(tmp_path).st_mtime < 99\n",
    "@pytest.mark.parametrize('word', ['a b', 'c::d', '[e]'])\ndef test_{name}(word):\n    assert len(word) > 2\n",
)
SETTING = "def test_{name}_sets():\n    state.HELD['{name}'] = {number}\n    assert state.HELD['{name}'] == {number}\n"
WRITING = (
    "def test_{name}_writes():\n    (HERE / '{name}.txt').write_text('x')\n    assert (HERE / '{name}.txt').exists()\n"
)
PLANTED: Mapping[str, tuple[FlakyKind, str]] = {
    "polluted": (FlakyKind.ORDER, SETTING + "\n\ndef test_{name}():\n    assert '{name}' not in state.HELD\n"),
    "brittle": (FlakyKind.ORDER, SETTING + "\n\ndef test_{name}():\n    assert '{name}' in state.HELD\n"),
    "leftover": (
        FlakyKind.LEFTOVER,
        WRITING + "\n\ndef test_{name}():\n    assert not (HERE / '{name}.txt').exists()\n",
    ),
    "zone": (FlakyKind.TIME, "def test_{name}():\n    assert time.localtime(0).tm_mday == 1\n"),
    "date": (FlakyKind.TIME, "def test_{name}():\n    assert datetime.date.today() < datetime.date({soon})\n"),
    "draw": (FlakyKind.RANDOMNESS, "def test_{name}():\n    assert random.randrange(100) >= {rare}\n"),
    "hash": (FlakyKind.HASH_ORDER, "def test_{name}():\n    assert next(iter({{'a', 'b', 'c'}})) != 'b'\n"),
    "race": (
        FlakyKind.RACE,
        """def test_{name}():
    held = [0]

    def add():
        for _ in range(500):
            seen = held[0]
            len(str(seen))
            held[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert held == [2000]
""",
    ),
    "chance": (FlakyKind.UNKNOWN, "def test_{name}():\n    assert os.urandom(1)[0] >= {rare_byte}\n"),
}


@dataclass(frozen=True, slots=True)
class Project:
    """Texts by path, and the names of the planted tests with what they are."""

    files: Mapping[str, str]
    planted: Mapping[str, str]


def project(seed: int, soon: str) -> Project:
    """Some of the kinds among twenty stable tests, in three modules."""
    chance = random.Random(seed)  # noqa: S311  to be repeated
    pieces: list[str] = []
    planted: dict[str, str] = {}
    for number, kind in enumerate(chance.sample(sorted(PLANTED), 5)):
        name, rare = f"{kind}_{number}", chance.choice([20, 30, 40])
        planted[f"test_{name}"] = kind
        values = {"name": name, "number": number, "soon": soon, "rare": rare, "rare_byte": rare * 256 // 100}
        # A pair keeps its order in one project and has the other in the next.
        parts = PLANTED[kind][1].format(**values).split("\n\n\n")
        pieces += chance.sample(parts, len(parts))
    pieces += [STABLE[number % len(STABLE)].format(name=f"stable_{number}", number=number) for number in range(20)]
    chance.shuffle(pieces)
    files = {f"tests/test_m{part}.py": HEAD + "\n\n" + "\n\n".join(pieces[part::3]) for part in range(3)}
    return Project({"state.py": "HELD = {}\n", **files}, planted)


def again_and_again(runs: int, lab: PytestRunner) -> set[str]:
    """What running the suite again in the same order, with nothing held and nothing changed, would call flaky."""
    ends: dict[str, set[bool]] = {}
    # A hash seed differs from process to process where nobody sets it; the rest is as it is.
    plain = [PytestRun(f"{number}", perturbation=Perturbation(hash_seed=1000 + number)) for number in range(runs)]
    for result in lab.run(plain):
        for test in result.tests:
            ends.setdefault(test.nodeid, set()).add(test.outcome is Outcome.PASSED)
    return {nodeid for nodeid, seen in ends.items() if len(seen) > 1}


def short(nodeid: str) -> str:
    """The name of the test function."""
    return nodeid.rpartition("::")[2].partition("[")[0]


def told(found: FlakyHunt, made: Project, tally: Counter[str]) -> Sequence[str]:
    """Counts, and what went wrong in words."""
    wrong = []
    kinds = {short(each.nodeid): each for each in found.found}
    for name, kind in made.planted.items():
        tally[f"{kind} planted"] += 1
        each = kinds.pop(name, None)
        if each is None:
            wrong.append(f"{name} missed")
        elif each.kind is not PLANTED[kind][0]:
            tally[f"{kind} found"] += 1
            wrong.append(f"{name} is called {each.kind}: {each.shown_by}")
        else:
            tally[f"{kind} found"] += 1
            tally[f"{kind} right"] += 1
    tally["false alarms"] += len(kinds)
    return [*wrong, *(f"{name} is stable and called {each.kind}: {each.shown_by}" for name, each in kinds.items())]


def main() -> int:
    """Print a table, one line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=8)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="fail on a false alarm, or where the baseline finds more")
    options = parser.parse_args()
    day = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=200)
    tally: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for number in range(options.projects):
        made = project(options.seed + number, f"{day.year}, {day.month}, {day.day}")
        with tempfile.TemporaryDirectory() as top:
            lab = pytest_runner(Path(top), made.files, seconds=3600)
            begun = time.monotonic()
            found = hunt(options.runs, EVIDENCE, lab)
            seconds["ours"] += round(time.monotonic() - begun)
            begun = time.monotonic()
            plain = {short(nodeid) for nodeid in again_and_again(options.runs, lab)}
            seconds["plain"] += round(time.monotonic() - begun)
        print(f"project {number}: {len(found.found)} found of {len(made.planted)} planted", flush=True)
        for line in told(found, made, tally):
            print(f"project {number}: {line}", flush=True)
        for name in plain:
            tally[f"{made.planted[name]} plain" if name in made.planted else "plain false alarms"] += 1
        print(f"project {number}: plain reruns find {len(plain)}", flush=True)
    print(f"{'planted':<10} {'n':>3} {'found':>6} {'kind right':>11} {'plain reruns':>13}")
    for kind in PLANTED:
        row = [tally[f"{kind} {what}"] for what in ("planted", "found", "right", "plain")]
        print(f"{kind:<10} {row[0]:>3} {row[1]:>6} {row[2]:>11} {row[3]:>13}")
    print(f"false alarms: {tally['false alarms']} (plain reruns {tally['plain false alarms']})")
    print(f"seconds in {options.projects} projects: {seconds['ours']} (plain reruns {seconds['plain']})")
    ours, theirs = (sum(tally[f"{kind} {what}"] for kind in PLANTED) for what in ("found", "plain"))
    return 1 if options.check and (tally["false alarms"] or ours < theirs) else 0


if __name__ == "__main__":
    raise SystemExit(main())
