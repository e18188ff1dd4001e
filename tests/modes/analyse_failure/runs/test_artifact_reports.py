"""Reports among a run's artifacts: which files they are, and each failing case once, with what could not be read."""

import json
from fnmatch import fnmatchcase
from posixpath import basename

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_reports.cases import Outcome
from cicd_agent.domain.evidence import Gap
from cicd_agent.modes.analyse_failure.runs import artifact_reports as reports
from cicd_agent.modes.analyse_failure.runs.artifact_reports import PATTERNS, failing, is_report_artifact


def is_report(path: str) -> bool:
    """Whether the file would be unpacked of an artifact."""
    return any(fnmatchcase(basename(path).lower(), pattern.lower()) for pattern in PATTERNS)


def junit(*cases: str) -> bytes:
    return f'<testsuites><testsuite name="s">{"".join(cases)}</testsuite></testsuites>'.encode()


def failed(name: str, message: str = "boom") -> str:
    return f'<testcase classname="c" name="{name}"><failure message="{message}">at x.py:1</failure></testcase>'


FLAKED = '<testcase classname="c" name="flaky"><flakyFailure message="reset"/></testcase>'


@pytest.mark.parametrize(
    "name",
    [
        "junit.xml", "reports/junit-3.12.xml", "build/test-results/test/TEST-com.acme.CalcTest.xml", "report.xml",
        "Test-Results.xml", "TestResults.xml", "results.trx", "go-test.json", "test_detail.xml",
        "bazel-testlogs/pkg/test.xml", "jest-results.json", ".report.json",
    ],
)  # fmt: skip
def test_files_that_test_tools_write_are_recognised(name: str) -> None:
    assert is_report(name)


@pytest.mark.parametrize(
    "name",
    [
        "pom.xml",
        "index.html",
        "package.json",
        "app.js",
        "AndroidManifest.xml",
        "junit",
        "",
        "scan.sarif",
        "coverage.xml",
    ],
)
def test_other_files_are_not(name: str) -> None:
    assert not is_report(name)


@pytest.mark.parametrize(
    "name",
    [
        "test-results", "junit", "reports", "surefire-reports", "TestResults", "unit_test_results_3.12",
        "playwright-report", "junit-ubuntu-latest", "JUnit", "pytest (3.12)", "PyTest",
    ],
)  # fmt: skip
def test_artifacts_whose_name_speaks_of_reports_are_opened(name: str) -> None:
    assert is_report_artifact(name)


@pytest.mark.parametrize(
    "name", ["dist", "wheels", "docker-image", "app-release.apk", "reportlab", "coverage-data", ""]
)
def test_other_artifacts_are_left_alone(name: str) -> None:
    assert not is_report_artifact(name)


def test_what_failed_comes_before_what_flaked_and_what_passed_not_at_all() -> None:
    passed = '<testcase classname="c" name="ok"/><testcase name="skipped"><skipped/></testcase>'
    cases, gaps = failing({"a/junit.xml": junit(FLAKED, passed, failed("bad"))})
    assert [(case.name, case.outcome, case.flaked) for case in cases] == [
        ("bad", Outcome.FAILED, False),
        ("flaky", Outcome.PASSED, True),
    ]
    assert gaps == ()


def test_a_case_that_failed_in_all_jobs_of_a_matrix_is_one() -> None:
    files = {
        "junit-3.11/junit-3.11.xml": junit(failed("bad")),
        "junit-3.12/junit-3.12.xml": junit(failed("bad")),
        "junit-windows/junit-windows-latest.xml": junit(failed("other")),
    }
    cases, _ = failing(files)
    assert [(case.name, case.source, case.also) for case in cases] == [
        ("bad", "junit-3.11/junit-3.11.xml", ("junit-3.12/junit-3.12.xml",)),
        ("other", "junit-windows/junit-windows-latest.xml", ()),
    ]


def test_cases_of_one_name_in_one_report_are_several() -> None:
    twice = junit(failed("adds(int)", "1"), failed("adds(int)", "2"))
    cases, _ = failing({"a/junit.xml": twice, "b/junit.xml": twice})
    assert [(case.message, case.also) for case in cases] == [("1", ("b/junit.xml",)), ("2", ("b/junit.xml",))]


def test_cases_of_one_name_in_reports_of_other_kinds_are_several() -> None:
    cases, _ = failing({"a/unit.junit.xml": junit(failed("bad")), "a/e2e.junit.xml": junit(failed("bad"))})
    assert [case.source for case in cases] == ["a/e2e.junit.xml", "a/unit.junit.xml"]


def test_a_case_that_failed_in_one_job_and_flaked_in_another_has_failed() -> None:
    failing_too = failed("flaky", "refused")
    (case,), _ = failing({"a/junit.xml": junit(FLAKED), "b/junit.xml": junit(failing_too)})
    assert (case.outcome, case.flaked, case.message) == (Outcome.FAILED, True, "refused")
    assert (case.source, case.also) == ("b/junit.xml", ("a/junit.xml",))


def test_what_could_not_be_read_is_told_with_its_file() -> None:
    cases, gaps = failing({"a/report.xml": b"<html/>", "b/junit.xml": junit(failed("bad"))[:-30], "c\n::error::x": b""})
    assert [case.name for case in cases] == ["bad"]
    assert gaps == (
        Gap("a/report.xml", "it is no report that we know (its first element is <html>)"),
        Gap("b/junit.xml", "it is cut off or broken at line 1 (unclosed token)"),
        Gap("c<U+000A>::error::x", "it is empty"),
    )


def test_reports_that_have_no_cases_are_no_gap() -> None:
    sarif = json.dumps({"version": "2.1.0", "runs": []}).encode()
    assert failing({"scan.sarif": sarif, "coverage.xml": b"<coverage/>", "lcov.info": b"TN:\nSF:a\n"}) == ((), ())


def test_more_cases_than_a_person_reads_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MAX_FAILING", 2)
    cases, gaps = failing({"junit.xml": junit(*(failed(f"t{number}") for number in range(3)))})
    assert [case.name for case in cases] == ["t0", "t1"]
    assert gaps == (Gap("test reports", "1 failing case beyond the first 2 were left out"),)


def test_more_files_than_are_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_MAX_FILES", 2)
    cases, gaps = failing({f"{name}/junit-{name}.xml": junit(failed(name)) for name in "xyz"})
    assert [case.name for case in cases] == ["x", "y"]
    assert [gap.what for gap in gaps] == ["test reports"]


def test_many_files_of_one_fault_are_told_together() -> None:
    _, gaps = failing({f"{number:03}.xml": b"<html/>" for number in range(80)})
    assert len(gaps) == 51
    assert gaps[-1].why.startswith("30 more files: it is no report")


def test_a_secret_in_a_message_does_not_leave() -> None:
    token = "ghp_" + "a1B2" * 9
    (case,), _ = failing({"junit.xml": junit(failed("bad", f"401 for {token}"))})
    assert token not in case.message
    assert "401 for" in case.message


CONTENT = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [junit(failed("bad")), junit(FLAKED), junit(failed("bad"))[:-9], b"SF:a\nDA:1,1\n", b'{"files": {}}']
    ),
)


@given(st.dictionaries(st.text(max_size=20), CONTENT, max_size=5))
def test_any_files_under_any_names_are_no_exception(files: dict[str, bytes]) -> None:
    cases, gaps = failing(files)
    for case in cases:
        (case.name + case.message + case.source).encode()
    for gap in gaps:
        assert "\n" not in gap.what + gap.why
    assert len(cases) <= len(files)
