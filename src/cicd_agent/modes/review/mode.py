"""The review mode: a change goes in, findings that can be proved come out; and what is said about them is answered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind, number, risk_values
from cicd_agent.domain.verdict import ChatReply, Verdict
from cicd_agent.modes.protocol import Account, Edits, Mode, Ports
from cicd_agent.modes.review import comments, gather
from cicd_agent.modes.review.incremental_state import save_state
from cicd_agent.modes.review.page import page
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.modes.review.report import OUTPUTS, report
from cicd_agent.modes.review.suggestion import edits
from cicd_agent.modes.review.tool_findings import proven_results
from cicd_agent.modes.review.verdict import verify
from cicd_agent.modes.shared.change_reader import change_tools
from cicd_agent.settings.schema import Settings


class Review(Mode[RuleDraft]):
    """Each step has a module of its own name; what becomes of comments is in `comments`."""

    name = "review"
    fails_on_findings = True
    outputs = OUTPUTS
    rule_ids = frozenset({"model", *(rule.id for rule in RULES)})
    tools = staticmethod(change_tools)
    page = staticmethod(page)

    def declines(self, event: Event, settings: Settings | None = None) -> str | None:
        reason = comments.declines(event, settings) if event.kind in comments.KINDS else None
        return reason or (None if comments.is_chat(event) else gather.declines(event))

    def gather(self, event: Event, world: Ports, settings: Settings) -> Evidence:
        read = comments.gather if comments.is_chat(event) else gather.gather
        return read(event, world, settings)

    def rules(self, evidence: Evidence, settings: Settings) -> RuleDraft:
        """What rules and other tools find in a change, and its risky areas; nobody is answered by rule."""
        if evidence.change is None or comments.is_chat(evidence.event):
            return RuleDraft()
        draft = ruled(evidence.change, settings.config_file, settings.own_rules)
        findings = (*draft.findings, *proven_results(evidence.findings, evidence.change))
        return draft.model_copy(update={"findings": findings})

    def questions(
        self, evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings
    ) -> Sequence[Question[Any]]:
        ask = comments.questions if comments.is_chat(evidence.event) else questions
        return ask(evidence, answers, settings)

    def verify(
        self, rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings
    ) -> Verdict | ChatReply:
        if comments.is_chat(evidence.event):
            return comments.verify(answers, evidence)
        return verify(rules, answers, evidence, settings)

    def save_state(self, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Sequence[str]:
        return () if comments.is_chat(evidence.event) else save_state(answers, evidence, settings)

    def report(self, verdict: Verdict | ChatReply, evidence: Evidence, account: Account, settings: Settings) -> Plan:
        if isinstance(verdict, ChatReply):
            return comments.report(verdict, evidence, account)
        return report(verdict, evidence, account, settings)

    def facts(self, result: Verdict, evidence: Evidence, outputs: Mapping[str, str]) -> Iterable[Fact]:  # noqa: ARG002
        event = evidence.event
        values = {
            "decision": result.decision,
            **risk_values(result.risk),
            "blocking": str(len(result.blocking)),
            "findings": str(len(result.findings)),
            "confidence": number(result.confidence),
        }
        return (Fact("", FactKind.REVIEW, event.sha, 0, sha=event.sha, ref=event.head.name, values=values),)

    def edits(self, result: Verdict | None, evidence: Evidence | None) -> Edits:
        return edits(result, evidence)


MODE = Review()
