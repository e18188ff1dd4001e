"""Judges what one run has shown of one candidate: how far it came, by what our own runner saw."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.python_tests.mutation.mutants import is_trivial
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Hurdle
from cicd_agent.domain.trials.test_run import Fate, Outcome, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.trial.contribution import CoverageTargets

NO_MUTANTS = "no fault can be put into what it executes, so that executing it was enough"
"""The remark on a test that kills nothing, since there is nothing to be killed."""

_ASSERTED = frozenset({"AssertionError", "Failed", "ExceptionGroup", "BaseExceptionGroup"})
"""What a test raises itself; Failed is pytest's, when nothing was raised that should have been."""
MAX_SECONDS = 1.0
"""That a test may take."""
_NO_PROOF = frozenset({"", "timeout", "crash", "signal"})


def is_of(nodeid: str, test: str) -> bool:
    return nodeid == test or (nodeid.startswith(f"{test}[") and nodeid.endswith("]"))


def judge(candidate: Candidate, test: str, result: RunResult, targets: CoverageTargets) -> CandidateReport:
    """The report on a candidate that ran alone, as the test with the node id `test`."""
    report = CandidateReport(candidate, runs=1)
    own = [one for one in result.tests if is_of(one.nodeid, test)]
    if result.left or result.processes_left:
        what = f"changes files of the tree: {', '.join(result.left[:3])}" if result.left else "leaves a process running"
        return _stopped(report, Hurdle.CLEAN, f"it {what}")
    if not result.completed:
        return _stopped(report, Hurdle.PASSES, f"its run came to no end: {result.problem or 'nobody knows why'}")
    strange = [one for one in result.tests if not is_of(one.nodeid, test)]
    if not own or strange or not all(is_of(nodeid, test) for nodeid in result.collected):
        errors = [one for one in strange if one.outcome is Outcome.ERROR]
        what = "it cannot be collected" if errors else "it collects something else than the test that it declares"
        return _stopped(report, Hurdle.COLLECTS, what, errors)
    if red := [one for one in own if one.outcome is not Outcome.PASSED]:
        what = "fails" if red[0].outcome in {Outcome.FAILED, Outcome.ERROR} else f"ends as {red[0].outcome}"
        return _stopped(report, Hurdle.PASSES, f"it {what}", red)
    report = _worth(replace(report, passed=1), result, targets)
    if report.stands and (slowest := max(one.seconds for one in own)) > MAX_SECONDS:
        return _stopped(report, Hurdle.QUICK, f"it takes {slowest:.2f} s, where {MAX_SECONDS:.2f} s are allowed")
    return report


def _worth(report: CandidateReport, result: RunResult, targets: CoverageTargets) -> CandidateReport:
    """What a test that passes is good for."""
    covered = [file for file in result.coverage if file.path == report.candidate.path]
    executed = {line for file in covered for line in file.executed}
    taken = {branch for file in covered for branch in file.taken}
    killed = {one.id for one in result.mutants if one.fate is Fate.KILLED and _proves(one.exception)}
    report = replace(
        report,
        lines=tuple(sorted(executed & targets.lines)),
        branches=tuple(sorted(taken & targets.branches)),
        kills=tuple(one.id for one in targets.mutants if one.id in killed),
    )
    if not (report.lines or report.branches or any(one.line in executed for one in targets.mutants)):
        return _stopped(report, Hurdle.COVERS, "it executes nothing that was not tested before")
    if not targets.mutants:
        return replace(report, reason=NO_MUTANTS)
    if reason := _unnoticed(report, result, targets) or _unasserted(report, result, targets):
        return _stopped(report, Hurdle.KILLS, reason)
    return report


def _proves(exception: str) -> bool:
    return exception not in _NO_PROOF and not exception.startswith("SIG")


def _unnoticed(report: CandidateReport, result: RunResult, targets: CoverageTargets) -> str:
    """Why what the test notices is too little, "" when it is enough."""
    kills = [one for one in targets.mutants if one.id in report.kills]
    ran = {one.id for one in result.mutants if one.fate is not Fate.NOT_RUN}
    function = report.candidate.function
    own = [one for one in targets.mutants if one.function == function or one.function.startswith(f"{function}.")]
    telling = [one for one in own or targets.mutants if not is_trivial(one)]
    trivial = all(map(is_trivial, kills))
    # An error that is expected is all that there is to a line that raises it.
    if trivial and any(one.operator == "raise" for one in kills) and ran.isdisjoint(one.id for one in telling):
        return ""
    if not kills or (telling and trivial):
        examples = ", ".join(f"line {one.line}: {one.words}" for one in (telling or targets.mutants)[:2])
        return f"it would pass just as well with faults in the changed lines ({examples})"
    fresh = {one.id for one in targets.mutants if one.line in targets.lines and one.line in report.lines}
    older = any(one.line not in targets.lines for one in kills)
    if fresh and not older and fresh.isdisjoint(one.id for one in kills):
        return "it executes lines that nothing executed before, and would pass whatever they do"
    return ""


def _unasserted(report: CandidateReport, result: RunResult, targets: CoverageTargets) -> str:
    """Why it is the code alone that complains of faults, "" when the test does: merely calling it notices as much."""
    telling = {one.id: one for one in targets.mutants if not is_trivial(one)}
    asserted = {one.id for one in result.mutants if one.fate is Fate.KILLED and one.exception in _ASSERTED}
    missed = [telling[one.id] for one in result.mutants if one.fate is Fate.SURVIVED and one.id in telling]
    own = [one for one in missed if one.function == report.candidate.function]
    if not own or not asserted.isdisjoint(telling):
        return ""
    return f"what it asserts holds with faults, too (line {own[0].line}: {own[0].words}): only errors make it fail"


def _stopped(
    report: CandidateReport, hurdle: Hurdle, reason: str, failing: Sequence[TestOutcome] = ()
) -> CandidateReport:
    """`failing` are the tests that show it."""
    report = replace(report, stopped=hurdle, reason=reason)
    if not failing:
        return report
    first = failing[0]
    message = first.message
    if first.exception and not message.startswith(first.exception):
        message = f"{first.exception}: {message}" if message else first.exception
    reason = f"{reason}: {message}" if message else reason
    return replace(report, reason=reason, fails_with=message, exception=first.exception, where=first.where)
