"""What a model may say about a change: claims to be proved, in the shape of a strict schema."""

from enum import StrEnum

from cicd_agent.agent.messages import Share
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.verdict import Draft, RiskLevel


class ClaimedSide(StrEnum):
    """Which version of the file a quote is from, in words that a model does not confuse."""

    OLD = "old"
    NEW = "new"

    @property
    def side(self) -> Side:
        return Side.LEFT if self is ClaimedSide.OLD else Side.RIGHT

    @classmethod
    def of(cls, side: Side) -> "ClaimedSide":
        return cls.OLD if side is Side.LEFT else cls.NEW


class QuotedCode(Draft):
    """Lines of a file, in the change or looked up."""

    path: str
    quote: str


class Claim(Draft):
    """One problem that the model says it sees. prompt.md says what each field is for, once."""

    path: str
    side: ClaimedSide
    line: int
    quote: str
    severity: Severity
    category: Category
    confidence: Share
    title: str
    explanation: str
    advice: str | None
    suggestion: str | None
    elsewhere: tuple[QuotedCode, ...] = ()


class ClaimedStrength(Draft):
    """One thing that the model says is done well."""

    path: str
    quote: str
    what: str


class ReviewDraft(Draft):
    """The answer to the question that looks for bugs."""

    summary: str
    findings: tuple[Claim, ...]
    strengths: tuple[ClaimedStrength, ...] = ()
    risk_level: RiskLevel
    confidence: Share
    escalate_to_human: bool
    escalation_reason: str | None

    @property
    def unsettled(self) -> str:
        return (self.escalation_reason or "it gives no reason") if self.escalate_to_human else ""
