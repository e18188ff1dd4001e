"""The deterministic floor of a review: what rules and other tools find in a change, and its risky areas."""

from cicd_agent.analysis.rules.run import RuleDraft, ruled
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.review.sarif_tools import proven
from cicd_agent.settings.schema import Settings


def rules(evidence: Evidence, settings: Settings) -> RuleDraft:
    """Run every rule over the change; what other tools found in it stands beside that."""
    if evidence.change is None:
        return RuleDraft()
    draft = ruled(evidence.change, settings.config_file)
    found = (*draft.findings, *proven(evidence.findings, evidence.change))
    return draft.model_copy(update={"findings": found})
