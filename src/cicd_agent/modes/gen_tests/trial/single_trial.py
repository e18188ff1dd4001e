"""Tries each candidate by itself: its text, then one run of it alone, and of what fails another before the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.python_tests.documentation.check import contradiction
from cicd_agent.analysis.python_tests.mutation.mutants import is_trivial
from cicd_agent.analysis.python_tests.placement import NotPlaceable, place
from cicd_agent.analysis.python_tests.static.check import objection
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle
from cicd_agent.domain.trials.test_run import Outcome, PytestRun, RunResult
from cicd_agent.modes.gen_tests.trial.contribution import Slot, coverage_targets_of, slot_of, surroundings_of
from cicd_agent.modes.gen_tests.trial.repair import repaired
from cicd_agent.modes.gen_tests.trial.run_verdict import MAX_SECONDS, is_of, judge

MIN_SECONDS = 5.0
"""Seconds below which the test runner starts nothing."""
MAX_MUTANTS = 60
"""Mutants that one candidate is tried against."""
NO_TIME = "no time was left to try it"
_FOR_A_MUTANT = 0.2


@dataclass(frozen=True, slots=True)
class IsolatedTest:
    """A candidate in a module of its own: the path of that, its text, and the node id of the test in it."""

    candidate: Candidate
    path: str
    text: str
    test: str


_Trial = tuple[IsolatedTest, PytestRun]


def screen(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, *, seconds: float = 30.0
) -> tuple[CandidateReport, ...]:
    """One report for each candidate, in their order: how far it came by itself.

    One that failed for a reason that needs no judgement stands in its repaired form, which has another key. `seconds`
    is what one process may take, mutants aside.
    """
    reports = _reports(candidates, evidence, pytest_runner, seconds)
    base = passes_on_base(
        [report.candidate for report in reports if _is_failing(report)], evidence, pytest_runner, seconds
    )
    reports = [
        replace(report, passes_on_base=base.get(report.candidate.key)) if _is_failing(report) else report
        for report in reports
    ]
    repairs = {
        report.candidate.key: repair
        for report in reports
        if _is_failing(report) and (repair := _repair(report, evidence))
    }
    again = dict(zip(repairs, _reports(list(repairs.values()), evidence, pytest_runner, seconds), strict=True))
    return tuple(_better(report, again.get(report.candidate.key)) for report in reports)


def _is_failing(report: CandidateReport) -> bool:
    return report.stopped in {Hurdle.COLLECTS, Hurdle.PASSES} and bool(report.fails_with)


def _reports(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, seconds: float
) -> list[CandidateReport]:
    reports: dict[int, CandidateReport] = {}
    trials: dict[int, _Trial] = {}
    for number, candidate in enumerate(candidates):
        if any(candidate.key == each.key for each in candidates[:number]):
            reports[number] = CandidateReport(candidate, Hurdle.ADDS, "it is the same as one before it")
            continue
        isolated = _by_its_text(candidate, evidence)
        if isinstance(isolated, CandidateReport):
            reports[number] = isolated
        else:
            trials[number] = isolated, _run_of(isolated, evidence, seconds)
    results = _results(list(trials.values()), pytest_runner)
    for (number, (isolated, _)), result in zip(trials.items(), results, strict=True):
        candidate = isolated.candidate
        if isinstance(result, str):
            reports[number] = CandidateReport(candidate, Hurdle.TRIED, result)
        else:
            reports[number] = judge(candidate, isolated.test, result, coverage_targets_of(candidate.path, evidence))
    return [reports[number] for number in range(len(candidates))]


def _by_its_text(candidate: Candidate, evidence: Evidence) -> CandidateReport | IsolatedTest:
    """Where it is to be tried, or the report on why it is not."""
    around = surroundings_of(candidate, evidence)
    if problem := objection(candidate, around):
        return CandidateReport(candidate, problem.hurdle, problem.reason)
    if reason := contradiction(candidate, around.source):
        return CandidateReport(candidate, Hurdle.STATIC, reason)
    try:
        return isolate(candidate, slot_of(candidate, evidence))
    except NotPlaceable as error:
        return CandidateReport(candidate, Hurdle.STATIC, str(error))


def _run_of(isolated: IsolatedTest, evidence: Evidence, seconds: float) -> PytestRun:
    """Against the mutants of its own function first."""
    candidate = isolated.candidate
    mutants = sorted(
        coverage_targets_of(candidate.path, evidence).mutants,
        key=lambda one: (one.function != candidate.function, is_trivial(one)),
    )[:MAX_MUTANTS]
    return PytestRun(
        f"alone {candidate.key}",
        (isolated.test,),
        measured=(candidate.path,),
        mutants=tuple(mutants),
        seconds=seconds + _FOR_A_MUTANT * len(mutants),
    )


def isolate(candidate: Candidate, slot: Slot, *, before: bool = False) -> IsolatedTest:
    """The candidate beside its home. Raises NotPlaceable; `before` the change it stands for itself when it has to."""
    path = slot.sibling(candidate.key)
    try:
        placement = place(slot.base_text if before else slot.text, [candidate])
    except NotPlaceable:
        if not before:
            raise
        placement = place(None, [candidate])
    return IsolatedTest(candidate, path, placement.text, f"{path}::{placement.names[0]}")


def _results(trials: Sequence[_Trial], pytest_runner: PytestRunner) -> Sequence[RunResult | str]:
    """For each what came of it, or why nothing did."""
    if not trials:
        return ()
    if pytest_runner.seconds_left < MIN_SECONDS:
        return [NO_TIME] * len(trials)
    try:
        files = {isolated.path: isolated.text for isolated, _ in trials}
        results = _retimed(trials, pytest_runner.run([run for _, run in trials], files), pytest_runner)
    except PytestUnavailable as error:
        return [str(error)] * len(trials)
    return [NO_TIME if was_not_begun(result, pytest_runner) else result for result in results]


def _retimed(
    trials: Sequence[_Trial], results: Sequence[RunResult], pytest_runner: PytestRunner
) -> Sequence[RunResult]:
    """The results, where a test that took long has the shorter of two times: a machine may be busy, once."""
    slow = {
        index: replace(trials[index][1], name=f"again {index}", mutants=(), measured=())
        for index, result in enumerate(results)
        if result.completed
        and any(test.seconds > MAX_SECONDS and test.outcome is Outcome.PASSED for test in result.tests)
    }
    if not slow or pytest_runner.seconds_left < MIN_SECONDS:
        return results
    files = {trials[index][0].path: trials[index][0].text for index in slow}
    collected = list(results)
    for index, again in zip(slow, pytest_runner.run(list(slow.values()), files), strict=True):
        times = {test.nodeid: test.seconds for test in again.tests}
        tests = [
            replace(test, seconds=min(test.seconds, times.get(test.nodeid, test.seconds)))
            for test in results[index].tests
        ]
        collected[index] = replace(results[index], tests=tuple(tests))
    return collected


def was_not_begun(result: RunResult, pytest_runner: PytestRunner) -> bool:
    return not result.completed and not result.seconds and pytest_runner.seconds_left < MIN_SECONDS


def passes_on_base(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, seconds: float
) -> Mapping[str, bool | None]:
    """By key, whether each passes before the change; None where that could not be found out."""
    isolated = {
        candidate.key: isolate(candidate, slot_of(candidate, evidence), before=True) for candidate in candidates
    }
    if not isolated or pytest_runner.seconds_left < MIN_SECONDS:
        return {}
    try:
        return _on_base(isolated, pytest_runner, seconds)
    except PytestUnavailable:
        return {}


def _on_base(
    isolated: Mapping[str, IsolatedTest], pytest_runner: PytestRunner, seconds: float
) -> Mapping[str, bool | None]:
    """In one process, as far as all have an end in it; those that had none, each in its own."""
    # Before the change many cannot be imported, which must not keep the others from running: pytest goes on after
    # that only where files are named. Their other tests are the home's.
    paths = tuple(one.path for one in isolated.values())
    names = " or ".join(sorted({one.test.rpartition("::")[2] for one in isolated.values()}))
    arguments = ("--continue-on-collection-errors", "-k", names)
    together = PytestRun("base", paths, arguments, seconds=seconds + len(paths))
    files = {one.path: one.text for one in isolated.values()}
    (result,) = pytest_runner.run([together], files, at_base=True)
    passes = {key: _passes(one, result) for key, one in isolated.items()}
    unknown = [key for key, passed in passes.items() if passed is None]
    if unknown and len(isolated) > 1 and pytest_runner.seconds_left >= MIN_SECONDS:
        runs = [PytestRun(f"base {key}", (isolated[key].test,), seconds=seconds) for key in unknown]
        results = pytest_runner.run(runs, files, at_base=True)
        passes |= {key: _passes(isolated[key], each) for key, each in zip(unknown, results, strict=True)}
    return passes


def _passes(isolated: IsolatedTest, result: RunResult) -> bool | None:
    own = [one for one in result.tests if is_of(one.nodeid, isolated.test) or one.nodeid == isolated.path]
    if not result.completed or not own or any(one.outcome is Outcome.SKIPPED for one in own):
        return None
    return all(one.outcome is Outcome.PASSED for one in own)


def _repair(report: CandidateReport, evidence: Evidence) -> Candidate | None:
    """The repaired form of a failing candidate. What holds before the change is no mistake of the candidate's."""
    if report.passes_on_base and report.candidate.expectation is Expectation.CODE:
        return None
    around = surroundings_of(report.candidate, evidence)
    return repaired(report, around.source, around.module)


def _better(report: CandidateReport, again: CandidateReport | None) -> CandidateReport:
    if not again:
        return report
    if again.stands:
        return replace(again, origin_key=report.candidate.key)
    reason = f"{report.reason}; repaired ({again.candidate.why}) it was stopped, too: {again.reason}"
    return replace(report, reason=reason)
