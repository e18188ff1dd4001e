"""The routing table: what is done for a change of each level of risk, and the config's cells in its place."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from posixpath import basename
from types import MappingProxyType
from typing import Final

from cicd_agent.domain.change import Change
from cicd_agent.domain.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.route.result import Build, Cells
from cicd_agent.settings.schema import Settings

TABLE: Final[Mapping[RiskLevel, Cells]] = MappingProxyType(
    {
        RiskLevel.LOW: Cells("affected", "cached", "rolling"),
        RiskLevel.MEDIUM: Cells("affected", "cached", "rolling"),
        RiskLevel.HIGH: Cells("extended", "cached", "canary", 10, 30),
        RiskLevel.CRITICAL: Cells("extended", "cached", "canary", 5, 60),
    }
)
"""`affected` is full as long as the test map is not proved, `cached` is full when the build itself has changed."""

CELLS: Final = ("tests", "build", "strategy", "canary_percentage", "monitor_minutes")

_CANARY = {RiskLevel.CRITICAL: 5}
_CANARY_OTHERWISE = 10
_WHAT_BUILDS = frozenset(
    {PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE, PathKind.DOCKERFILE, PathKind.WORKFLOW, PathKind.CI_CONFIG}
)
_COMPOSE = ("compose*.y*ml", "docker-compose*.y*ml", ".dockerignore")
_MOST_NAMED = 2


def build_for(change: Change) -> tuple[Build, str]:
    """The build that a change needs, and why."""
    found = list(dict.fromkeys(path for file in change.files for path in (file.path, file.old_path) if _builds(path)))
    if not found:
        return "cached", _only(change)
    named = ", ".join(found[:_MOST_NAMED])
    more = len(found) - _MOST_NAMED
    rest = f" and {count(more, 'more file')}" if more > 0 else ""
    return "full", f"{named}{rest} changed"


def _builds(path: str) -> bool:
    name = basename(path).lower()
    return bool(kinds(path) & _WHAT_BUILDS) or any(fnmatchcase(name, pattern) for pattern in _COMPOSE)


def _only(change: Change) -> str:
    """What a change is made of that leaves the build as it is."""
    found = [kinds(file.path) for file in change.files]
    if found and all(PathKind.DOCS in each for each in found):
        return "only documentation"
    return "only tests" if found and all(PathKind.TEST in each for each in found) else "only application code"


def overridden(cells: Cells, level: RiskLevel, settings: Settings) -> tuple[Cells, tuple[str, ...]]:
    """The cells with what the config says for the level in their place, and the names of these."""
    route = settings.routes.get(level.value)
    if route is None:
        return cells, ()
    said = {name: value for name in CELLS if (value := getattr(route, name)) is not None}
    changed = replace(cells, **said)
    if "canary_percentage" not in said and "strategy" in said:
        # A share of the traffic goes with a canary, and with nothing else.
        share = (
            (cells.canary_percentage or _CANARY.get(level, _CANARY_OTHERWISE)) if changed.strategy == "canary" else 0
        )
        changed = replace(changed, canary_percentage=share)
    return changed, tuple(said)
