"""Tries each candidate by itself: its text, then one run of it alone, and of what fails another before the change."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.contradictions import contradiction
from cicd_agent.analysis.python_tests.mutants import is_trivial
from cicd_agent.analysis.python_tests.placement import NotPlaceable, insert_tests
from cicd_agent.analysis.python_tests.static.check import objection
from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.analysis.python_tests.syntax import compares_results, fixtures
from cicd_agent.analysis.python_tests.test_modules import dotted, new_home
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle
from cicd_agent.domain.trials.test_run import Fate, Mutant, Outcome, Perturbation, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.coverage_targets import home_of
from cicd_agent.modes.gen_tests.evidence import Suite, known
from cicd_agent.modes.gen_tests.trial.repair import repaired
from cicd_agent.modes.shared.change_reader import changed

NO_MUTANTS = "no fault can be put into what it executes, so that executing it was enough"
"""The remark on a test that kills nothing, since there is nothing to be killed."""
_ASSERTED = frozenset({"AssertionError", "Failed", "ExceptionGroup", "BaseExceptionGroup"})
"""What a test raises itself; Failed is pytest's, when nothing was raised that should have been."""
MAX_SECONDS = 1.0
"""That a test may take."""
_NO_PROOF = frozenset({"", "timeout", "crash", "signal"})
MIN_SECONDS = 5.0
"""Seconds below which the test runner starts nothing."""
MAX_MUTANTS = 60
"""Mutants that one candidate is tried against."""
NO_TIME = "no time was left to try it"
_FOR_A_MUTANT = 0.2
ZONES = ("Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns", "Pacific/Pago_Pago", "Europe/Lisbon")
"""Time zones of the trial. The first three are those of every trial, which prompt.md names."""
_TELLS_TIME = re.compile(
    r"^\s*(?:from|import)\s+(?:calendar|datetime|dateutil|email|pytz|time|zoneinfo)\b", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class CoverageTargets:
    """Changed lines and branches of one file that the project's tests do not execute, and mutants they let live."""

    lines: frozenset[int] = frozenset()
    branches: frozenset[tuple[int, int]] = frozenset()
    mutants: tuple[Mutant, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a candidate is tried and would stay. `text` and `base_text` are the home's, None where there is none."""

    home: str
    text: str | None
    base_text: str | None

    def sibling(self, key: str) -> str:
        """A module of its own beside the home, where the same fixtures and helpers are in reach."""
        location = PurePosixPath(self.home)
        return location.with_name(f"{location.stem}__{key[:8]}.py").as_posix()


def coverage_targets_of(path: str, evidence: Evidence) -> CoverageTargets:
    """What is left to do for the file at `path`."""
    suite = known(evidence).suite
    lines = {line.new for file in changed(evidence).files if file.path == path for line in file.added if line.new}
    mutants = tuple(mutant for mutant in surviving(suite) if mutant.path == path)
    coverage = next((file for file in suite.coverage if file.path == path), None)
    if coverage is None:
        return CoverageTargets(frozenset(lines), frozenset(), mutants)
    branches = {branch for branch in set(coverage.branches) - set(coverage.taken) if branch[0] in lines}
    missing = lines & (set(coverage.statements) - set(coverage.executed))
    return CoverageTargets(frozenset(missing), frozenset(branches), mutants)


def surviving(suite: Suite) -> list[Mutant]:
    killed = {outcome.id for outcome in suite.outcomes if outcome.fate is Fate.KILLED}
    return [mutant for mutant in suite.mutants if mutant.id not in killed]


def slot_of(candidate: Candidate, evidence: Evidence) -> Slot:
    """The home of the candidate: one whose text is known, since nothing is written over what nobody has read."""
    tests, change = known(evidence), changed(evidence)
    path = home_of(candidate.path, candidate.function, evidence)
    if path in tests.paths and path not in tests.modules:
        path = new_home(candidate.path, tests.paths)
    text = base_text = tests.modules.get(path)
    if file := next((file for file in change.files if file.path == path), None):
        base_text = None if file.kind is ChangeKind.ADDED else change.old_texts.get(file.old_path)
    return Slot(path, text, base_text)


def surroundings_of(candidate: Candidate, evidence: Evidence) -> Surroundings:
    """What the static check judges a candidate beside."""
    modules, change = known(evidence).modules, changed(evidence)
    near = PurePosixPath(slot_of(candidate, evidence).home)
    if near.as_posix() in modules:  # what other modules import and define is not there
        fixed = {near.as_posix()} | {path for path in modules if path.endswith("conftest.py")}
        modules = {path: text for path, text in modules.items() if path in fixed}
    return Surroundings(
        source=change.texts.get(candidate.path, ""),
        modules=modules,
        paths=change.paths,
        module=dotted(candidate.path, change.paths, modules.values()),
        fixtures={
            fixture.name
            for path, text in modules.items()
            if path == near.as_posix()
            or (path.endswith("conftest.py") and near.is_relative_to(PurePosixPath(path).parent))
            for fixture in fixtures(text)
        },
    )


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
    if (not_passed := _not_passed(report, own)) is not None:
        return not_passed
    report = _worth(replace(report, passed=1), result, targets)
    if report.stands and (slowest := max(one.seconds for one in own)) > MAX_SECONDS:
        return _stopped(report, Hurdle.QUICK, f"it takes {slowest:.2f} s, where {MAX_SECONDS:.2f} s are allowed")
    return report


def _not_passed(report: CandidateReport, own: Sequence[TestOutcome]) -> CandidateReport | None:
    if reached := next((one.reached for one in own if one.reached), ""):
        # What it fails with is no mistake of the code's, and what it passes by is gone where there is a network.
        reason = f"it tries to reach {reached}, and there is no network here: patch the call that does so"
        return _stopped(report, Hurdle.PASSES, reason)
    if red := [one for one in own if one.outcome is not Outcome.PASSED]:
        what = "fails" if red[0].outcome in {Outcome.FAILED, Outcome.ERROR} else f"ends as {red[0].outcome}"
        return _stopped(report, Hurdle.PASSES, f"it {what}", red)
    return None


def _worth(report: CandidateReport, result: RunResult, targets: CoverageTargets) -> CandidateReport:
    """What a test that passes is good for."""
    covered = [file for file in result.coverage if file.path == report.candidate.path]
    executed = {line for file in covered for line in file.executed}
    taken = {branch for file in covered for branch in file.taken}
    killed = {
        one.id
        for one in result.mutants
        if one.fate is Fate.KILLED and one.exception not in _NO_PROOF and not one.exception.startswith("SIG")
    }
    report = replace(
        report,
        lines=tuple(sorted(executed & targets.lines)),
        branches=tuple(sorted(taken & targets.branches)),
        kills=tuple(one.id for one in targets.mutants if one.id in killed),
        survived=tuple(one.id for one in result.mutants if one.fate is Fate.SURVIVED),
    )
    if not (report.lines or report.branches or any(one.line in executed for one in targets.mutants)):
        return _stopped(
            report,
            Hurdle.COVERS,
            f"it covers nothing new{_meant(report, targets, 'still open: ')}",
        )
    if not targets.mutants:
        return replace(report, reason=NO_MUTANTS)
    if reason := _unnoticed(report, result, targets) or _unasserted(report, result, targets):
        return _stopped(report, Hurdle.KILLS, reason)
    return report


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
        return f"it would pass just as well with faults in the changed lines{_meant(report, targets)}"
    fresh = {one.id for one in targets.mutants if one.line in targets.lines and one.line in report.lines}
    older = any(one.line not in targets.lines for one in kills)
    if fresh and not older and fresh.isdisjoint(one.id for one in kills):
        return (
            f"it executes lines that nothing executed before, and would pass whatever they do{_meant(report, targets)}"
        )
    return ""


def _meant(report: CandidateReport, targets: CoverageTargets, before: str = "") -> str:
    """The faults that the test was meant for: those of its function that it met and passed with before all others."""
    function = report.candidate.function
    left = sorted(
        (one for one in targets.mutants if one.id not in report.kills),
        key=lambda one: (one.function != function, one.id not in report.survived, is_trivial(one)),
    )
    examples = [f"line {one.line}: {one.words}" for one in left[:3] if one.function == left[0].function]
    return f" ({before}{', '.join(examples)})" if examples else ""


def _unasserted(report: CandidateReport, result: RunResult, targets: CoverageTargets) -> str:
    """Why it is the code alone that complains of faults, "" when the test does: merely calling it notices as much.

    With a fault that makes the code raise, a test that compares the very result fails as it should.
    """
    if compares_results(report.candidate.code, report.candidate.function.rpartition(".")[2]):
        return ""
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
    judged: dict[int, RunResult] = {}
    for (number, (isolated, _)), result in zip(trials.items(), results, strict=True):
        if isinstance(result, str):
            reports[number] = CandidateReport(isolated.candidate, Hurdle.TRIED, result)
        else:
            judged[number] = result
    texts = changed(evidence).texts
    timely = {number for number in judged if _TELLS_TIME.search(texts.get(trials[number][0].candidate.path, ""))}
    elsewhere = _elsewhere({number: trials[number] for number in sorted(timely)}, judged, pytest_runner)
    for number, result in judged.items():
        isolated, _ = trials[number]
        targets = coverage_targets_of(isolated.candidate.path, evidence)
        zones = elsewhere.get(number, {})
        reports[number] = judge(isolated.candidate, isolated.test, _in_any(result, zones), targets)
        if reports[number].stands:
            reports[number] = _everywhere(reports[number], isolated.test, zones)
    return [reports[number] for number in range(len(candidates))]


def _elsewhere(
    trials: Mapping[int, _Trial], results: Mapping[int, RunResult], pytest_runner: PytestRunner
) -> Mapping[int, Mapping[str, RunResult]]:
    """What comes of tests in other time zones, and of the mutants that live in UTC: local time is the same there."""
    runs: dict[tuple[int, str], PytestRun] = {}
    for number, (_, run) in trials.items():
        alive = {one.id for one in results[number].mutants if one.fate is Fate.SURVIVED}
        if results[number].completed and not results[number].failed:
            mutants = tuple(one for one in run.mutants if one.id in alive)
            for zone in ZONES[:3]:
                how = Perturbation(time_zone=zone)
                runs[number, zone] = replace(run, name=f"{run.name} in {zone}", perturbation=how, mutants=mutants)
    if not runs or pytest_runner.seconds_left < MIN_SECONDS:
        return {}
    files = {isolated.path: isolated.text for isolated, _ in trials.values()}
    found: dict[int, dict[str, RunResult]] = {}
    try:
        for (number, zone), result in zip(runs, pytest_runner.run(list(runs.values()), files), strict=True):
            found.setdefault(number, {})[zone] = result
    except PytestUnavailable:
        return {}
    return found


def _in_any(result: RunResult, zones: Mapping[str, RunResult]) -> RunResult:
    """The result with the mutants killed that the test notices in one of the zones."""
    killed = {one.id: one for other in zones.values() for one in other.mutants if one.fate is Fate.KILLED}
    return replace(result, mutants=tuple(killed.get(one.id, one) for one in result.mutants))


def _everywhere(report: CandidateReport, test: str, zones: Mapping[str, RunResult]) -> CandidateReport:
    """The report, stopped where the test fails in one of the zones."""
    for zone, result in zones.items():
        if result.completed and (red := [one for one in result.failed if is_of(one.nodeid, test)]):
            return _stopped(report, Hurdle.STABLE, f"it passes in UTC and fails in the time zone {zone}", red)
    return report


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
        placement = insert_tests(slot.base_text if before else slot.text, [candidate])
    except NotPlaceable:
        if not before:
            raise
        placement = insert_tests(None, [candidate])
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
