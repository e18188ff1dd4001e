"""The reading `coverage`: the points gained since what is deployed, from reports or from what another step says."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cicd_agent.analysis.test_reports.coverage import read_coverage
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.ports.forge import Left
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import count
from cicd_agent.modes.deploy_gate.signals.coverage_discovery import DiscoveredCoverage
from cicd_agent.modes.deploy_gate.signals.report_files import MAX_REPORT_BYTES, ReportTimes, Unreadable, read_files
from cicd_agent.modes.deploy_gate.signals.signals_file import SignalsFile
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

_MAX_REPORTS = 200
_LEAST_OVERLAP = 0.5
"""Share of the code that both sides have to measure to be compared at all."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the reports of one commit cover: the paths as they have them, and lines that ran, of those that could."""

    paths: frozenset[str]
    covered: int
    lines: int
    at: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.covered / self.lines


def needs_search(file: SignalsFile, settings: Settings) -> bool:
    """Whether reports that nobody named may count: where nobody says otherwise what was and is covered."""
    values = file.values
    if "coverage" in settings.not_applicable or "coverage" in file.faults or values.coverage_delta is not None:
        return False
    if settings.coverage_reports:
        return not settings.base_coverage_reports and values.coverage_before is None
    return values.coverage_before is None and values.coverage_after is None


def coverage(
    file: SignalsFile,
    ports: Ports,
    settings: Settings,
    change: Change | None = None,
    *,
    committed: int = 0,
    found: DiscoveredCoverage | None = None,
) -> Reading:
    """The points gained. Reports come before what a file says, and those that were named before what was `found`.

    `committed` is in seconds since the epoch.
    """
    times = ReportTimes(committed, int(ports.now()))
    if settings.coverage_reports:
        return _named(file, ports, settings, change, times, found=found)
    values = file.values
    if fault := file.faults.get("coverage"):
        return fault
    if values.coverage_before is not None and values.coverage_after is not None:
        return _known(values.coverage_before, values.coverage_after, file.source, file.measured)
    if values.coverage_delta is not None:
        summary = f"{values.coverage_delta:+.1f} points"
        return Reading("coverage", State.KNOWN, values.coverage_delta, summary, file.source, file.measured)
    if found is not None:
        return _discovered(found, times, change)
    problem = "nobody gave it: set `coverage-reports` and `base-coverage-reports`, or `signals-file`"
    return Reading("coverage", State.MISSING, problem=problem)


def _named(
    file: SignalsFile,
    ports: Ports,
    settings: Settings,
    change: Change | None,
    times: ReportTimes,
    *,
    found: DiscoveredCoverage | None,
) -> Reading:
    """The reading of the reports that settings name; what runs now may be given otherwise, or be found."""
    setting, source = "coverage-reports", "coverage reports"
    try:
        head = _measured(_left(setting, settings.coverage_reports, ports), setting, times)
        if settings.base_coverage_reports:
            setting = "base-coverage-reports"
            base = _measured(_left(setting, settings.base_coverage_reports, ports), setting, ReportTimes())
            _compare(base, head, change)
            return _known(base.percent, head.percent, source, head.at)
    except Unreadable as error:
        return Reading("coverage", error.state, source=setting, problem=str(error))
    if fault := file.faults.get("coverage"):
        return fault
    if file.values.coverage_before is not None:
        return _known(file.values.coverage_before, head.percent, source, head.at)
    if found is not None:
        return _gained(found, head, source, change)
    problem = "there is no coverage of what is deployed now: set `base-coverage-reports`"
    return Reading("coverage", State.MISSING, problem=problem)


def _known(before: float, after: float, source: str, measured: int) -> Reading:
    summary = f"{before:.1f} % → {after:.1f} % of lines"
    # What reports count is exact; the difference of two floats is not.
    return Reading("coverage", State.KNOWN, round(after - before, 6), summary, source, measured)


