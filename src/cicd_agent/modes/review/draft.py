"""What a model may say about a change: claims to be proved, in the shape of a strict schema."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from cicd_agent.agent.turns import Draft
from cicd_agent.core.diff import Side
from cicd_agent.core.finding import Category, Severity
from cicd_agent.core.verdict import RiskLevel


def _share(value: float) -> float:
    # A validator and not Field(ge=0, le=1): the strict dialect has no words for bounds.
    if not 0 <= value <= 1:
        raise ValueError("must be between 0 and 1")
    return value


Share = Annotated[float, AfterValidator(_share)]


class ClaimedSide(StrEnum):
    """Which version of the file a quote is from, in words that a model does not confuse."""

    OLD = "old"
    NEW = "new"

    @property
    def side(self) -> Side:
        """The same in the words of the diff."""
        return Side.LEFT if self is ClaimedSide.OLD else Side.RIGHT


class Claim(Draft):
    """One problem that the model says it sees."""

    path: Annotated[str, Field(description="Path of the file, exactly as the exhibit's heading gives it.")]
    side: Annotated[ClaimedSide, Field(description="`new` for added and context lines, `old` for deleted lines.")]
    line: Annotated[int, Field(description="Line number of the quote's last line, from the gutter.")]
    quote: Annotated[
        str, Field(description="The code the claim is about, copied character for character, without the gutter.")
    ]
    severity: Severity
    category: Category
    confidence: Annotated[Share, Field(description="How sure you are that a maintainer would agree, 0 to 1.")]
    title: Annotated[str, Field(description="The problem in one line, without the path.")]
    explanation: Annotated[str, Field(description="What goes wrong, when, and why; two to four sentences.")]
    advice: Annotated[str | None, Field(description="What to do instead, in one sentence.")]
    suggestion: Annotated[str | None, Field(description="Replacement for exactly the quoted lines, or null.")]


class ClaimedStrength(Draft):
    """One thing that the model says is done well."""

    path: str
    quote: Annotated[str, Field(description="Added code that shows it, copied like a finding's.")]
    what: Annotated[str, Field(description="What is done well, in one plain sentence.")]


class ReviewDraft(Draft):
    """The answer to the question that looks for bugs."""

    summary: Annotated[str, Field(description="What the change does, in one or two sentences, from its code alone.")]
    findings: Annotated[tuple[Claim, ...], Field(description="Worst first; empty when nothing is wrong.")]
    strengths: Annotated[tuple[ClaimedStrength, ...], Field(description="At most two; mostly empty.")] = ()
    risk_level: Annotated[RiskLevel, Field(description="How much could break if this were deployed now.")]
    confidence: Annotated[Share, Field(description="How sure you are that nothing important was missed.")]
    escalate_to_human: Annotated[bool, Field(description="Whether a person has to look before this is merged.")]
    escalation_reason: Annotated[str | None, Field(description="Why, in one sentence, if escalate_to_human.")]

    @property
    def unsettled(self) -> str:
        """The model's own word that a person has to look."""
        return (self.escalation_reason or "it gives no reason") if self.escalate_to_human else ""
