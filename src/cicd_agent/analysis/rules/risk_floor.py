"""Under which level the risk of a change cannot fall: what areas and findings say of it."""

from collections.abc import Iterable
from dataclasses import replace

from cicd_agent.analysis.risk.risk import Floor
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.paths import Area
from cicd_agent.domain.verdict import Ground, RiskLevel

_CEILINGS = ((0.85, Severity.CRITICAL), (0.7, Severity.HIGH), (0.5, Severity.MEDIUM))


def ceiling(confidence: float) -> Severity:
    """The worst severity that may be claimed at this confidence."""
    return next((severity for least, severity in _CEILINGS if confidence >= least), Severity.LOW)


def capped(severity: Severity, confidence: float) -> Severity:
    """`severity`, but no worse than the confidence carries."""
    return min(severity, ceiling(confidence), key=lambda each: each.rank)


def graded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What rules found, no worse than they are sure of: so every mode grades it, before the settings do."""
    return tuple(replace(each, severity=capped(each.severity, each.confidence)) for each in findings)


def floors(areas: Iterable[Area], findings: Iterable[Finding], min_confidence: float) -> list[Floor]:
    """A floor for each area, and for each finding that is sure enough and not of low severity."""
    found = [Floor(area.floor, f"it {area.reason}") for area in areas]
    return found + [
        Floor(RiskLevel(finding.severity), f"{finding.severity} finding: {finding.title}", Ground.FINDING)
        for finding in findings
        if finding.confidence >= min_confidence and finding.severity is not Severity.LOW
    ]
