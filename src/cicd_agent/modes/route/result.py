"""What routing a change comes to: which tests, which build, which deployment strategy, and what is still in doubt."""

from dataclasses import dataclass
from typing import Final, Literal

from cicd_agent.analysis.risk.team_policy import AffectedService
from cicd_agent.domain.verdict import Conclusion, Risk
from cicd_agent.modes.shared.rollout import RouteStrategy

TestScope = Literal["none", "affected", "full", "extended"]
Build = Literal["cached", "full"]


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of the routing table: what is done for a change of some level."""

    tests: TestScope
    build: Build
    strategy: RouteStrategy
    canary_percentage: int = 0
    monitor_minutes: int = 0
    requires_approval: bool = False


@dataclass(frozen=True, slots=True)
class AreaRun:
    """A group of paths of the config: whether its jobs run, and which files of the change lie in it."""

    name: str
    run: bool
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteResult:
    """The result of `verify`. `doubts` say why it is the full plan, none when it is not.

    `would_be` is the plan that is not in force yet because the test map has not been proved, None when there is none.
    """

    conclusion: Conclusion
    risk: Risk
    cells: Cells
    tests_why: str
    build_why: str
    areas: tuple[AreaRun, ...] = ()
    doubts: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    """Arguments for pytest when `tests` is affected."""
    would_be: Cells | None = None
    overridden: tuple[str, ...] = ()
    """The cells that the config sets in place of the table's."""
    services: tuple[AffectedService, ...] = ()
    confidence: float | None = None
    escalate: tuple[str, ...] = ()


RESULTS: Final = {"routed": RouteResult}
