"""What a model may say about a deployment, in the shape of a strict schema."""

from typing import Literal

from cicd_agent.agent.turns import Draft, Share


class ObjectionDraft(Draft):
    """A reason not to proceed, and the words that show it; `source` is the exhibit or file that they stand in."""

    text: str
    quote: str
    source: str


class GateDraft(Draft):
    """The answer to the question whether a deployment should proceed."""

    objections: tuple[ObjectionDraft, ...]
    risk_level: Literal["low", "medium", "high", "critical"]
    confidence_in_proceeding: Share
    pre_deploy_checks: tuple[str, ...]
    monitoring_focus: tuple[str, ...]
    rollback_trigger: str
    summary: str
    escalate_to_human: bool