def _discovered(found: DiscoveredCoverage, times: ReportTimes, change: Change | None) -> Reading:
    """The reading of reports that nobody named: what cannot be believed of them gives no points, and is no fault."""
    if not found.head.reports:
        if change and _is_documentation(change):
            return Reading("coverage", State.KNOWN, 0.0, "as before: nothing but documentation is changed")
        if found.problem or found.earlier:
            remedy = "have this commit measured, or say `not-applicable: [coverage]` on the base branch"
            problem = found.problem or f"there is none of this commit, and {found.earlier}: {remedy}"
            return Reading("coverage", State.MISSING, problem=problem)
        return Reading("coverage", State.ABSENT, words="this repository has none")
    try:
        head = _measured(((left.path, left) for left in found.head.reports), found.head.source, times)
    except Unreadable as error:
        return Reading("coverage", State.MISSING, source=found.head.source, problem=str(error))
    return _gained(found, head, found.head.source, change)


def _is_documentation(change: Change) -> bool:
    """Whether a change brings documentation alone, so that there is nothing to measure."""
    paths = {path for file in change.files for path in (file.path, file.old_path)}
    return bool(paths) and not change.incomplete and all(PathKind.DOCS in kinds(path) for path in paths)


def _gained(found: DiscoveredCoverage, head: _Measured, source: str, change: Change | None) -> Reading:
    """The coverage of `head` less that of what runs now, where its run has left some."""
    if not found.base.reports:
        if found.problem:
            return Reading("coverage", State.MISSING, source=source, problem=found.problem)
        words = f"{head.percent:.1f} % of lines, and nothing of what runs now to compare with"
        return Reading("coverage", State.ABSENT, words=words, source=source, measured=head.at)
    try:
        reports = ((left.path, left) for left in found.base.reports)
        base = _measured(reports, found.base.source, ReportTimes())
        _compare(base, head, change)
    except Unreadable as error:
        return Reading("coverage", State.MISSING, source=source, problem=str(error))
    return _known(base.percent, head.percent, f"{source}, {found.base.source}", head.at)


def _left(setting: str, patterns: Sequence[str], ports: Ports) -> Iterable[tuple[str, Left]]:
    return read_files(setting, patterns, ports, _MAX_REPORTS, MAX_REPORT_BYTES)


def _measured(reports: Iterable[tuple[str, Left]], setting: str, times: ReportTimes) -> _Measured:
    """What the reports come to together. Raises Unreadable for one that is broken, or when all are too old."""
    lines: dict[str, tuple[set[int], set[int]]] = {}
    for name, left in reports:
        files, notes = read_coverage(left.content)
        if notes:
            raise Unreadable(State.NONSENSE, f"{name}: {notes[0]}")
        times.add(left)
        for file in files:
            covered, known = lines.setdefault(file.path, (set(), set()))
            covered |= file.covered
            known |= file.covered | file.missed
    total = sum(len(known) for _, known in lines.values())
    if not total:
        raise Unreadable(State.NONSENSE, f"`{setting}`: there is no line in it")
    return _Measured(frozenset(lines), sum(len(covered) for covered, _ in lines.values()), total, times.measured)


def _compare(base: _Measured, head: _Measured, change: Change | None) -> None:
    """Raises Unreadable when one side measures far less code than the other, which the change does not explain."""
    files = change.files if change else ()
    gone = {file.path for file in files if file.kind is ChangeKind.DELETED}
    new = {file.path for file in files if file.kind is ChangeKind.ADDED}
    added, deleted = (change.added_lines, change.deleted_lines) if change else (0, 0)
    is_partial = len(head.paths) < _LEAST_OVERLAP * (len(base.paths) - _number_of(base.paths, gone))
    is_partial = is_partial or len(base.paths) < _LEAST_OVERLAP * (len(head.paths) - _number_of(head.paths, new))
    is_partial = is_partial or head.lines < _LEAST_OVERLAP * (base.lines - deleted)
    if is_partial or base.lines < _LEAST_OVERLAP * (head.lines - added):
        sides = [f"{count(len(each.paths), 'file')} ({count(each.lines, 'line')})" for each in (head, base)]
        text = f"the coverage of {sides[0]} cannot be compared with that of {sides[1]} before"
        raise Unreadable(State.NONSENSE, f"{text}: measure the same code for both")


def _number_of(paths: Iterable[str], changed: AbstractSet[str]) -> int:
    """How many paths, as reports have them, name a changed file: absolute, or only the end of its path."""
    ends = {end for path in changed for end in _ends(path)}
    return sum(1 for path in paths if path in ends or not changed.isdisjoint(_ends(path)))


def _ends(path: str) -> set[str]:
    parts = path.replace("\\", "/").split("/")
    return {"/".join(parts[at:]) for at in range(len(parts))}
