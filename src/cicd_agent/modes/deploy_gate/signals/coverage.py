"""How much of the code the tests run, beside what is deployed now: from reports of both, or as another step says."""

from collections.abc import Sequence

from cicd_agent.analysis.test_reports.coverage import read_coverage
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.signals.signals_file import Given
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

NAME = "coverage"
MOST_FILES = 200
LARGEST = 50_000_000
"""Bytes of one report."""


def coverage(given: Given, world: Ports, settings: Settings) -> Reading:
    """The points gained since what is deployed. Reports come before what a file says."""
    if settings.coverage_reports:
        return _by_reports(given, world, settings)
    if fault := given.faults.get(NAME):
        return fault
    if given.coverage_before is not None and given.coverage_after is not None:
        return _known(given.coverage_before, given.coverage_after, given.source, given.measured)
    if given.coverage_delta is not None:
        words = f"{given.coverage_delta:+.1f} points"
        return Reading(NAME, State.KNOWN, given.coverage_delta, words, given.source, given.measured)
    return _missing("nobody gave it: set `coverage-reports` and `base-coverage-reports`, or `signals-file`")


def _by_reports(given: Given, world: Ports, settings: Settings) -> Reading:
    now = _percent(settings.coverage_reports, "coverage-reports", world)
    then: float | Reading | None
    if settings.base_coverage_reports:
        then = _percent(settings.base_coverage_reports, "base-coverage-reports", world)
    else:
        then = given.faults.get(NAME) or given.coverage_before
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
        NAME, State.KNOWN, round(after - before, 6), f"{before:.1f} % → {after:.1f} % of lines", source, measured
    )


def _missing(problem: str) -> Reading:
    return Reading(NAME, State.MISSING, problem=problem)


def _percent(patterns: Sequence[str], setting: str, world: Ports) -> float | Reading:
    """The share of lines that ran, in percent; or why that cannot be said."""
    if world.workspace is None:
        return Reading(NAME, State.ERROR, source=setting, problem=f"`{setting}` was not read: there is no workspace")
    lines: dict[str, tuple[set[int], set[int]]] = {}
    for left in world.workspace.files(patterns, most=MOST_FILES, limit=LARGEST):
        where = f"`{setting}`: {clip(visible_line(left.path), 200)}"
        if left.problem == "there is no such file":
            return Reading(NAME, State.MISSING, source=setting, problem=f"{where}: {left.problem}")
        files, notes = read_coverage(left.content) if not left.problem else ((), (left.problem,))
        if notes:
            return Reading(NAME, State.NONSENSE, source=setting, problem=f"{where}: {notes[0]}")
        for file in files:
            ran, known = lines.setdefault(file.path, (set(), set()))
            ran |= file.covered
            known |= file.covered | file.missed
    total = sum(len(known) for _, known in lines.values())
    if not total:
        return Reading(NAME, State.NONSENSE, source=setting, problem=f"`{setting}`: there is no line in it")
    return 100 * sum(len(ran) for ran, _ in lines.values()) / total
