"""The deployment gate: signals go in, proceed, hold or rollback comes out, and only rules may say proceed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.verdict import ChatReply
from cicd_agent.modes.deploy_gate import comment_commands
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import facts
from cicd_agent.modes.deploy_gate.gather import declines, gather
from cicd_agent.modes.deploy_gate.page import page
from cicd_agent.modes.deploy_gate.questions import questions
from cicd_agent.modes.deploy_gate.report import OUTPUTS, report
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult
from cicd_agent.modes.deploy_gate.verdict import rules, verify
from cicd_agent.modes.protocol import Account, Mode, Ports
from cicd_agent.modes.shared.change_reader import change_tools
from cicd_agent.settings.schema import Settings


class DeployGate(Mode[RuleDraft]):
    name = "deploy-gate"
    fails_closed = True
    outputs = OUTPUTS
    unproved: Mapping[str, str] = MappingProxyType({"decision": GateDecision.HOLD, "requires_approval": "false"})
    unproved_in_shadow: Mapping[str, str] = MappingProxyType(
        {"decision": GateDecision.PROCEED, "shadow_decision": GateDecision.HOLD, "requires_approval": "false"}
    )
    rule_ids = frozenset({"model", *(rule.id for rule in RULES)})
    declines = staticmethod(declines)
    questions = staticmethod(questions)
    page = staticmethod(page)
    tools = staticmethod(change_tools)
    facts = staticmethod(facts)

    def gather(self, event: Event, ports: Ports, settings: Settings) -> Evidence:
        step = comment_commands.gather if comment_commands.is_approval_comment(event) else gather
        return step(event, ports, settings)

    def rules(self, evidence: Evidence, settings: Settings) -> RuleDraft:
        return rules(evidence, settings)

    def verify(
        self, rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings
    ) -> GateResult | ChatReply:
        if comment_commands.is_approval_comment(evidence.event):
            return comment_commands.verify(evidence)
        return verify(rules, answers, evidence, settings)

    def report(self, verdict: GateResult | ChatReply, evidence: Evidence, account: Account, settings: Settings) -> Plan:
        if isinstance(verdict, ChatReply):
            return comment_commands.report(verdict, evidence)
        return report(verdict, evidence, account, settings)

    def pulls(self, evidence: Evidence) -> frozenset[int]:
        gate = evidence.get(GATE)
        return frozenset(pull.number for pull in gate.pulls) if gate else frozenset()


MODE = DeployGate()
