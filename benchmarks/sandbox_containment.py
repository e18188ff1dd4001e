"""Attack × tier: what is contained here, what leaks, what stays behind, and how late a run is ended.

Run it as root and as an ordinary user: they are kept in by different means.
"""

import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "src")]

from cicd_agent.domain.trials.sandbox import SandboxUnavailable, Tier
from tests.adapters.sandbox.attacks import ATTACKS
from tests.adapters.sandbox.range import ALLOWED, Outcome, outcomes, sandbox

NEWEST = 99


def main() -> int:
    """Print the table; 1 when anything got out, stayed, or was ended late."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tables = {tier: attacked(tier, scratch) for tier in Tier}
    print(f"{'attack':28}" + "".join(f"{tier:>19}" for tier in Tier))
    for attack in ATTACKS:
        print(f"{attack.name:28}" + "".join(f"{shown(tables[tier].get(attack.name)):>19}" for tier in Tier))
    held = [outcome for tier in Tier if tier is not Tier.NONE for outcome in tables[tier].values()]
    leaks, orphans = sum(bool(one.leaks) for one in held), sum(one.orphans for one in held)
    late = max((one.late for one in held), default=0.0)
    print(f"{len(held)} attacks: {leaks} leaked, {orphans} processes left, ended at most {late:.2f} s late")
    return int(bool(leaks or orphans or late > ALLOWED))


def attacked(tier: Tier, scratch: Path) -> dict[str, Outcome]:
    """By attack; empty for a tier that this machine does not have."""
    try:
        return {outcome.attack: outcome for outcome in outcomes(sandbox(tier, NEWEST, scratch), scratch)}
    except SandboxUnavailable as error:
        print(f"{tier} is not there: {error.why}")
        return {}


def shown(outcome: Outcome | None) -> str:
    """A cell of the table. Attacks that would do harm are not made without a sandbox."""
    if outcome is None:
        return "–"
    if outcome.leaks or outcome.orphans:
        return f"leaked ({len(outcome.leaks)})" if outcome.leaks else f"{outcome.orphans} left"
    return f"contained {outcome.late:+.2f} s" if outcome.stopped == "wall_seconds" else "contained"


if __name__ == "__main__":
    sys.exit(main())
