import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, Churn, FileDiff
from cicd_agent.modes.deploy_gate.signals.coverage import coverage
from cicd_agent.modes.deploy_gate.signals.signals_file import SignalsFile, Values
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import BASE, SHA, change
from tests.support.fakes.ports import FakeWorkspace

NOTHING = SignalsFile()


def said(**values: Any) -> SignalsFile:
    return SignalsFile("s.json", Values(measured_at=datetime.fromtimestamp(5, UTC), **values))


def report(covered: int, missed: int, path: str = "app.py") -> bytes:
    lines = {"executed_lines": [*range(1, covered + 1)], "missing_lines": [*range(covered + 1, covered + missed + 1)]}
    return json.dumps({"meta": {"version": "7"}, "files": {path: lines}}).encode()


def several(number: int, covered: int, missed: int, folder: str = "src") -> bytes:
    """A report of several files, in each of which so many lines ran and did not."""
    files = {
        f"{folder}/m{at}.py": {
            "executed_lines": [*range(1, covered + 1)],
            "missing_lines": [*range(covered + 1, covered + missed + 1)],
        }
        for at in range(number)
    }
    return json.dumps({"meta": {"version": "7"}, "files": files}).encode()


FILES = {
    "one.json": several(1, 100, 0),
    "long.json": several(1, 2_000, 0),
    "twenty.json": several(20, 50, 50),
    "twelve.json": several(12, 60, 40),
    "absolute.json": several(20, 50, 50, "/home/runner/work/app/app/src"),
    "thin.json": several(20, 10, 0),
    "head.json": report(90, 10),
    "more.json": report(10, 90, "other.py"),
    "base.json": report(80, 20),
    "empty.json": report(0, 0),
    "broken.json": report(5, 5)[:-9],
    "no.json": b"{}",
}


def read(given: SignalsFile = NOTHING, **settings: Any) -> Reading:
    return coverage(given, Ports(workspace=FakeWorkspace(FILES)), Settings(**settings))


def test_reports_of_both_give_the_points_gained() -> None:
    reading = read(coverage_reports=("head.json",), base_coverage_reports=("base.json",))
    assert (reading.state, reading.value, reading.words) == (State.KNOWN, 10, "80.0 % → 90.0 % of lines")


def test_reports_of_one_commit_are_one() -> None:
    reading = read(coverage_reports=("head.json", "more.json"), base_coverage_reports=("base.json",))
    assert reading.value == -30


def test_what_is_deployed_may_be_given_beside_a_report() -> None:
    reading = read(said(coverage_before=92.5), coverage_reports=("head.json",))
    assert (reading.state, reading.value) == (State.KNOWN, -2.5)


def test_without_what_is_deployed_nothing_is_known() -> None:
    reading = read(coverage_reports=("head.json",))
    assert (reading.state, reading.value) == (State.MISSING, None)
    assert "base-coverage-reports" in reading.problem


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({"coverage_reports": ("gone.json",), "base_coverage_reports": ("base.json",)}, State.MISSING),
        ({"coverage_reports": ("head.json",), "base_coverage_reports": ("gone.json",)}, State.MISSING),
        ({"coverage_reports": ("head.json", "broken.json"), "base_coverage_reports": ("base.json",)}, State.NONSENSE),
        ({"coverage_reports": ("no.json",), "base_coverage_reports": ("base.json",)}, State.NONSENSE),
        ({"coverage_reports": ("head.json",), "base_coverage_reports": ("empty.json",)}, State.NONSENSE),
    ],
)
def test_a_report_that_is_missing_or_broken_is_no_coverage(settings: dict[str, Any], state: State) -> None:
    reading = read(**settings)
    assert (reading.state, reading.value) == (state, None)
    assert reading.problem


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (said(coverage_before=81.2, coverage_after=80.9), -0.3),
        (said(coverage_before=81.2, coverage_after=80.9, coverage_delta=-0.2), -0.3),
        (said(coverage_delta=1.5), 1.5),
    ],
)
def test_another_step_may_say_it(given: SignalsFile, value: float) -> None:
    reading = read(given)
    assert (reading.state, reading.value, reading.measured) == (State.KNOWN, value, 5)


def test_half_of_it_and_nothing_of_it_are_missing() -> None:
    assert read(said(coverage_after=80.9)).state is State.MISSING
    assert read().state is State.MISSING


def test_a_fault_of_the_file_counts_where_it_would_have_been_used() -> None:
    fault = Reading("coverage", State.NONSENSE, problem="no")
    given = SignalsFile("s.json", faults={"coverage": fault})
    assert read(given) == fault
    assert read(given, coverage_reports=("head.json",)) == fault
    whole = read(given, coverage_reports=("head.json",), base_coverage_reports=("base.json",))
    assert whole.state is State.KNOWN


def test_reports_without_a_workspace_are_a_fault() -> None:
    reading = coverage(SignalsFile(), Ports(), Settings(coverage_reports=("head.json",)))
    assert reading.state is State.ERROR


def compared(head: str, base: str, made: Change | None = None) -> Reading:
    settings = Settings(coverage_reports=(head,), base_coverage_reports=(base,))
    return coverage(NOTHING, Ports(workspace=FakeWorkspace(FILES)), settings, made)


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("one.json", "twenty.json"),
        ("long.json", "twenty.json"),
        ("twenty.json", "one.json"),
        ("thin.json", "twenty.json"),
    ],
)
def test_a_part_of_the_code_is_not_compared_with_all_of_it(head: str, base: str) -> None:
    """One file of which all lines ran, beside twenty with half of them, would be 50 points gained."""
    reading = compared(head, base)
    assert (reading.state, reading.value) == (State.NONSENSE, None)
    assert "cannot be compared" in reading.problem


def changed(kind: ChangeKind, *paths: str) -> Change:
    lines = Churn(100, 0) if kind is ChangeKind.ADDED else Churn(0, 100)
    return replace(change(BASE, SHA), files=tuple(FileDiff(path, path, kind, excerpt_of=lines) for path in paths))


@pytest.mark.parametrize("head", ["twelve.json", "absolute.json"])
def test_what_differs_less_or_in_the_spelling_of_paths_is_compared(head: str) -> None:
    assert compared(head, "twenty.json").state is State.KNOWN


@pytest.mark.parametrize("base", ["twenty.json", "absolute.json"])
def test_files_that_the_change_deletes_or_adds_explain_the_difference(base: str) -> None:
    paths = [f"src/m{at}.py" for at in range(1, 20)]
    assert compared("one.json", base, changed(ChangeKind.DELETED, *paths)).value == 50
    assert compared(base, "one.json", changed(ChangeKind.ADDED, *paths)).value == -50
    others = changed(ChangeKind.DELETED, *(f"docs/{at}.md" for at in range(19)))
    assert compared("one.json", base, others).state is State.NONSENSE


def test_reports_of_before_the_commit_are_stale() -> None:
    old = b'{"meta": {"timestamp": "2026-11-20T10:00:00Z"}, '
    old += b'"files": {"a.py": {"executed_lines": [1], "missing_lines": []}}}'
    ports = Ports(workspace=FakeWorkspace({"old.json": old}), now=lambda: 1_795_435_200.0)
    settings = Settings(coverage_reports=("old.json",), base_coverage_reports=("old.json",))
    assert coverage(NOTHING, ports, settings, committed=1_795_430_000).state is State.STALE
    # What is deployed now is older than the commit.
    assert coverage(NOTHING, ports, settings, committed=1_795_168_000).state is State.KNOWN
