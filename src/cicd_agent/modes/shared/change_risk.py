"""The risk of a change by one definition: every mode that gives a level gives this one, or a higher one."""

from collections.abc import Iterable

from cicd_agent.analysis.risk.assessment import Floor, assess, floors
from cicd_agent.analysis.risk.team_policy import team_floors
from cicd_agent.analysis.rules import coverage
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import weighed
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.verdict import Risk
from cicd_agent.modes.shared.change_reader import changed, unanalysed
from cicd_agent.settings.schema import Settings


def change_risk(
    rules: RuleDraft,
    evidence: Evidence,
    settings: Settings,
    findings: Iterable[Finding] = (),
    raised: Iterable[Floor] = (),
) -> Risk:
    """The risk by the rules and the repository's history; what a mode knows beside them can raise it, never lower it.

    `findings` are those of models and other tools, `raised` the floors that only this mode sees.
    """
    change = changed(evidence)
    _, weighty = weighed(rules, change, settings)
    areas, of_team = team_floors(rules.areas, change, settings)
    minimums = [
        *floors(areas, weighty, settings.min_confidence),
        *of_team,
        *coverage.floors_of(unanalysed(change, settings)),
        *floors((), findings, settings.min_confidence),
        *raised,
    ]
    levels = settings.risk.levels
    bounds = (levels.medium, levels.high, levels.critical) if levels else None
    return assess(change, minimums, evidence.history, evidence.learnt, bounds)


def describe_risk(risk: Risk) -> str:
    return f"{risk.level} {describe_score(risk)}"


def describe_score(risk: Risk) -> str:
    """The score, and the share of the last changes that were less risky: "(41, above 63 %)"."""
    return f"({risk.score}{f', above {risk.percentile} %' if risk.percentile is not None else ''})"
