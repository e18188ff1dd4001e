"""What routing gathers beside the change and its history."""

from dataclasses import dataclass
from typing import Final

from cicd_agent.domain.evidence import Section
from cicd_agent.domain.trials.test_run import AffectedTests


@dataclass(frozen=True, slots=True)
class RouteEvidence:
    """What routing looks at beside the change and its history; `doubts` are why the plan must be the full one."""

    doubts: tuple[str, ...] = ()
    affected: AffectedTests | None = None


ROUTE_EVIDENCE: Final = Section[RouteEvidence]("route", RouteEvidence)
SECTIONS: Final = (ROUTE_EVIDENCE,)
