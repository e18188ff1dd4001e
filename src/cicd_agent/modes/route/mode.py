"""The router: a change goes in, and how much care it needs comes out, before anything runs."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind, number, risk_values
from cicd_agent.modes.protocol import Mode
from cicd_agent.modes.route.gather import gather
from cicd_agent.modes.route.page import page
from cicd_agent.modes.route.report import OUTPUTS, cell_texts, report
from cicd_agent.modes.route.result import RouteResult
from cicd_agent.modes.route.verdict import verify
from cicd_agent.settings.schema import Settings


class Route(Mode[RuleDraft]):
    """Each step has a module of its own name. It asks no model: a plan has to be there before one could answer."""

    name = "route"
    outputs = OUTPUTS
    unproved: Mapping[str, str] = MappingProxyType({"tests": "full", "build": "full"})
    rule_ids = frozenset(rule.id for rule in RULES)
    gather = staticmethod(gather)
    page = staticmethod(page)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def rules(self, evidence: Evidence, settings: Settings) -> RuleDraft:
        return (
            RuleDraft() if evidence.change is None else ruled(evidence.change, settings.config_file, settings.own_rules)
        )

    def facts(self, result: RouteResult, evidence: Evidence, outputs: Mapping[str, str]) -> Iterable[Fact]:  # noqa: ARG002
        event, percentile = evidence.event, number(result.risk.percentile)
        values = {**cell_texts(result.cells), **risk_values(result.risk), "percentile": percentile}
        return (Fact("", FactKind.ROUTE, event.sha, 0, sha=event.sha, ref=event.head.name, values=values),)


MODE = Route()
