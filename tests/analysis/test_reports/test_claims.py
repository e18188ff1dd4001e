"""What a report says of itself: a lie that makes a run look better is found, and what ordinary tools count is none."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_reports.claims import contradiction, written_by
from tests.support.samples.junit import SAMPLES, Sample

OUTCOMES = {"passed": "", "failures": "<failure/>", "errors": "<error/>", "skipped": "<skipped/>"}


def suite(*cases: str, name: str = "s", counts: Mapping[str, object] | None = None, **more: object) -> str:
    numbers = "".join(f' {key}="{value}"' for key, value in {**(counts or {}), **more}.items())
    inside = "".join(f'<testcase name="{at}">{case}</testcase>' for at, case in enumerate(cases))
    return f'<testsuite name="{name}"{numbers}>{inside}</testsuite>'


def doubt(*suites: str) -> str:
    return contradiction(f"<testsuites>{''.join(suites)}</testsuites>".encode())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.tool)
def test_no_dialect_contradicts_itself(sample: Sample) -> None:
    assert contradiction(sample.xml.encode()) == ""


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (suite("", tests=100, failures=60), "it counts 60 failures that no case of it shows"),
        (suite("", "", tests=3, failures=0, errors=1), "it counts 1 failure that no case of it shows"),
        (suite("", tests=100, failures=0), "it counts 100 tests and lists 99 fewer"),
        (suite("", tests=100, name="pytest"), "it counts 100 tests and lists 99 fewer"),
        (suite(tests=1), "it counts 1 test and lists 1 fewer"),
        (suite("<failure/>", *[""] * 200, tests=20, failures=1), "it counts 20 tests and lists 181 more that passed"),
    ],
)
def test_numbers_that_make_a_run_look_better_than_its_cases_are_a_contradiction(report: str, problem: str) -> None:
    assert doubt(report) == problem


def test_what_the_whole_counts_and_no_suite_shows_is_hidden() -> None:
    text = f'<testsuites tests="3" failures="1">{suite("", tests=1)}{suite("", tests=1)}</testsuites>'
    assert contradiction(text.encode()) == "it counts 1 failure that no case of it shows"


@pytest.mark.parametrize(
    "report",
    [
        # pytest: a fault of the tear-down is an error beside the test that passed, and subtests are tests.
        suite("", "<error/>", tests=3, errors=1, name="pytest"),
        suite(*[""] * 765, tests=21_959, name="pytest"),
        # Its plugin for reruns lists each attempt, and counts the last.
        suite("", "", "", tests=1, name="pytest"),
        # Surefire, after a rerun: what it counts is the rerun alone.
        suite("<flakyFailure/>", "<rerunFailure/>", *[""] * 9, tests=1, failures=0),
        # Several failures of one case: assertions of Catch2, subtests.
        suite("<failure/><failure/><failure/>", tests=3, failures=3, errors=0),
        '<testsuite tests="900" failures="0"><testcase name="a" status="run"/></testsuite>',
        '<testsuite tests="3" failures="1"><testcase name="a" status="failed"/><testcase name="b"/></testsuite>',
        # Those that are skipped are not listed by all tools, and some count nothing.
        suite("", tests=5, skipped=4),
        suite("", "<failure/>"),
        suite("", tests="", failures="none", errors="-1"),
        suite("", "", tests=0),
        # The outer one has counts of its own, or the sum.
        f'<testsuite tests="0" failures="0">{suite("", "<failure/>", tests=2, failures=1)}</testsuite>',
        f'<testsuite tests="2" failures="1">{suite("", "<failure/>", tests=2, failures=1)}</testsuite>',
    ],
)
def test_what_ordinary_tools_count_otherwise_is_no_contradiction(report: str) -> None:
    assert doubt(report) == ""


@given(st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=30), st.data())
def test_a_report_that_counts_its_cases_is_sound_until_a_failure_is_taken_out(
    outcomes: list[str], data: st.DataObject
) -> None:
    counts = {name: outcomes.count(name) for name in ("failures", "errors", "skipped")} | {"tests": len(outcomes)}
    assert doubt(suite(*(OUTCOMES[each] for each in outcomes), counts=counts)) == ""
    if bad := [at for at, each in enumerate(outcomes) if each in {"failures", "errors"}]:
        at = data.draw(st.sampled_from(bad))
        assert doubt(suite(*(OUTCOMES[each] for each in outcomes[:at] + outcomes[at + 1 :]), counts=counts))
        hidden = [*outcomes[:at], "passed", *outcomes[at + 1 :]]
        assert doubt(suite(*(OUTCOMES[each] for each in hidden), counts=counts))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<testsuite tests='{text}'>".encode()))
def test_nothing_that_a_file_may_hold_is_an_exception(data: bytes) -> None:
    assert isinstance(contradiction(data), str)
    assert written_by(data) is None


@pytest.mark.parametrize(
    ("report", "moment"),
    [
        (b'<testsuite timestamp="2026-11-23T12:00:00+01:00"/>', (2026, 11, 23, 11)),
        (
            b'<testsuite timestamp="2026-11-23T12:00:00Z"/><testsuite timestamp="2026-11-23T14:00:00Z"/>',
            (2026, 11, 23, 14),
        ),
        # It may come from Hawaii or from Samoa.
        (b"<testsuite timestamp='2026-11-22T20:00:00'/>", (2026, 11, 23, 8)),
        (b'<coverage timestamp="1795435200000"/>', (2026, 11, 23, 12)),
        (b'<coverage generated="1795435200"/>', (2026, 11, 23, 12)),
        (b'<report><sessioninfo id="a" start="1" dump="1795435200000"/>', (2026, 11, 23, 12)),
        (b'{"meta": {"timestamp": "2026-11-23T00:00:00"}}', (2026, 11, 23, 12)),
        (b'{"startTime":1795435200000}', (2026, 11, 23, 12)),
    ],
)
def test_the_time_of_a_report_is_read_in_the_words_of_each_tool(
    report: bytes, moment: tuple[int, int, int, int]
) -> None:
    written = written_by(report)
    assert written is not None
    assert int(written) == datetime(*moment, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "time", ["", "0", "yesterday", "1970-01-01T00:00:00Z", "9999-99-99", "99999999999999", "0000000000"]
)
def test_what_is_no_time_says_nothing(time: str) -> None:
    assert written_by(f'<testsuite timestamp="{time}"/>'.encode()) is None
