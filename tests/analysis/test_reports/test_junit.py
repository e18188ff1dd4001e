"""JUnit XML as real runners write it: of every dialect the failing case comes out with what the report says of it."""

import pytest

from cicd_agent.analysis.test_reports import junit
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.analysis.test_reports.junit import parse
from tests.support.samples.junit import SAMPLES, Sample


def cases(xml: str) -> tuple[Case, ...]:
    found, notes = parse(xml.encode(), "r.xml")
    assert notes == ()
    return found


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.tool)
def test_the_failing_case_of_each_dialect_is_found_with_its_words(sample: Sample) -> None:
    found = cases(sample.xml)
    assert len(found) == sample.cases
    (one,) = (case for case in found if case.failed or case.flaked)
    assert (one.name, one.suite, one.message) == (sample.name, sample.suite, sample.message)
    assert (one.outcome, one.flaked, one.error) == (sample.outcome, sample.flaked, sample.error)
    assert (one.file, one.line, one.source) == (sample.file, sample.line, "r.xml")
    assert sample.detail in one.detail
    assert "noise" not in one.detail


def test_a_time_with_thousands_is_read_and_one_that_is_none_is_not() -> None:
    xml = "".join(
        f'<testcase name="a" time="{time}"/>' for time in ("1,234.5", "0.01", "", "soon", "nan", "1e999", "-1")
    )
    assert [case.seconds for case in cases(f"<testsuite>{xml}</testsuite>")] == [1234.5, 0.01, *[None] * 5]


def test_a_case_that_only_says_so_in_an_attribute_counts_too() -> None:
    found = cases('<testsuite><testcase name="a" status="failed"/><testcase name="b" result="skipped"/></testsuite>')
    assert [case.outcome for case in found] == [Outcome.FAILED, Outcome.SKIPPED]


def test_a_suite_that_fails_itself_is_a_case() -> None:
    (found,) = cases('<testsuites><testsuite name="set-up"><error message="no database"/></testsuite></testsuites>')
    assert (found.name, found.outcome, found.message) == ("set-up", Outcome.ERROR, "no database")


def test_a_case_without_any_name_is_not_lost() -> None:
    assert [case.name for case in cases("<testsuite><testcase><failure/></testcase></testsuite>")] == ["(unnamed)"]


def test_a_class_that_every_case_has_is_no_name_of_a_suite() -> None:
    """Node's reporter writes it."""
    found = cases('<testsuites><testsuite name="sum"><testcase name="ok" classname="test"/></testsuite></testsuites>')
    assert [case.suite for case in found] == ["sum"]


def go(*tests: str) -> str:
    head = '<testsuite name="p"><properties><property name="go.version" value="go1.24"/></properties>'
    return f"{head}{''.join(tests)}</testsuite>"


PASSED = '<testcase classname="p" name="TestA"/>'
FAILED = '<testcase classname="p" name="TestA"><failure message="boom"/></testcase>'


@pytest.mark.parametrize(
    ("tests", "outcome", "flaked"),
    [
        ((FAILED, PASSED), Outcome.PASSED, True),
        ((FAILED, FAILED, PASSED), Outcome.PASSED, True),
        ((PASSED, FAILED), Outcome.FAILED, True),
        ((FAILED, PASSED, FAILED), Outcome.FAILED, True),
        ((FAILED, FAILED), Outcome.FAILED, False),
        ((PASSED, PASSED), Outcome.PASSED, False),
    ],
)
def test_a_go_test_that_stands_there_twice_was_run_twice(
    tests: tuple[str, ...], outcome: Outcome, *, flaked: bool
) -> None:
    (found,) = cases(go(*tests))
    assert (found.outcome, found.flaked) == (outcome, flaked)
    assert found.message == ("boom" if FAILED in tests else "")


def test_the_same_go_test_of_two_packages_is_two() -> None:
    assert len(cases(f"<testsuites>{go(FAILED)}{go(PASSED)}</testsuites>")) == 2


