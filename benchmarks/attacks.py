"""Makes every attack in every place of every mode, and prints how many were judged in each sink; 1 if one succeeded.

Then changes hide what they bring, the time of runs is over, and GitHub refuses what they have to say, case by case.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.attacks import hiding, posting, running_out  # noqa: E402  after the path is set
from tests.attacks.matrix import Tally, attack  # noqa: E402
from tests.attacks.payloads import PAYLOADS, batches  # noqa: E402
from tests.attacks.worlds import MODES  # noqa: E402

SCENES: Sequence[tuple[str, Sequence[Any], Callable[[Any, Path], Iterator[str]], str]] = (
    ("changes that hide", hiding.CASES, hiding.complaints, "pass for low, whole or green"),
    ("runs that run out", running_out.CASES, running_out.complaints, "lose a finding or pass for green"),
    ("faults at what is posted", posting.CASES, posting.complaints, "lose something or go unnamed"),
)
"""A family of cases, each in a world of its own, what is wrong with a run of one, and what that means."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", help=f"all by default: {', '.join(MODES)}")
    parser.add_argument("--at-once", type=int, default=14, help="payloads in a run: fewer find more, and take longer")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.modes) - set(MODES):
        parser.error(f"no such mode: {', '.join(sorted(unknown))}")
    whole = Tally()
    for mode in asked.modes or MODES:
        for payloads in batches(asked.at_once):
            with tempfile.TemporaryDirectory(prefix="cicd-agent-attacks-") as place:
                whole.merge(attack(mode, payloads, Path(place) / "world"))
    print(f"{len(PAYLOADS)} payloads; each number counts pairs of a payload and a place where it was written\n")
    print("\n".join(whole.table()))
    lost = sum(count_lost(*scene) for scene in SCENES) if not asked.modes else 0
    return 1 if whole.successes or lost else 0


def count_lost(family: str, cases: Sequence[Any], complaints: Callable[[Any, Path], Iterator[str]], meant: str) -> int:
    """How many cases of a family come to what they should not; each complaint is printed."""
    lost = 0
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="cicd-agent-attacks-") as place:
            found = list(complaints(case, Path(place) / "job"))
        lost += bool(found)
        print(*(f"  {case}: {each}" for each in found), sep="\n", end="\n" if found else "")
    print(f"\n{family}: {len(cases)}, of which {lost} {meant}")
    return lost


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
