"""What a model may say about a deployment: reasons against it that quote evidence, and how sure it would proceed."""

from cicd_agent.agent.messages import Share
from cicd_agent.domain.verdict import Draft, RiskLevel


class ObjectionDraft(Draft):
    """One reason not to deploy, and the line that shows it. prompt.md says what each field is for, once."""

    source: str
    quote: str
    text: str


class GateDraft(Draft):
    """The assessment of a deployment. What speaks against it comes first: how sure it is, is said after it."""

    objections: tuple[ObjectionDraft, ...]
    pre_deploy_checks: tuple[str, ...]
    monitoring_focus: tuple[str, ...]
    rollback_trigger: str
    summary: str
    risk_level: RiskLevel
    confidence_in_proceeding: Share
    escalate_to_human: bool

    @property
    def unsettled(self) -> str:
        """Why the model says that a person has to look."""
        return "the model asks for a person" if self.escalate_to_human else ""
