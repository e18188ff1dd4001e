"""What a review proves for later runs."""

from collections.abc import Iterator

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.shared.fact_values import number, risk_values


def facts(verdict: Verdict, evidence: Evidence) -> Iterator[Fact]:
    event = evidence.event
    values = {
        "decision": verdict.decision,
        **risk_values(verdict.risk),
        "blocking": str(len(verdict.blocking)),
        "findings": str(len(verdict.findings)),
        "confidence": number(verdict.confidence),
    }
    yield Fact("", FactKind.REVIEW, event.sha, 0, sha=event.sha, ref=event.head.name, values=values)
