"""Under which level the risk of a change cannot fall: what areas and findings say of it."""

from collections.abc import Iterable

from cicd_agent.core.finding import Finding, Severity
from cicd_agent.core.paths import Area
from cicd_agent.core.risk import Floor
from cicd_agent.core.verdict import Ground, RiskLevel


def floors(areas: Iterable[Area], findings: Iterable[Finding], min_confidence: float) -> list[Floor]:
    """A floor for each area, and for each finding that is sure enough and not of low severity."""
    found = [Floor(area.floor, f"it {area.reason}") for area in areas]
    return found + [
        Floor(RiskLevel(finding.severity), f"{finding.severity} finding: {finding.title}", Ground.FINDING)
        for finding in findings
        if finding.confidence >= min_confidence and finding.severity is not Severity.LOW
    ]
