"""The readings `tests` and `failures`: from reports, from what another step says, or from GitHub."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.test_reports.cases import Outcome
from cicd_agent.analysis.test_reports.claims import contradiction
from cicd_agent.analysis.test_reports.detection import Kind, read_report
from cicd_agent.domain.events.workflow_run import BAD, RunState
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import CheckState, Reading, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.modes.deploy_gate.signals.coverage_discovery import takes_away_test_reports
from cicd_agent.modes.deploy_gate.signals.report_files import ReportTimes, Unreadable, read_files
from cicd_agent.modes.deploy_gate.signals.signals_file import SignalsFile
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

DAYS = 7
"""Days of which the workflow runs count."""

_MAX_REPORTS, _MAX_REPORT_BYTES = 1_000, 20_000_000
_FEW, _LEAST_RUN = 10, 1 / 9
"""So many skipped tests, and fewer than one in ten that ran: what ran says nothing of the rest."""
_TESTS = frozenset({Kind.JUNIT, Kind.TRX, Kind.GO_TEST, Kind.JEST, Kind.PYTEST})


def passed_tests(
    of_checks: Reading,
    file: SignalsFile,
    ports: Ports,
    settings: Settings,
    *,
    committed: int = 0,
    change: Change | None = None,
) -> Reading:
    """Percent of cases that passed, else of checks, which `of_checks` says.

    The commit was `committed` then, in seconds since the epoch.
    """
    if settings.test_reports:
        try:
            return _cases(ports, settings, committed)
        except Unreadable as error:
            return Reading("tests", error.state, source="test reports", problem=str(error))
    if fault := file.faults.get("tests"):
        return fault
    if file.values.tests_passed is not None and file.values.tests_total is not None:
        share = _share(file.values.tests_passed, file.values.tests_total, "test")
        return replace(share, source=file.source, measured=file.measured)
    if of_checks.state is State.KNOWN and change and (taken := takes_away_test_reports(change)):
        # Or else a change could have its checks counted in the place of tests that fail.
        problem = f"there is no report of the tests, and {taken}: name it again in `test-reports`"
        return Reading("tests", State.MISSING, source="test reports", problem=problem)
    return of_checks


def mark_own(checks: Sequence[CheckState], run: str) -> tuple[CheckState, ...]:
    """The checks, those marked as our own that belong to the run with this id and cannot end before this job does."""
    return tuple(
        replace(check, own=True)
        if run and check.status != "completed" and f"/actions/runs/{run}/" in f"{check.url}/"
        else check
        for check in checks
    )


def _share(passed: int, total: int, noun: str) -> Reading:
    if not total:
        return Reading("tests", State.MISSING, problem=f"no {noun} of this commit has ended")
    return Reading("tests", State.KNOWN, 100 * passed / total, f"{passed:,} of {count(total, noun)} passed")


def _cases(ports: Ports, settings: Settings, committed: int) -> Reading:
    """The cases that passed, of those that ran. Raises Unreadable for reports that cannot be believed."""
    passed = failed = skipped = 0
    times = ReportTimes(committed, int(ports.now()))
    for name, left in read_files("test-reports", settings.test_reports, ports, _MAX_REPORTS, _MAX_REPORT_BYTES):
        report = read_report(left.path, left.content)
        if report.notes or report.kind not in _TESTS:
            problem = next(iter(report.notes), f"it is a report of another kind ({report.kind})")
            raise Unreadable(State.NONSENSE, f"{name}: {problem}")
        if report.kind is Kind.JUNIT and (problem := contradiction(left.content)):
            raise Unreadable(State.NONSENSE, f"{name}: {problem}: have the tests write it anew")
        times.add(left)
        for case in report.cases:
            if case.flaked or case.outcome is Outcome.PASSED:
                passed += 1
            elif case.failed:
                failed += 1
            else:
                skipped += 1
    measured = times.measured
    if skipped >= _FEW and passed + failed < skipped * _LEAST_RUN:
        problem = f"{skipped:,} of {count(passed + failed + skipped, 'test')} were skipped: run them on this commit"
        return Reading("tests", State.MISSING, source="test reports", problem=problem)
    return replace(_share(passed, passed + failed, "test"), source="test reports", measured=measured)


def failures(
    runs: Sequence[RunState], names: Sequence[str], own: str, read: Reading
) -> tuple[Reading, tuple[Gap, ...]]:
    """Percent of the runs that failed, of the workflows with these names or files (all when there are none).

    `own` is the id of the run that asks; `read` is how reading the runs went. A run that was skipped or cancelled says
    nothing. The gaps name the workflows of which there is no run.
    """
    if read.state is not State.KNOWN:
        return read, ()
    counted = [run for run in runs if str(run.id) != own and (not names or not _names(run).isdisjoint(names))]
    absent = [name for name in names if not any(name in _names(run) for run in counted)]
    gaps = tuple(
        Gap("", f"failure-workflows: `{visible_line(name)[:100]}` has not run in {DAYS} days") for name in absent
    )
    ended = [run for run in counted if run.conclusion == "success" or run.conclusion in BAD]
    if not ended:
        return replace(read, state=State.MISSING, problem=f"no run of {DAYS} days has ended"), gaps
    bad = sum(1 for run in ended if run.conclusion in BAD)
    summary = f"{bad:,} of {count(len(ended), 'run')} in {DAYS} days failed"
    measured = max(run.created for run in ended)
    return replace(read, value=100 * bad / len(ended), words=summary, measured=measured), gaps


def _names(run: RunState) -> set[str]:
    path = run.path.partition("@")[0]
    return {run.workflow, path, path.rpartition("/")[2]} - {""}
