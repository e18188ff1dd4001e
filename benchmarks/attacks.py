"""Makes every attack in every place of every mode, and prints how many were judged in each sink; 1 if one succeeded.

Then GitHub refuses what each run has to say, fault by fault.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.attacks.matrix import Tally, attack  # noqa: E402  after the path is set
from tests.attacks.payloads import PAYLOADS, batches  # noqa: E402
from tests.attacks.posting import CASES, complaints  # noqa: E402
from tests.attacks.worlds import MODES  # noqa: E402


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
    lost = post_faults() if not asked.modes else 0
    return 1 if whole.successes or lost else 0


def post_faults() -> int:
    """How many faults at what a run posts lose something, or go unnamed."""
    lost = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="cicd-agent-attacks-") as place:
            found = list(complaints(case, Path(place) / "job"))
        lost += bool(found)
        print(*(f"  {case}: {each}" for each in found), sep="\n", end="\n" if found else "")
    print(f"\nfaults at what is posted: {len(CASES)}, of which {lost} lose something or go unnamed")
    return lost


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
