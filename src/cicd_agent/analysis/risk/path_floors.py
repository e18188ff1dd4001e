"""The least risk that a path alone stands for: a change, and those of the past, are held to one table."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from cicd_agent.domain.paths import PathKind
from cicd_agent.domain.verdict import RiskLevel

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
