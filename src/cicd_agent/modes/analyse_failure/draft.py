"""What a model may say about a failed run: claims that cite lines, in the shape of a strict schema."""

from cicd_agent.agent.messages import Share
from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.verdict import Draft
from cicd_agent.modes.analyse_failure.result import Remedy


class Citation(Draft):
    """A line that is said to prove something. prompt.md says what each field is for, once."""

    exhibit: str
    line: int
    quote: str


class ClaimDraft(Draft):
    """One sentence, and where it can be seen to be so."""

    statement: str
    citations: tuple[Citation, ...]


class Fix(Draft):
    """What to do about it; `patch` is a unified diff."""

    kind: Remedy
    description: str
    patch: str | None


class FailureDraft(Draft):
    """The answer to the question why a run failed. What proves it comes first: what is concluded is written after it.

    All words of `failure_type` and `cause` may be said, those that excuse the change too: they are weighed, not obeyed.
    """

    insufficient_evidence: bool
    claims: tuple[ClaimDraft, ...]
    failure_type: Kind
    cause: Cause
    root_cause: str
    responsible_commit: str | None
    affected_files: tuple[str, ...]
    fix: Fix
    confidence: Share
    escalate: str | None

    @property
    def unsettled(self) -> str:
        return self.escalate or ("the model finds the evidence insufficient" if self.insufficient_evidence else "")
