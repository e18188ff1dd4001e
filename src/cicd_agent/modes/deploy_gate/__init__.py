"""The deployment gate: signals go in, proceed, hold or rollback comes out, and only rules may say proceed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.verdict import Said
from cicd_agent.modes import Account, World
from cicd_agent.modes.deploy_gate.approvals import comment_commands as talk
from cicd_agent.modes.deploy_gate.gather import declines, gather
from cicd_agent.modes.deploy_gate.questions import questions
from cicd_agent.modes.deploy_gate.report import OUTPUTS, report
from cicd_agent.modes.deploy_gate.result import Gated, GateDecision
from cicd_agent.modes.deploy_gate.verdict import verify
from cicd_agent.modes.shared.change_reader import change_lookups
from cicd_agent.modes.shared.defaults import TriesNothing
from cicd_agent.settings.schema import Settings


class DeployGate(TriesNothing):
    """The slice as one value; each step has a file of its own name. What concerns a comment is in `talk.py`."""

    name = "deploy-gate"
    fails_closed = True
    remembers_rules = False
    outputs = OUTPUTS
    unproved: Mapping[str, str] = MappingProxyType({"decision": GateDecision.HOLD, "requires_approval": "false"})
    rule_ids = frozenset({"model", *(rule.id for rule in RULES)})
    questions = staticmethod(questions)
    lookups = staticmethod(change_lookups)

    def declines(self, event: Event, _settings: Settings | None = None) -> str | None:
        """Why there is nothing to decide: a comment that says nothing to us. What the gate does not serve, it holds."""
        return declines(event)

    def gather(self, event: Event, world: World, settings: Settings) -> Evidence:
        """The signals, or what a comment asks for."""
        return (talk.gather if talk.is_talk(event) else gather)(event, world, settings)

    def rules(self, evidence: Evidence, settings: Settings) -> RuleDraft:
        """What the rules find in what would be deployed."""
        return RuleDraft() if evidence.change is None else ruled(evidence.change, settings.config_file)

    def verify(
        self, rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings
    ) -> Gated | Said:
        """The decision, or what is answered to a comment."""
        if talk.is_talk(evidence.event):
            return talk.verify(evidence)
        return verify(rules, answers, evidence, settings)

    def report(self, verdict: Gated | Said, evidence: Evidence, account: Account, settings: Settings) -> Plan:
        """What is published of it."""
        if isinstance(verdict, Said):
            return talk.report(verdict, evidence)
        return report(verdict, evidence, account, settings)


DEPLOY_GATE = DeployGate()
