"""Turns a change's risk into a plan: the routing table, the config's cells in its place, and the areas."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.risk.assessment import Floor, assess
from cicd_agent.analysis.risk.inert import is_inert
from cicd_agent.analysis.risk.team_policy import affected_services
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from cicd_agent.modes.route.result import Cells, RouteResult, TestScope
from cicd_agent.modes.route.table import area_runs, build_for, planned, unreadable_areas
from cicd_agent.modes.shared.change_risk import change_risk
from cicd_agent.settings.schema import Settings

_NOTHING = Change(base="", head="", source=ChangeSource.GIT, files=())
_UNGATHERED = RouteEvidence(("the evidence holds nothing that routing looks at",))


def verify(rules: RuleDraft, _answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> RouteResult:
    """The plan. No answer of a model has a part in it."""
    route, change = evidence.get(ROUTE_EVIDENCE) or _UNGATHERED, evidence.change
    risk = _risk(rules, evidence, settings)
    # Evidence may come from a file: without a change there is always a doubt, whatever that says.
    unknown = () if change is not None or route.doubts else ("the change is not known",)
    doubts = tuple(dict.fromkeys((*route.doubts, *unknown, *unreadable_areas(settings))))
    inert = change is not None and not doubts and risk.level is RiskLevel.LOW and is_inert(change)
    cells, named = planned(risk.level, settings, is_inert=inert)
    result = RouteResult(
        conclusion=Conclusion.NEUTRAL if doubts else Conclusion.SUCCESS,
        risk=risk,
        cells=cells,
        tests_why="",
        build_why="",
        areas=area_runs(change, settings, everything=bool(doubts)),
        doubts=doubts,
        overridden=named,
        services=affected_services(change, settings),
    )
    return _certain(result, change, route.affected) if change is not None and not doubts else _in_doubt(result)


def _risk(rules: RuleDraft, evidence: Evidence, settings: Settings) -> Risk:
    if evidence.change is None:
        # What is not known is a risk, and never a small one.
        unknown = Floor(RiskLevel.HIGH, "it is not known what changes")
        return assess(_NOTHING, [unknown], evidence.history, evidence.learnt)
    return change_risk(rules, evidence, settings)


def _in_doubt(result: RouteResult) -> RouteResult:
    """The full plan; how it is let out stays what it is for the level."""
    extended = result.cells.tests == "extended" or result.risk.level.rank >= RiskLevel.HIGH.rank
    cells = replace(result.cells, tests="extended" if extended else "full", build="full")
    reason = f"in doubt: {result.doubts[0]}"
    return replace(result, cells=cells, tests_why=reason, build_why=reason)


def _certain(result: RouteResult, change: Change, affected: AffectedTests | None) -> RouteResult:
    build, build_reason = build_for(change)
    if "build" in result.overridden:
        build, build_reason = result.cells.build, "set in the configuration"
    tests, tests_reason = _tests(result.cells, result.overridden, affected)
    cells = replace(result.cells, tests=tests, build=build)
    # What would be done with a map that is proved.
    is_unproved = (
        result.cells.tests == "affected" and affected is not None and not (affected.run_all or affected.proved)
    )
    return replace(
        result,
        cells=cells,
        tests_why=tests_reason,
        build_why=build_reason,
        select=affected.select if affected is not None and tests == "affected" else (),
        would_be=replace(cells, tests="affected") if is_unproved else None,
    )


def _tests(cells: Cells, named: Sequence[str], affected: AffectedTests | None) -> tuple[TestScope, str]:
    if cells.tests == "none" and "tests" not in named:
        return "none", "nothing that runs has changed"
    if cells.tests != "affected":
        return cells.tests, "set in the configuration" if "tests" in named else "for this level of risk"
    if affected is None:
        return "full", "there is no test map"
    if affected.run_all:
        return "full", affected.run_all[0]
    if not affected.proved:
        return "full", f"the test map is not proved yet ({affected.proof or 'no shadow run'})"
    return "affected", affected.proof or "the test map is proved"
