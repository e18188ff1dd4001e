"""What a route proves for later runs."""

from collections.abc import Iterator

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.modes.route.result import Routed
from cicd_agent.modes.shared.fact_values import number, risk_values


def facts(routed: Routed, evidence: Evidence) -> Iterator[Fact]:
    event, cells = evidence.event, routed.cells
    values = {
        "tests": cells.tests,
        "build": cells.build,
        "strategy": cells.strategy,
        "canary_percentage": str(cells.canary_percentage),
        "monitor_minutes": str(cells.monitor_minutes),
        **risk_values(routed.risk),
        "percentile": number(routed.risk.percentile),
    }
    yield Fact("", FactKind.ROUTE, event.sha, 0, sha=event.sha, ref=event.head.name, values=values)
