"""Which of the rules' findings stand and which weigh all the same, for every mode that goes by rules alone."""

from collections.abc import Mapping

from cicd_agent.analysis.rules.risk_floor import graded
from cicd_agent.analysis.rules.rollout import NEW
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.change import Change
from cicd_agent.domain.finding import Finding
from cicd_agent.modes.shared.suppression import silence
from cicd_agent.settings.schema import Settings


def weighed(
    rules: RuleDraft, change: Change, settings: Settings, new: Mapping[str, str] = NEW
) -> tuple[list[Finding], list[Finding]]:
    """The findings that stand, and all that weigh: the author of the change may have silenced some."""
    standing, suppressed = silence(graded(rules.findings), change, settings, new)
    return standing, [*standing, *(each.finding for each in suppressed if each.weighs)]