def test_names_that_repeat_in_other_dialects_prove_nothing() -> None:
    """Parameterised tests of Java may all have one name: one that fails beside one that passes is no flaky test."""
    found = cases(f'<testsuite name="p">{FAILED}{PASSED}</testsuite>')
    assert [(case.outcome, case.flaked) for case in found] == [(Outcome.FAILED, False), (Outcome.PASSED, False)]


def test_pytest_may_write_an_attempt_that_failed_as_if_it_had_passed() -> None:
    (found,) = cases(f'<testsuite name="pytest">{PASSED}{FAILED}</testsuite>')
    assert (found.outcome, found.flaked) == (Outcome.FAILED, False)


def test_a_flaky_test_that_is_configured_to_fail_has_failed_and_flaked() -> None:
    (found,) = cases(
        '<testsuite><testcase name="a"><failure message="passed on attempt 2/3 but is configured to fail when flaky"/>'
        '<flakyFailure message="panicked">at src/main.rs:13:9</flakyFailure></testcase></testsuite>'
    )
    assert (found.outcome, found.flaked, found.detail) == (Outcome.FAILED, True, "at src/main.rs:13:9")


def test_a_long_detail_keeps_its_beginning_and_its_end() -> None:
    text = "first line\n" + "x" * 100_000 + "\nlast line"
    (found,) = cases(f'<testsuite><testcase name="a"><failure>{text}</failure></testcase></testsuite>')
    assert found.detail.startswith("first line")
    assert found.detail.endswith("last line")
    assert "characters left out" in found.detail
    assert len(found.detail) <= 4_000


def test_colours_are_left_out_and_other_controls_shown() -> None:
    message = "&#x1b;[31mred&#27;[0m&#0;\x01#x1B[1m\u202ex"
    (found,) = cases(f'<testsuite><testcase name="a"><failure message="{message}"/></testcase></testsuite>')
    assert found.message == "red\ufffd\ufffd<U+202E>x"


@pytest.mark.parametrize(
    "raw",
    [
        '<?xml version="1.0" encoding="utf-16"?><testsuite><testcase name="é"/></testsuite>'.encode("utf-16"),
        '<?xml version="1.0" encoding="utf-16"?><testsuite><testcase name="é"/></testsuite>'.encode(),
        '\ufeff \n<?xml version="1.0"?><testsuite><testcase name="é"/></testsuite>'.encode(),
        '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite><testcase name="é"/></testsuite>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252"?><testsuite><testcase name="é"/></testsuite>'.encode("cp1252"),
        '<?xml version="1.0" encoding="punycode"?><testsuite><testcase name="é"/></testsuite>'.encode(),
        '<testsuite><testcase name="é"/></testsuite>'.encode("utf-16-le"),
        '<x:testsuite xmlns:x="urn:x"><x:testcase name="é"/></x:testsuite>'.encode(),
    ],
)
def test_the_encoding_is_the_one_in_use_not_the_one_that_is_claimed(raw: bytes) -> None:
    found, notes = parse(raw, "r.xml")
    assert [case.name for case in found] == ["é"]
    assert notes == ()


def test_a_byte_that_is_not_of_the_encoding_costs_one_character() -> None:
    found, notes = parse(b'<testsuite><testcase name="caf\xe9"/></testsuite>', "r.xml")
    assert ([case.name for case in found], notes) == (["caf\ufffd"], ())


def test_more_cases_than_are_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "MAX_CASES", 2)
    found, notes = parse(b"<testsuite>" + b'<testcase name="a"/>' * 3 + b"</testsuite>", "r.xml")
    assert (len(found), notes) == (2, ("cases beyond the first 200,000 were left out",))


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"", "it is no XML"),
        (b"nothing", "it is no XML"),
        (b"<html><testcase/></html>", "it is no JUnit report: its first element is <html>"),
    ],
)
def test_what_is_no_report_is_one_sentence(raw: bytes, note: str) -> None:
    assert parse(raw, "r.xml") == ((), (note,))
