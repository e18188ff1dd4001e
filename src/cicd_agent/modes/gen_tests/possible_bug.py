"""Tells a wrong test from one that has found something: a candidate that fails may be right."""

from cicd_agent.analysis.python_tests.documentation.check import says
from cicd_agent.domain.candidate import CandidateReport, Expectation, Hurdle, Origin
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.gen_tests.exhibits import words_of
from cicd_agent.modes.gen_tests.result import BugGround

_OF_THE_TEST = frozenset(
    {"NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "fixture", "UsageError"}
)
"""What a test that is wrong in itself raises."""

_AGAINST_TYPES = {origin: frozenset({"AssertionError"}) for origin in Origin} | {
    Origin.MODEL: frozenset({"AssertionError", "TypeError", "AttributeError"})
}
"""What contradicts types: to refuse a value of the right type is no mistake, unless somebody says which and why."""


def bug_ground(report: CandidateReport, evidence: Evidence) -> BugGround | None:
    """Why a candidate that fails on the change may be right, None when nothing speaks for it.

    What it says of its expectation counts only if the words that it quotes stand where it says.
    """
    candidate = report.candidate
    if report.stopped is not Hurdle.PASSES or not report.fails_with or report.exception in _OF_THE_TEST:
        return None
    if report.passes_on_base:
        return BugGround.PASSES_ON_BASE
    if candidate.expectation is Expectation.CODE and candidate.origin is not Origin.DOCUMENTED:
        return None
    if candidate.expectation is Expectation.TYPES and report.exception not in _AGAINST_TYPES[candidate.origin]:
        return None
    source = evidence.change.texts.get(candidate.path, "") if evidence.change else ""
    words = words_of(evidence.event) if candidate.expectation is Expectation.PULL_REQUEST else ""
    return BugGround.DOCUMENTED if says(source, candidate.function, candidate.quote, words) else None
