"""The least risk that paths, areas and findings stand for, whatever the model says."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.paths import Area, PathKind
from cicd_agent.domain.verdict import Ground, RiskLevel

FLOORS = (
    (PathKind.OWN_CONFIG, RiskLevel.HIGH, "the rules of this review"),
    (PathKind.MIGRATION, RiskLevel.HIGH, "a database migration"),
    (PathKind.AUTH, RiskLevel.HIGH, "authentication or permissions"),
    (PathKind.API_CONTRACT, RiskLevel.HIGH, "the contract of an API"),
    (PathKind.INFRASTRUCTURE, RiskLevel.HIGH, "infrastructure"),
    (PathKind.WORKFLOW, RiskLevel.MEDIUM, "the workflows that build and release"),
    (PathKind.DOCKERFILE, RiskLevel.MEDIUM, "how the image is built"),
    (PathKind.ENV_CONFIG, RiskLevel.MEDIUM, "settings of the running program"),
    (PathKind.DEPENDENCY_MANIFEST, RiskLevel.MEDIUM, "the dependencies"),
)
"""Kind, floor, and what is touched in words, in the order of a report."""

_NOT_THE_PRODUCT = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE, PathKind.VENDORED})


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule's word that the risk is at least `level`; `reason` says why, in words that stand alone."""

    level: RiskLevel
    reason: str
    ground: Ground = Ground.AREA


def risky_kinds(kinds: AbstractSet[PathKind]) -> Iterator[PathKind]:
    """Those of a file's kinds that have a floor, in the order of the table; none where it is not the product's."""
    if not kinds & _NOT_THE_PRODUCT:
        yield from (kind for kind, _, _ in FLOORS if kind in kinds)


def floor_of(kinds: AbstractSet[PathKind]) -> RiskLevel:
    """The floor under a file of these kinds."""
    if kinds & _NOT_THE_PRODUCT:
        return RiskLevel.LOW
    levels = (level for kind, level, _ in FLOORS if kind in kinds)
    return max(levels, key=lambda level: level.rank, default=RiskLevel.LOW)


def floors(areas: Iterable[Area], findings: Iterable[Finding], min_confidence: float) -> list[Floor]:
    """A floor for each area, and for each finding that is sure enough and not of low severity."""
    results = [Floor(area.floor, f"it {area.reason}") for area in areas]
    return results + [
        Floor(RiskLevel(finding.severity), f"{finding.severity} finding: {finding.title}", Ground.FINDING)
        for finding in findings
        if finding.confidence >= min_confidence and finding.severity is not Severity.LOW
    ]
