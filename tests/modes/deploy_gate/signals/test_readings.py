from datetime import UTC, datetime
from typing import Any

import pytest

from cicd_agent.domain.gate_evidence import GateEvidence, Reading, State
from cicd_agent.modes.deploy_gate.score import policy
from cicd_agent.modes.deploy_gate.signals.checks import share_of_checks
from cicd_agent.modes.deploy_gate.signals.readings import mark_own, passed_tests
from cicd_agent.modes.deploy_gate.signals.signals_file import SignalsFile, Values
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import NOW, RUN, check
from tests.support.fakes.ports import FakeWorkspace

NOTHING = SignalsFile()
KNOWN = Reading("checks", State.KNOWN, source="GitHub")


def junit(*cases: str) -> bytes:
    inside = "".join(f'<testcase name="{number}">{case}</testcase>' for number, case in enumerate(cases))
    return f"<testsuite name='s'>{inside}</testsuite>".encode()


FILES = {
    "good.xml": junit("", "", ""),
    "bad.xml": junit("", "<failure/>", "<error/>", "<skipped/>"),
    "skipped.xml": junit("<skipped/>"),
    "cut.xml": junit("", "")[:-20],
    "empty.xml": b"",
    "cover.json": b'{"files": {"a.py": {"executed_lines": [1], "missing_lines": []}}}',
}


def of_checks(*checks: Any, how: Reading = KNOWN, **settings: Any) -> Reading:
    gate = GateEvidence("", "", NOW, checks=checks)
    return share_of_checks(gate, how, policy(Settings(**settings)), None)


def read(*checks: Any, given: SignalsFile = NOTHING, how: Reading = KNOWN, **settings: Any) -> Reading:
    share = of_checks(*checks, how=how, **settings)
    return passed_tests(share, given, Ports(workspace=FakeWorkspace(FILES)), Settings(**settings))


def test_reports_count_cases_and_skipped_ones_are_none() -> None:
    reading = read(check("build", "failure"), test_reports=("good.xml", "bad.xml"))
    assert (reading.state, reading.words) == (State.KNOWN, "4 of 6 tests passed")
    assert reading.value == pytest.approx(66.67, abs=0.01)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("gone.xml", State.MISSING),
        ("skipped.xml", State.MISSING),
        ("cut.xml", State.NONSENSE),
        ("empty.xml", State.NONSENSE),
        ("cover.json", State.NONSENSE),
    ],
)
def test_one_report_that_says_nothing_is_enough_to_know_nothing(name: str, state: State) -> None:
    reading = read(check("build"), test_reports=(name,) if name == "skipped.xml" else ("good.xml", name))
    assert (reading.state, reading.value) == (state, None)
    assert reading.problem


def test_reports_without_a_workspace_are_a_fault() -> None:
    settings = Settings(test_reports=("a.xml",))
    assert passed_tests(of_checks(), SignalsFile(), Ports(), settings).state is State.ERROR


def test_another_step_may_have_counted() -> None:
    reading = read(
        check("build", "failure"),
        given=SignalsFile("s.json", Values(measured_at=datetime.fromtimestamp(5, UTC), tests_passed=3, tests_total=4)),
    )
    assert (reading.value, reading.source, reading.measured) == (75, "s.json", 5)
    assert read(given=SignalsFile("s.json", Values(tests_passed=0, tests_total=0))).state is State.MISSING


def test_a_fault_of_the_file_is_not_passed_over() -> None:
    fault = Reading("tests", State.NONSENSE, problem="no")
    assert read(check("build"), given=SignalsFile("s.json", faults={"tests": fault})) == fault
    assert read(given=SignalsFile("s.json", faults={"tests": fault}), test_reports=("good.xml",)).value == 100


