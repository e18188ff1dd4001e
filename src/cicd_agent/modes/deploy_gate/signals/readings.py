"""The readings `tests`, `coverage` and `failures`: from reports, from what another step says, or from GitHub."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cicd_agent.analysis.test_reports.cases import Outcome
from cicd_agent.analysis.test_reports.coverage import read_coverage
from cicd_agent.analysis.test_reports.detection import Kind, read_report
from cicd_agent.domain.events.workflow_run import BAD, RunState
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import CheckState, Reading, State
from cicd_agent.domain.ports.forge import Left, Repository, Workspace
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.signals.signals_file import SignalsFile
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

DAYS = 7
"""Days of which the workflow runs count."""
COMMITTED = "it is a file of the repository, which a change can bring, and nothing that a step of this job has measured"

_MAX_REPORTS, _MAX_REPORT_BYTES = 1_000, 20_000_000
_MAX_COVERAGE_REPORTS, _MAX_COVERAGE_BYTES = 200, 50_000_000
_UNCOUNTED = frozenset({"", "neutral", "skipped"})
"""Conclusions of checks that say neither yes nor no."""
_TESTS = frozenset({Kind.JUNIT, Kind.TRX, Kind.GO_TEST, Kind.JEST, Kind.PYTEST})


class _Unreadable(Exception):
    def __init__(self, state: State, problem: str) -> None:
        super().__init__(problem)
        self.state = state


def passed_tests(
    checks: Sequence[CheckState], read: Reading, file: SignalsFile, ports: Ports, settings: Settings
) -> Reading:
    """Percent of cases that passed, else of checks; `read` is how the reading of the checks went."""
    if settings.test_reports:
        try:
            passed, total = _cases(ports, settings)
        except _Unreadable as error:
            return Reading("tests", error.state, source="test reports", problem=str(error))
        return replace(_share(passed, total, "test"), source="test reports")
    if fault := file.faults.get("tests"):
        return fault
    if file.values.tests_passed is not None and file.values.tests_total is not None:
        share = _share(file.values.tests_passed, file.values.tests_total, "test")
        return replace(share, source=file.source, measured=file.measured)
    if read.state is not State.KNOWN:
        return replace(read, name="tests")
    ended = [check for check in checks if check.conclusion not in _UNCOUNTED and not check.own]
    pending = sum(1 for check in checks if not check.conclusion and not check.own)
    share = _share(sum(1 for check in ended if check.conclusion == "success"), len(ended), "check")
    summary = ", ".join(filter(None, (share.words, f"{pending} going on" if pending else "")))
    measured = max((check.ended for check in ended), default=0)
    return replace(share, words=summary, source="checks of the commit", measured=measured)


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


def _cases(ports: Ports, settings: Settings) -> tuple[int, int]:
    """How many test cases passed, and how many there are less those that were skipped."""
    passed = failed = 0
    for name, left in _files("test-reports", settings.test_reports, ports, _MAX_REPORTS, _MAX_REPORT_BYTES):
        report = read_report(left.path, left.content)
        if report.notes or report.kind not in _TESTS:
            problem = next(iter(report.notes), f"it is a report of another kind ({report.kind})")
            raise _Unreadable(State.NONSENSE, f"{name}: {problem}")
        for case in report.cases:
            if case.flaked or case.outcome is Outcome.PASSED:
                passed += 1
            elif case.failed:
                failed += 1
    return passed, passed + failed


def coverage(file: SignalsFile, ports: Ports, settings: Settings) -> Reading:
    """The points gained since what is deployed. Reports come before what a file says."""
    values, fault = file.values, file.faults.get("coverage")
    before, after = values.coverage_before, values.coverage_after
    source, measured = file.source, file.measured
    if settings.coverage_reports:
        source, measured, setting = "coverage reports", 0, "coverage-reports"
        try:
            after = _percent(setting, settings.coverage_reports, ports)
            if settings.base_coverage_reports:
                setting, fault = "base-coverage-reports", None
                before = _percent(setting, settings.base_coverage_reports, ports)
        except _Unreadable as error:
            return Reading("coverage", error.state, source=setting, problem=str(error))
    if fault:
        return fault
    if before is not None and after is not None:
        summary = f"{before:.1f} % → {after:.1f} % of lines"
        # What reports count is exact; the difference of two floats is not.
        return Reading("coverage", State.KNOWN, round(after - before, 6), summary, source, measured)
    if settings.coverage_reports:
        problem = "there is no coverage of what is deployed now: set `base-coverage-reports`"
    elif values.coverage_delta is not None:
        summary = f"{values.coverage_delta:+.1f} points"
        return Reading("coverage", State.KNOWN, values.coverage_delta, summary, source, measured)
    else:
        problem = "nobody gave it: set `coverage-reports` and `base-coverage-reports`, or `signals-file`"
    return Reading("coverage", State.MISSING, problem=problem)


def _percent(setting: str, patterns: Sequence[str], ports: Ports) -> float:
    """The share of lines that ran, in percent."""
    lines: dict[str, tuple[set[int], set[int]]] = {}
    for name, left in _files(setting, patterns, ports, _MAX_COVERAGE_REPORTS, _MAX_COVERAGE_BYTES):
        files, notes = read_coverage(left.content)
        if notes:
            raise _Unreadable(State.NONSENSE, f"{name}: {notes[0]}")
        for file in files:
            covered, known = lines.setdefault(file.path, (set(), set()))
            covered |= file.covered
            known |= file.covered | file.missed
    total = sum(len(known) for _, known in lines.values())
    if not total:
        raise _Unreadable(State.NONSENSE, f"`{setting}`: there is no line in it")
    return 100 * sum(len(covered) for covered, _ in lines.values()) / total


def _files(
    setting: str, patterns: Sequence[str], ports: Ports, max_files: int, max_bytes: int
) -> Iterator[tuple[str, Left]]:
    if ports.workspace is None:
        raise _Unreadable(State.ERROR, f"`{setting}` was not read: there is no workspace")
    for left in ports.workspace.files(patterns, most=max_files, limit=max_bytes):
        name = f"`{setting}`: {clip(visible_line(left.path), 200)}"
        if left.problem:
            state = State.MISSING if left.problem == "there is no such file" else State.NONSENSE
            raise _Unreadable(state, f"{name}: {left.problem}")
        yield name, left


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


@dataclass(frozen=True)
class UntrackedFiles(Workspace):
    """The workspace without what stands in the commit that would be deployed, whatever it holds by now."""

    inner: Workspace
    change: Change
    repository: Repository

    @property
    def roots(self) -> Sequence[str]:
        return self.inner.roots

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        tracked = {*self.change.paths, *(path for file in self.change.files for path in (file.path, file.old_path))}
        is_cut = any(note.startswith("path list cut") for note in self.change.notes)
        for left in self.inner.files(patterns, most=most, limit=limit):
            names = set() if left.problem else set(self._git_names(left.path))
            if names & tracked or (
                is_cut
                and any(self.repository.blob(self.change.head, name, _MAX_COVERAGE_BYTES) is not None for name in names)
            ):
                yield replace(left, content=b"", problem=COMMITTED)
            else:
                yield left

    def _git_names(self, path: str) -> Iterator[str]:
        """What git may call a file of the workspace, or a link that leads to it: the checkout may lie further down."""
        parts = PurePosixPath(path).parts
        for at in range(len(parts)):
            above = "/".join(("", *parts[:at], ""))
            if not at or any(above in f"{root}/" for root in self.roots):
                yield from ("/".join(parts[at:end]) for end in range(at + 1, len(parts) + 1))
