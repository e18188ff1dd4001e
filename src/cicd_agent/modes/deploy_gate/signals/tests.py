"""How the tests of the commit ended: by the reports of them, as another step says, or by the commit's checks."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.test_reports.cases import Outcome
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