def test_checks_count_when_they_have_said_yes_or_no() -> None:
    reading = read(
        check("a", ended=NOW - 50),
        check("b", ended=NOW - 40),
        check("c", "failure", ended=NOW - 60),
        check("d", "cancelled"),
        check("e", "skipped", ended=NOW),
        check("f", "neutral", ended=NOW),
        check("g", ""),
    )
    assert (reading.value, reading.words, reading.measured) == (50, "2 of 4 checks passed, 1 going on", NOW - 40)


def test_the_job_that_asks_and_those_that_wait_for_it_are_its_own() -> None:
    checks = mark_own((check("build", run=RUN), check("gate", "", RUN), check("other", "", 770)), str(RUN))
    assert [each.own for each in checks] == [False, True, False]
    assert read(*checks).words == "1 of 1 check passed, 1 going on"
    assert not any(each.own for each in mark_own(checks[2:], ""))


def test_no_check_that_has_ended_is_missing() -> None:
    assert read().state is State.MISSING
    assert read(check("a", "skipped"), check("b", "")).state is State.MISSING


def test_checks_that_could_not_be_read_are_a_fault_of_the_tests() -> None:
    reading = read(how=Reading("checks", State.TIMEOUT, problem="late"))
    assert (reading.name, reading.state, reading.problem) == ("tests", State.TIMEOUT, "late")


def test_a_report_that_contradicts_itself_gives_no_points() -> None:
    lie = b'<testsuite name="s" tests="100" failures="60"><testcase name="a"/></testsuite>'
    reading = read_files({"lie.xml": lie})
    assert (reading.state, reading.value) == (State.NONSENSE, None)
    assert reading.problem.startswith("`test-reports`: lie.xml: it counts 60 failures that no case of it shows")


@pytest.mark.parametrize(
    ("ran", "skipped", "state"), [(1, 99, State.MISSING), (10, 90, State.KNOWN), (1, 3, State.KNOWN)]
)
def test_where_hardly_anything_ran_nothing_is_known(ran: int, skipped: int, state: State) -> None:
    reading = read_files({"r.xml": junit(*[""] * ran, *["<skipped/>"] * skipped)})
    assert reading.state is state
    assert ("99 of 100 tests were skipped" in reading.problem) == (state is State.MISSING)


def dated(day: int) -> bytes:
    moment = datetime.fromtimestamp(NOW - 86_400 * day, UTC).isoformat()
    return f'<testsuite timestamp="{moment}"><testcase name="a"/></testsuite>'.encode()


def test_reports_of_before_the_commit_are_stale_unless_one_is_newer() -> None:
    old = read_files({"a.xml": dated(2), "b.xml": dated(3)}, committed=NOW - 86_400)
    assert old.state is State.STALE
    assert "before the commit" in old.problem
    cached = read_files({"a.xml": dated(0), "b.xml": dated(3)}, committed=NOW - 86_400)
    assert (cached.state, cached.measured) == (State.KNOWN, NOW)


@pytest.mark.parametrize(
    ("modified", "committed", "state"),
    [
        (NOW - 7_200, NOW - 60, State.STALE),
        # The clock of whoever commits may be ahead a little; a commit of tomorrow says nothing at all.
        (NOW - 1_800, NOW - 60, State.KNOWN),
        (NOW - 7_200, NOW + 86_400, State.KNOWN),
        # What makes builds reproducible gives files no time, and there may be no commit to compare with.
        (1, NOW - 60, State.KNOWN),
        (NOW - 7_200, 0, State.KNOWN),
    ],
)
def test_without_a_time_of_its_own_that_of_the_file_counts(modified: int, committed: int, state: State) -> None:
    assert read_files({"a.xml": junit("")}, modified=modified, committed=committed).state is state


def read_files(files: dict[str, bytes], *, modified: int = 0, committed: int = 0) -> Reading:
    ports = Ports(workspace=FakeWorkspace(files, modified=modified), now=lambda: float(NOW))
    return passed_tests(of_checks(), NOTHING, ports, Settings(test_reports=tuple(files)), committed=committed)
