"""The risky parts of a product that a change touches: no mistakes, but reasons to look and to test more."""

from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.analysis.risk.path_floors import FLOORS, risky_kinds
from cicd_agent.analysis.rules.context import Survey
from cicd_agent.analysis.rules.supply_chain import lock_without_manifest
from cicd_agent.domain.paths import Area, PathKind
from cicd_agent.domain.verdict import RiskLevel


def areas(survey: Survey) -> tuple[Area, ...]:
    """One area for each kind of risky file; a file with nothing but new comments touches none."""
    touched: dict[PathKind, list[str]] = {}
    for look in survey.looks:
        found = list(risky_kinds(look.kinds))
        if found and not is_comment_only(look.file, survey.change):
            for kind in found:
                touched.setdefault(kind, []).append(look.path)
    listed = [
        Area(kind, floor, f"touches {what}", tuple(touched[kind])) for kind, floor, what in FLOORS if kind in touched
    ]
    locks = lock_without_manifest(survey.change.files)
    if locks:
        listed.append(Area(PathKind.LOCK_FILE, RiskLevel.LOW, "updates locked dependencies only", locks))
    return tuple(listed)
