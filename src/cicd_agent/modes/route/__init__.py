"""The router: a change goes in, and how much care it needs comes out, before anything runs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes import World
from cicd_agent.modes.route.gather import gather
from cicd_agent.modes.route.report import OUTPUTS, report
from cicd_agent.modes.route.verdict import verify
from cicd_agent.modes.shared.defaults import TriesNothing
from cicd_agent.settings.schema import Settings


class Route(TriesNothing):
    """The slice as one value; each step has a file of its own name. It asks no model."""

    name = "route"
    fails_closed = False
    remembers_rules = False
    outputs = OUTPUTS
    unproved: Mapping[str, str] = MappingProxyType({"tests": "full", "build": "full"})
    rule_ids = frozenset(rule.id for rule in RULES)
    gather = staticmethod(gather)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def declines(self, _event: Event, _settings: Settings | None = None) -> str | None:
        """Nothing: what it does not know gets the full plan."""
        return None

    def rules(self, evidence: Evidence, settings: Settings) -> RuleDraft:
        """What the rules find in the change."""
        return RuleDraft() if evidence.change is None else ruled(evidence.change, settings.config_file)

    def questions(
        self, _evidence: Evidence, _answers: Sequence[Answer[Any]], _settings: Settings
    ) -> Sequence[Question[Any]]:
        """None: a plan has to be there before anybody could answer."""
        return ()

    def lookups(
        self, _evidence: Evidence, _event: Event, _world: World, _settings: Settings
    ) -> tuple[tuple[Tool[Any], ...], str]:
        """Nobody looks anything up."""
        return (), ""


ROUTE = Route()
