"""How the changes of real repositories spread over the levels of risk, and what 40 named changes of one line get.

    python benchmarks/route_levels.py REPOSITORY…            this repository where none is named
    python benchmarks/route_levels.py --floors               with the changes whose level is another, and why

A repository is a clone, or a bare git directory. Its changes are the last ones along first parents, each routed as the
push that brought it: with the history before it, and nobody asked. What stands before the arrow are the levels where
past changes are judged by their paths alone and types and comments of a sensitive file count as its code. Exit code 1
tells of a named change of another level.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.analysis.risk import history_features
from cicd_agent.analysis.rules import run
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Ground, RiskLevel
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route.mode import MODE
from cicd_agent.modes.shared import risk_history
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

ROOT = Path(__file__).resolve().parent.parent
NAMED = ROOT / "benchmarks" / "named_changes.toml"
ENV = {"PATH": os.environ["PATH"]}
LEVELS = tuple(RiskLevel)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="*", type=Path, default=[ROOT])
    parser.add_argument("--count", type=int, default=100, help="changes of each repository")
    parser.add_argument("--floors", action="store_true", help="list what raised levels")
    options = parser.parse_args()
    print(f"{'':28}{'changes':>8}  {''.join(f'{level:>16}' for level in LEVELS)}")
    for repository in options.repositories:
        with tempfile.TemporaryDirectory(prefix="route-levels-") as folder:
            # Nothing of ours reads a bare repository.
            clone = Path(folder, "clone")
            command = ["git", "clone", "--quiet", "--shared", "--no-checkout", str(repository), str(clone)]
            subprocess.run(command, env=ENV, check=True)
            count, before, after, floors = _spread(clone, options.count)
        shares = "".join(f"{f'{_share(before, each)} → {_share(after, each)}':>16}" for each in LEVELS)
        name = repository.parent.name if repository.name in {"repo", ".git"} else repository.name
        print(f"{name[:27]:28}{count:>8}  {shares}", flush=True)
        for text, times in floors.most_common(40) if options.floors else ():
            print(f"{times:>12} {text}")
    return _named()


def _share(levels: Counter[RiskLevel], level: RiskLevel) -> str:
    return f"{100 * levels[level] / max(1, levels.total()):.0f} %"


def _spread(place: Path, limit: int) -> tuple[int, Counter[RiskLevel], Counter[RiskLevel], Counter[str]]:
    """The levels before and after, and the floors by what is new."""
    repository = GitRepository(place, ENV)
    before, after, floors = Counter[RiskLevel](), Counter[RiskLevel](), Counter[str]()
    for base, head in _pushes(place, limit):
        event, settings = _push(base, head), Settings()
        seen = MODE.gather(event, Ports(repository), settings)
        if seen.change is None:
            print(f"  {head[:9]}: the change could not be read", file=sys.stderr)
            continue
        now, reasons = _level(seen, settings)
        with (
            patch.object(risk_history, "texts_of", lambda *_: {}),
            patch.object(history_features, "trouble_level", lambda *_: RiskLevel.LOW),
            patch.object(run, "is_cosmetic", lambda *_: False),
        ):
            old, known = _level(MODE.gather(event, Ports(repository), settings), settings)
        before[old] += 1
        after[now] += 1
        if now is not old:
            floors.update(f"{head[:9]} {old} → {now}: {reason}" for reason in reasons if reason not in known)
    return before.total(), before, after, floors


def _pushes(place: Path, limit: int) -> Iterator[tuple[str, str]]:
    command = ["git", "log", "--first-parent", f"--max-count={limit}", "--format=%H %P"]
    done = subprocess.run(command, cwd=place, env=ENV, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        head, *parents = line.split()
        if parents:
            yield parents[0], head


def _push(base: str, head: str) -> Event:
    before, after = Ref("main", base), Ref("main", head)
    return Event(EventKind.PUSH, "push", repo="o/r", default_branch="main", sha=head, base=before, head=after)


def _level(seen: Evidence, settings: Settings) -> tuple[RiskLevel, tuple[str, ...]]:
    risk = MODE.verify(MODE.rules(seen, settings), (), seen, settings).risk
    return risk.level, tuple(each.text for each in risk.reasons if each.ground is Ground.AREA)


def _named() -> int:
    """What each named change gets; 1 when one of them gets another level."""
    wrong = 0
    changes = tomllib.loads(NAMED.read_text("utf-8"))["change"]
    for named in changes:
        after = named["text"].replace(named["old"], named["new"])
        level = _level_of(change_of((named["path"], named["text"], after)))
        wrong += level != named["level"]
        mark = "" if level == named["level"] else f"  MUST BE {named['level']}"
        print(f"{level:>8}  {named['path']}{mark}")
    print(f"{len(changes) - wrong} of {len(changes)} named changes have the level that they must have")
    return min(1, wrong)


def _level_of(change: Change) -> RiskLevel:
    settings = Settings()
    nothing = MODE.gather(Event(EventKind.SCHEDULE), Ports(), settings)
    return _level(replace(nothing, event=_push(change.base, change.head), change=change), settings)[0]


if __name__ == "__main__":
    raise SystemExit(main())
