"""The risky parts of a product that a change touches: no mistakes, but reasons to look and to test more."""

from cicd_agent.core.comments import is_comment_only
from cicd_agent.core.paths import Area, PathKind
from cicd_agent.core.verdict import RiskLevel
from cicd_agent.modes.rulebook.look import Survey
from cicd_agent.modes.rulebook.supply import lock_without_manifest

_FLOORS = (
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
_NOT_THE_PRODUCT = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE, PathKind.VENDORED})


def areas(survey: Survey) -> tuple[Area, ...]:
    """One area for each kind of risky file; a file with nothing but new comments touches none."""
    touched: dict[PathKind, list[str]] = {}
    for look in survey.looks:
        if look.kinds & _NOT_THE_PRODUCT:
            continue
        found = [kind for kind, _, _ in _FLOORS if kind in look.kinds]
        if found and not is_comment_only(look.file, survey.change):
            for kind in found:
                touched.setdefault(kind, []).append(look.path)
    listed = [
        Area(kind, floor, f"touches {what}", tuple(touched[kind])) for kind, floor, what in _FLOORS if kind in touched
    ]
    locks = lock_without_manifest(survey.change.files)
    if locks:
        listed.append(Area(PathKind.LOCK_FILE, RiskLevel.LOW, "updates locked dependencies only", locks))
    return tuple(listed)
