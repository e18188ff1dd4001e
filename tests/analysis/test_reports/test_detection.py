"""What a file of an artifact is stands in the file: each kind of report is known by its content, whatever its name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_reports import xml_stream
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.analysis.test_reports.detection import Kind, Report, read_report

TRX = """<?xml version="1.0" encoding="utf-8"?>
<TestRun id="a1" name="host" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
<UnitTestResult executionId="e1" testId="t1" testName="Adds" duration="00:00:00.0034567" outcome="Passed" />
<UnitTestResult executionId="e2" testId="t2" testName="Divides" duration="01:00:01.5000000" outcome="Failed"><Output>
<StdOut>dividing now</StdOut><ErrorInfo><Message>Assert.Equal() Failure&#xD;
Expected: 2</Message><StackTrace>   at Acme.CalcTests.Divides() in C:\\ws\\CalcTests.cs:line 21</StackTrace></ErrorInfo>
</Output></UnitTestResult>
<UnitTestResult executionId="e3" testId="t3" testName="Skips" outcome="NotExecuted" /></Results>
<TestDefinitions><UnitTest name="Adds" id="t1"><TestMethod className="Acme.CalcTests" name="Adds"/></UnitTest>
<UnitTest name="Divides" id="t2"><TestMethod className="Acme.CalcTests, Acme, Version=1.0.0.0" name="Divides"/>
</UnitTest></TestDefinitions><ResultSummary outcome="Failed"><RunInfos><RunInfo computerName="h" outcome="Error">
<Text>The active test run was aborted. Reason: Test host process crashed</Text></RunInfo><RunInfo outcome="Warning">
<Text>No test matches</Text></RunInfo></RunInfos></ResultSummary></TestRun>"""

GO = [
    {"Action": "start", "Package": "app/calc"},
    {"Action": "run", "Package": "app/calc", "Test": "TestAdd"},
    {"Action": "output", "Package": "app/calc", "Test": "TestAdd", "Output": "=== RUN   TestAdd\n"},
    {"Action": "output", "Package": "app/calc", "Test": "TestAdd", "Output": "    calc_test.go:9: got 3\n"},
    {"Action": "fail", "Package": "app/calc", "Test": "TestAdd", "Elapsed": 0.5},
    {"Action": "pass", "Package": "app/calc", "Test": "TestOk", "Elapsed": 0},
    {"Action": "fail", "Package": "app/calc", "Elapsed": 0.7},
    {"ImportPath": "app/net [app/net.test]", "Action": "build-output", "Output": "net/net.go:3:1: undefined: x\n"},
    {"ImportPath": "app/net [app/net.test]", "Action": "build-fail"},
    {"Action": "fail", "Package": "app/net", "Elapsed": 0, "FailedBuild": "app/net [app/net.test]"},
]

JEST: dict[str, Any] = {
    "numFailedTests": 1,
    "testResults": [
        {
            "name": "/app/src/sum.test.js",
            "status": "failed",
            "assertionResults": [
                {
                    "ancestorTitles": ["sum"],
                    "title": "fails",
                    "status": "failed",
                    "duration": 4,
                    "failureMessages": ["Error: expected 4\n    at src/sum.test.js:8:21"],
                    "location": {"line": 7, "column": 3},
                },
                {"ancestorTitles": ["sum"], "title": "flaky", "status": "passed", "retryReasons": ["Error: reset"]},
                {"title": "later", "status": "todo"},
            ],
        },
        {"name": "/app/src/bad.test.js", "status": "failed", "message": "SyntaxError: x", "assertionResults": []},
    ],
}

PYTEST: dict[str, Any] = {
    "exitcode": 1,
    "root": "/app",
    "collectors": [{"nodeid": "tests/test_bad.py", "outcome": "failed", "longrepr": "ImportError: no x"}],
    "tests": [
        {
            "nodeid": "tests/test_a.py::TestB::test_c[1]",
            "lineno": 0,
            "outcome": "failed",
            "setup": {"duration": 0.5, "outcome": "passed"},
            "call": {
                "duration": 1.0,
                "outcome": "failed",
                "crash": {"path": "/app/tests/test_a.py", "lineno": 3, "message": "assert 1 == 2"},
                "longrepr": "E   assert 1 == 2",
            },
        },
        {"nodeid": "tests/test_a.py::test_ok", "lineno": 4, "outcome": "passed"},
    ],
}


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def read(data: bytes) -> Report:
    return read_report("artifact/file", data)


def bad(report: Report) -> list[Case]:
    assert report.notes == ()
    return [case for case in report.cases if case.failed or case.flaked]


def test_trx_has_the_class_of_each_case_and_what_became_of_the_run() -> None:
    report = read(TRX.encode())
    failed, run = bad(report)
    assert (report.kind, len(report.cases)) == (Kind.TRX, 4)
    assert (failed.name, failed.suite, failed.seconds) == ("Divides", "Acme.CalcTests", 3601.5)
    assert failed.message == "Assert.Equal() Failure Expected: 2"
    assert "CalcTests.cs:line 21" in failed.detail
    assert (run.name, run.outcome) == ("test run", Outcome.ERROR)
    assert run.message.startswith("The active test run was aborted.")


def test_trx_that_is_cut_off_keeps_what_it_has_said() -> None:
    report = read(TRX[: TRX.index("</ErrorInfo>")].encode())
    assert [case.name for case in report.cases] == ["Adds", "Divides"]
    assert len(report.notes) == 1


@pytest.mark.parametrize("head", [b"", b"go: downloading example.com/x v1.0.0\n"])
def test_go_events_become_cases_and_a_package_that_did_not_build_is_one(head: bytes) -> None:
    report = read(head + lines(*GO))
    failed, unbuilt = (case for case in report.cases if case.failed)
    assert (report.kind, len(report.cases)) == (Kind.GO_TEST, 3)
    assert (failed.suite, failed.name, failed.seconds) == ("app/calc", "TestAdd", 0.5)
    assert failed.message == "calc_test.go:9: got 3"
    assert (unbuilt.name, unbuilt.outcome, unbuilt.message) == (
        "app/net",
        Outcome.ERROR,
        "net/net.go:3:1: undefined: x",
    )
    assert report.notes == (("1 line without an event of `go test -json` left out",) if head else ())


def test_a_go_test_that_failed_and_passed_in_one_run_has_flaked() -> None:
    event = {"Package": "p", "Test": "TestA"}
    (found,) = bad(read(lines(event | {"Action": "fail"}, event | {"Action": "pass"})))
    assert (found.outcome, found.flaked) == (Outcome.PASSED, True)


def test_go_events_as_powershell_redirects_them_are_read() -> None:
    assert len(read(lines(*GO).decode().encode("utf-16")).cases) == 3


def test_jest_says_where_its_tests_stand_and_which_it_had_to_retry() -> None:
    report = read(json.dumps(JEST).encode())
    failed, flaky, broken = bad(report)
    assert (report.kind, len(report.cases)) == (Kind.JEST, 4)
    assert (failed.name, failed.suite) == ("fails", "/app/src/sum.test.js > sum")
    assert (failed.file, failed.line, failed.seconds) == ("/app/src/sum.test.js", 7, 0.004)
    assert failed.message == "Error: expected 4"
    assert (flaky.flaked, flaky.outcome, flaky.message) == (True, Outcome.PASSED, "Error: reset")
    assert (broken.outcome, broken.message) == (Outcome.ERROR, "SyntaxError: x")


def test_pytest_names_the_file_of_each_test_and_counts_lines_from_0() -> None:
    report = read(json.dumps(PYTEST).encode())
    uncollected, failed = bad(report)
    assert report.kind is Kind.PYTEST
    assert (uncollected.file, uncollected.outcome) == ("tests/test_bad.py", Outcome.ERROR)
    assert (failed.suite, failed.name) == ("tests/test_a.py", "TestB::test_c[1]")
    assert (failed.file, failed.line, failed.seconds) == ("tests/test_a.py", 1, 1.5)
    assert (failed.message, failed.detail) == ("assert 1 == 2", "E   assert 1 == 2")


def test_a_test_that_pytest_ran_again_until_it_passed_has_flaked() -> None:
    again = {"nodeid": "a.py::test_net", "outcome": "rerun", "call": {"outcome": "passed"}}
    (found,) = bad(read(json.dumps({"exitcode": 0, "tests": [again]}).encode()))
    assert (found.outcome, found.flaked) == (Outcome.PASSED, True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'<testsuite><testcase name="a"/></testsuite>', Kind.JUNIT),
        (b'{"version": "2.1.0", "runs": []}', Kind.SARIF),
        (b'<coverage line-rate="1"/>', Kind.COVERAGE),
        (b'<report name="x"><sourcefile name="a"/><counter type="LINE"/></report>', Kind.COVERAGE),
        (b"mode: atomic\n", Kind.COVERAGE),
        (b"TN:\nSF:a.c\n", Kind.COVERAGE),
        (b'{"meta": {}, "files": {"a": {"executed_lines": []}}}', Kind.COVERAGE),
    ],
)
def test_a_kind_is_told_by_the_content(data: bytes, kind: Kind) -> None:
    report = read(data)
    assert (report.kind, report.notes) == (kind, ())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b" \n\0", "it is empty"),
        (b"PK\x03\x04", "it is no report that we know (neither XML nor JSON)"),
        (b"<html/>", "it is no report that we know (its first element is <html>)"),
        (b"<", "it is no XML"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite/>", xml_stream.REFUSED),
        (b'{"a": ', "it is no report that we know (broken JSON)"),
        (b"[" * 100_000, "it is no report that we know (broken JSON)"),
        (b"[]", "it is no report that we know (JSON of another kind)"),
        (b'{"name": "app"}', "it is no report that we know (JSON of another kind)"),
    ],
)
def test_what_is_no_report_is_one_sentence(data: bytes, why: str) -> None:
    assert read(data) == Report(Kind.UNKNOWN, (), (why,))


WRONG = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real report in which some values are of a wrong type."""

    def damage(value: Any) -> Any:
        if draw(st.integers(0, 9)) == 0:
            return draw(WRONG)
        if isinstance(value, dict):
            return {key: damage(each) for key, each in value.items()}
        return [damage(each) for each in value] if isinstance(value, list) else value

    which = draw(st.sampled_from(["go", "jest", "pytest"]))
    if which == "go":
        return lines(GO[0], *(damage(event) for event in GO))
    top = {**(JEST if which == "jest" else PYTEST)}
    return json.dumps({key: damage(each) if isinstance(each, list) else each for key, each in top.items()}).encode()


@given(damaged())
def test_values_of_wrong_types_are_never_an_exception(data: bytes) -> None:
    for case in read(data).cases:
        assert case.name
        (case.name + case.suite + case.message + case.detail).encode()


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<", b"{", b"[", b'{"Action":"', b"<TestRun>", b"mode: ", b"SF:"])
)
def test_any_bytes_are_no_exception(data: bytes, start: bytes) -> None:
    assert all("\n" not in note for note in read(start + data).notes)
