"""How the tests of the commit ended: by the reports of them, as another step says, or by the commit's checks."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.test_reports.cases import Outcome
from cicd_agent.analysis.test_reports.coverage import read_coverage
from cicd_agent.analysis.test_reports.detection import Kind, read_report
from cicd_agent.domain.gate_evidence import CheckState, Reading, State
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.signals.signals_file import Given
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

NAME = "tests"
MOST_FILES = 1_000
LARGEST = 20_000_000
"""Bytes of one report."""
UNCOUNTED = frozenset({"neutral", "skipped"})
"""Conclusions of checks that say neither yes nor no."""
_TESTS = frozenset({Kind.JUNIT, Kind.TRX, Kind.GO_TEST, Kind.JEST, Kind.PYTEST})


def passing(checks: Sequence[CheckState], read: Reading, given: Given, world: Ports, settings: Settings) -> Reading:
    """Percent of cases that passed, else of checks; `read` is how the reading of the checks went."""
    if settings.test_reports:
        return _by_reports(world, settings)
    if fault := given.faults.get(NAME):
        return fault
    if given.passed is not None and given.total is not None:
        return replace(_share(given.passed, given.total, "test"), source=given.source, measured=given.measured)
    if read.state is not State.KNOWN:
        return replace(read, name=NAME)
    return _by_checks(checks)


def owned(checks: Sequence[CheckState], run: str) -> tuple[CheckState, ...]:
    """The checks, those marked as our own that belong to the run with this id and cannot end before this job does."""
    return tuple(
        replace(check, own=True)
        if run and check.status != "completed" and f"/actions/runs/{run}/" in f"{check.url}/"
        else check
        for check in checks
    )


def _by_reports(world: Ports, settings: Settings) -> Reading:
    nothing = Reading(NAME, State.MISSING, source="test reports")
    if world.workspace is None:
        return replace(nothing, state=State.ERROR, problem="`test-reports` was not read: there is no workspace")
    passed = failed = 0
    for left in world.workspace.files(settings.test_reports, most=MOST_FILES, limit=LARGEST):
        where = f"`test-reports`: {clip(visible_line(left.path), 200)}"
        if left.problem == "there is no such file":
            return replace(nothing, problem=f"{where}: {left.problem}")
        if left.problem:
            return replace(nothing, state=State.NONSENSE, problem=f"{where}: {left.problem}")
        report = read_report(left.path, left.content)
        if report.notes or report.kind not in _TESTS:
            why = next(iter(report.notes), f"it is a report of another kind ({report.kind})")
            return replace(nothing, state=State.NONSENSE, problem=f"{where}: {why}")
        for case in report.cases:
            if case.flaked or case.outcome is Outcome.PASSED:
                passed += 1
            elif case.failed:
                failed += 1
    return replace(_share(passed, passed + failed, "test"), source=nothing.source)


def _by_checks(checks: Sequence[CheckState]) -> Reading:
    ended = [check for check in checks if check.conclusion and check.conclusion not in UNCOUNTED and not check.own]
    going_on = sum(1 for check in checks if not check.conclusion and not check.own)
    share = _share(sum(1 for check in ended if check.conclusion == "success"), len(ended), "check")
    words = ", ".join(part for part in (share.words, f"{going_on} going on" if going_on else "") if part)
    measured = max((check.ended for check in ended), default=0)
    return replace(share, words=words, source="checks of the commit", measured=measured)


def _share(passed: int, total: int, noun: str) -> Reading:
    if not total:
        return Reading(NAME, State.MISSING, problem=f"no {noun} of this commit has ended")
    return Reading(NAME, State.KNOWN, 100 * passed / total, f"{passed:,} of {count(total, noun)} passed")


COVERAGE = "coverage"
MAX_COVERAGE_FILES = 200
MAX_COVERAGE_BYTES = 50_000_000
"""Bytes of one report."""


def coverage(given: Given, world: Ports, settings: Settings) -> Reading:
    """The points gained since what is deployed. Reports come before what a file says."""
    if settings.coverage_reports:
        return _by_coverage_reports(given, world, settings)
    if fault := given.faults.get(COVERAGE):
        return fault
    if given.coverage_before is not None and given.coverage_after is not None:
        return _known(given.coverage_before, given.coverage_after, given.source, given.measured)
    if given.coverage_delta is not None:
        words = f"{given.coverage_delta:+.1f} points"
        return Reading(COVERAGE, State.KNOWN, given.coverage_delta, words, given.source, given.measured)
    return _missing("nobody gave it: set `coverage-reports` and `base-coverage-reports`, or `signals-file`")


def _by_coverage_reports(given: Given, world: Ports, settings: Settings) -> Reading:
    now = _percent(settings.coverage_reports, "coverage-reports", world)
    then: float | Reading | None
    if settings.base_coverage_reports:
        then = _percent(settings.base_coverage_reports, "base-coverage-reports", world)
    else:
        then = given.faults.get(COVERAGE) or given.coverage_before
    if isinstance(now, Reading):
        return now
    if isinstance(then, Reading):
        return then
    if then is None:
        return _missing("there is no coverage of what is deployed now: set `base-coverage-reports`")
    return _known(then, now, "coverage reports", 0)


def _known(before: float, after: float, source: str, measured: int) -> Reading:
    # What reports count is exact; the difference of two floats is not.
    return Reading(
        COVERAGE, State.KNOWN, round(after - before, 6), f"{before:.1f} % → {after:.1f} % of lines", source, measured
    )


def _missing(problem: str) -> Reading:
    return Reading(COVERAGE, State.MISSING, problem=problem)


def _percent(patterns: Sequence[str], setting: str, world: Ports) -> float | Reading:
    """The share of lines that ran, in percent; or why that cannot be said."""
    if world.workspace is None:
        return Reading(
            COVERAGE, State.ERROR, source=setting, problem=f"`{setting}` was not read: there is no workspace"
        )
    lines: dict[str, tuple[set[int], set[int]]] = {}
    for left in world.workspace.files(patterns, most=MAX_COVERAGE_FILES, limit=MAX_COVERAGE_BYTES):
        where = f"`{setting}`: {clip(visible_line(left.path), 200)}"
        if left.problem == "there is no such file":
            return Reading(COVERAGE, State.MISSING, source=setting, problem=f"{where}: {left.problem}")
        files, notes = read_coverage(left.content) if not left.problem else ((), (left.problem,))
        if notes:
            return Reading(COVERAGE, State.NONSENSE, source=setting, problem=f"{where}: {notes[0]}")
        for file in files:
            ran, known = lines.setdefault(file.path, (set(), set()))
            ran |= file.covered
            known |= file.covered | file.missed
    total = sum(len(known) for _, known in lines.values())
    if not total:
        return Reading(COVERAGE, State.NONSENSE, source=setting, problem=f"`{setting}`: there is no line in it")
    return 100 * sum(len(ran) for ran, _ in lines.values()) / total
