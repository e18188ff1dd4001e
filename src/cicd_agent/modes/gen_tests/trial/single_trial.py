"""Tries each candidate by itself: its text, then one run of it alone, and of what fails another before the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.python_tests.documentation.check import contradiction
from cicd_agent.analysis.python_tests.mutation.mutants import is_trivial
from cicd_agent.analysis.python_tests.placement import NotPlaceable, Placement, place
from cicd_agent.analysis.python_tests.static.check import objection
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle
from cicd_agent.domain.trials.test_run import Mutant, Outcome, PytestRun, RunResult
from cicd_agent.modes.gen_tests.trial.contribution import (
    CoverageTargets,
    Slot,
    coverage_targets_of,
    slot_of,
    surroundings_of,
)
from cicd_agent.modes.gen_tests.trial.repair import repaired
from cicd_agent.modes.gen_tests.trial.run_verdict import is_of, judged

MIN_SECONDS = 5.0
"""Seconds below which the test runner starts nothing."""
MAX_MUTANTS = 60
"""Mutants that one candidate is tried against."""
NO_TIME = "no time was left to try it"

_FOR_A_MUTANT = 0.2
SWIFT = 1.0
"""Seconds that a test may take."""


@dataclass(frozen=True, slots=True)
class IsolatedTest:
    """A candidate in a module of its own: the path of that, its text, and the node id of the test in it."""

    candidate: Candidate
    path: str
    text: str
    test: str


def screen(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, *, seconds: float = 30.0
) -> tuple[CandidateReport, ...]:
    """One report for each candidate, in their order: how far it came by itself.

    One that failed for a reason that needs no judgement stands in its repaired form, which has another key. `seconds`
    is what one process may take, mutants aside.
    """
    reports = _screened(candidates, evidence, pytest_runner, seconds)
    failing = [report for report in reports if report.stopped in {Hurdle.COLLECTS, Hurdle.PASSES} and report.fails_with]
    base = passes_on_base([report.candidate for report in failing], evidence, pytest_runner, seconds)
    reports = tuple(
        replace(report, passes_on_base=base.get(report.candidate.key, report.passes_on_base))
        if report in failing
        else report
        for report in reports
    )
    mended = {
        report.candidate.key: result
        for report in reports
        if report in failing or report.passes_on_base is not None
        if (result := _mended(report, evidence))
    }
    again = dict(zip(mended, _screened(tuple(mended.values()), evidence, pytest_runner, seconds), strict=True))
    return tuple(_better(report, again.get(report.candidate.key)) for report in reports)


def passes_on_base(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, seconds: float
) -> Mapping[str, bool | None]:
    """By key, whether each passes before the change; None where that could not be found out."""
    alone = {candidate.key: alone_at(candidate, slot_of(candidate, evidence), before=True) for candidate in candidates}
    if not alone or pytest_runner.seconds_left < MIN_SECONDS:
        return {}
    try:
        return _on_base(alone, pytest_runner, seconds)
    except PytestUnavailable:
        return {}


def _on_base(
    alone: Mapping[str, IsolatedTest], pytest_runner: PytestRunner, seconds: float
) -> Mapping[str, bool | None]:
    """In one process, as far as all have an end in it; those that had none, each in its own."""
    # Before the change many cannot be imported, which must not keep the others from running: pytest goes on after
    # that only where files are named. Their other tests are the home's.
    paths = tuple(one.path for one in alone.values())
    names = " or ".join(sorted({one.test.rpartition("::")[2] for one in alone.values()}))
    arguments = ("--continue-on-collection-errors", "-k", names)
    together = PytestRun("base", paths, arguments, seconds=seconds + len(paths))
    files = {one.path: one.text for one in alone.values()}
    (result,) = pytest_runner.run([together], files, at_base=True)
    collected = {key: _passes(one, result) for key, one in alone.items()}
    unknown = {key: alone[key] for key, passes in collected.items() if passes is None}
    if unknown and len(alone) > 1 and pytest_runner.seconds_left >= MIN_SECONDS:
        runs = [PytestRun(f"base {key}", (one.test,), seconds=seconds) for key, one in unknown.items()]
        results = pytest_runner.run(runs, files, at_base=True)
        collected |= {key: _passes(one, each) for (key, one), each in zip(unknown.items(), results, strict=True)}
    return collected


def alone_at(candidate: Candidate, slot: Slot, *, before: bool = False) -> IsolatedTest:
    """The candidate beside its home. Raises NotPlaceable; `before` the change it stands for itself when it has to."""
    path = slot.sibling(candidate.key)
    try:
        placement = place(slot.base_text if before else slot.text, [candidate])
    except NotPlaceable:
        if not before:
            raise
        placement = place(None, [candidate])
    return _alone(candidate, path, placement)


def _alone(candidate: Candidate, path: str, placement: Placement) -> IsolatedTest:
    return IsolatedTest(candidate, path, placement.text, f"{path}::{placement.names[0]}")


def mutants_for(candidate: Candidate, targets: CoverageTargets) -> tuple[Mutant, ...]:
    """The mutants to try it against: those of its own function first."""
    near = sorted(targets.mutants, key=lambda one: (one.function != candidate.function, is_trivial(one)))
    return tuple(near[:MAX_MUTANTS])


def _screened(
    candidates: Sequence[Candidate], evidence: Evidence, pytest_runner: PytestRunner, seconds: float
) -> tuple[CandidateReport, ...]:
    reports: list[CandidateReport | None] = []
    trials: list[tuple[int, IsolatedTest, PytestRun]] = []
    seen: set[str] = set()
    for number, candidate in enumerate(candidates):
        outcome = _by_its_text(candidate, evidence)
        if candidate.key in seen:
            outcome = CandidateReport(candidate, Hurdle.ADDS, "it is the same as one before it")
        seen.add(candidate.key)
        if isinstance(outcome, CandidateReport):
            reports.append(outcome)
            continue
        reports.append(None)
        mutants = mutants_for(candidate, coverage_targets_of(candidate.path, evidence))
        trials.append(
            (
                number,
                outcome,
                PytestRun(
                    f"alone {candidate.key}",
                    (outcome.test,),
                    measured=(candidate.path,),
                    mutants=mutants,
                    seconds=seconds + _FOR_A_MUTANT * len(mutants),
                ),
            )
        )
    shown = _tried(trials, pytest_runner)
    for (number, alone, _), result in zip(trials, shown, strict=True):
        reports[number] = (
            CandidateReport(alone.candidate, Hurdle.TRIED, result)
            if isinstance(result, str)
            else judged(
                alone.candidate,
                alone.test,
                result,
                coverage_targets_of(alone.candidate.path, evidence),
                is_trivial=is_trivial,
                swift=SWIFT,
            )
        )
    return tuple(report for report in reports if report)


def _tried(
    trials: Sequence[tuple[int, IsolatedTest, PytestRun]], pytest_runner: PytestRunner
) -> Sequence[RunResult | str]:
    """For each what was seen of it, or why nothing was."""
    if not trials:
        return ()
    if pytest_runner.seconds_left < MIN_SECONDS:
        return [NO_TIME] * len(trials)
    try:
        results = pytest_runner.run([run for _, _, run in trials], {alone.path: alone.text for _, alone, _ in trials})
    except PytestUnavailable as error:
        return [str(error)] * len(trials)
    timed = _timed_again(trials, results, pytest_runner)
    return [NO_TIME if was_not_begun(result, pytest_runner) else result for result in timed]


def _timed_again(
    trials: Sequence[tuple[int, IsolatedTest, PytestRun]], results: Sequence[RunResult], pytest_runner: PytestRunner
) -> Sequence[RunResult]:
    """The results, where a test that took long has the shorter of two times: a machine may be busy, once."""
    slow = [
        index
        for index, result in enumerate(results)
        if result.completed and any(test.seconds > SWIFT and test.outcome is Outcome.PASSED for test in result.tests)
    ]
    if not slow or pytest_runner.seconds_left < MIN_SECONDS:
        return results
    runs = [replace(trials[index][2], name=f"again {index}", mutants=(), measured=()) for index in slow]
    files = {trials[index][1].path: trials[index][1].text for index in slow}
    collected = list(results)
    for index, again in zip(slow, pytest_runner.run(runs, files), strict=True):
        times = {test.nodeid: test.seconds for test in again.tests}
        tests = (
            replace(test, seconds=min(test.seconds, times.get(test.nodeid, test.seconds)))
            for test in results[index].tests
        )
        collected[index] = replace(results[index], tests=tuple(tests))
    return collected


def was_not_begun(result: RunResult, pytest_runner: PytestRunner) -> bool:
    return not result.completed and not result.seconds and pytest_runner.seconds_left < MIN_SECONDS


def _by_its_text(candidate: Candidate, evidence: Evidence) -> CandidateReport | IsolatedTest:
    """Where it is to be tried, or the report on why it is not."""
    seen = surroundings_of(candidate, evidence)
    if result := objection(candidate, seen):
        return CandidateReport(candidate, result.hurdle, result.reason)
    if reason := contradiction(candidate, seen.source):
        return CandidateReport(candidate, Hurdle.STATIC, reason)
    try:
        return alone_at(candidate, slot_of(candidate, evidence))
    except NotPlaceable as error:
        return CandidateReport(candidate, Hurdle.STATIC, str(error))


def _passes(alone: IsolatedTest, result: RunResult) -> bool | None:
    if not result.completed:
        return None
    own = [one for one in result.tests if is_of(one.nodeid, alone.test) or one.nodeid == alone.path]
    if not own or any(one.outcome is Outcome.SKIPPED for one in own):
        return None
    return all(one.outcome is Outcome.PASSED for one in own)


def _mended(report: CandidateReport, evidence: Evidence) -> Candidate | None:
    """The repaired form of a failing candidate. What holds before the change is no mistake of the candidate's."""
    if report.passes_on_base and report.candidate.expectation is Expectation.CODE:
        return None
    seen = surroundings_of(report.candidate, evidence)
    return repaired(report, seen.source, seen.module)


def _better(report: CandidateReport, again: CandidateReport | None) -> CandidateReport:
    if not again:
        return report
    if again.stands:
        return replace(again, origin_key=report.candidate.key)
    reason = f"{report.reason}; repaired ({again.candidate.why}) it was stopped, too: {again.reason}"
    return replace(report, reason=reason)
