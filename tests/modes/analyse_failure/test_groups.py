"""What failed is told once, in the tool's own words, the most decisive first."""

from dataclasses import replace

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Kind
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.events.workflow_run import JobRun, RunNote
from cicd_agent.modes.analyse_failure.evidence import FailedJob, LogSource, Role
from cicd_agent.modes.analyse_failure.groups import MAX_DECISIVE, failures, fingerprints, groups
from tests.modes.analyse_failure.builders import EXIT, STRICT, extract, failed_run, job, lost, problem

HEADING = problem(
    line=30,
    first=30,
    last=44,
    text="_______ TestClient.test_retry_limit _______",
    test="TestClient.test_retry_limit",
    score=1.0,
    strict="a" * 16,
)
ERROR = problem(test="", strict="b" * 16)
SUMMARY = problem(
    line=48, first=48, last=48, score=0.75, strict="c" * 16, frames=(),
    text="FAILED tests/test_client.py::TestClient::test_retry_limit - assert 5 == 3",
    test="tests/test_client.py::TestClient::test_retry_limit",
)  # fmt: skip
COUNT = problem(
    line=49,
    first=49,
    last=49,
    text="=== 1 failed, 12 passed in 0.3s ===",
    test="",
    frames=(),
    score=0.4,
    strict="d" * 16,
)
OTHER = problem(line=10, first=9, last=12, test="test_codec", text="E  KeyError: 'x'", strict="e" * 16, score=0.9)


def test_what_one_tool_says_in_three_places_is_one_failure() -> None:
    (failure,) = failures(failed_run(job(HEADING, ERROR, SUMMARY, COUNT)))
    assert failure.title == "assert 5 == 3", "the error, not the test's heading"
    assert failure.test == SUMMARY.test, "by its whole name"
    assert (failure.kind, failure.tool, failure.step) == (Kind.TEST_FAILURE, "pytest", "Run pytest")


def test_two_tests_are_two_failures() -> None:
    found = failures(failed_run(job(HEADING, ERROR, OTHER)))
    assert [failure.test for failure in found] == ["TestClient.test_retry_limit", "test_codec"]


def test_the_decisive_lines_hold_what_says_it_and_are_few() -> None:
    (failure,) = failures(failed_run(job(HEADING, ERROR, SUMMARY)))
    assert len(failure.decisive) == MAX_DECISIVE
    assert {30, 40, 48} <= {line.number for line in failure.decisive}
    assert [line.number for line in failure.decisive] == sorted(line.number for line in failure.decisive)
    assert all((line.job, line.step) == ("unit", "Run pytest") and line.url for line in failure.decisive)


def test_a_line_that_is_not_kept_is_told_in_the_problems_words() -> None:
    bare = replace(job(problem()), extract=Extract((), (), (problem(),), 60))
    assert [(line.number, line.text) for line in failures(failed_run(bare))[0].decisive] == [
        (40, "E       assert 5 == 3")
    ]


def test_siblings_of_a_matrix_are_named_once() -> None:
    jobs = [job(problem(strict=f"{n}" * 16), name=f"unit (3.1{n})") for n in range(1, 4)]
    (failure,) = failures(failed_run(*jobs, job(problem(strict="9" * 16, test="test_other"), name="docs")))[:1]
    assert (failure.job, failure.siblings) == ("unit (3.11)", ("unit (3.12)", "unit (3.13)"))


def test_the_same_fingerprint_is_the_same_failure_in_any_job() -> None:
    (failure,) = failures(failed_run(job(problem()), job(problem(), name="windows")))
    assert failure.siblings == ("windows",)
    assert failure.strict == STRICT


def test_other_words_for_the_same_test_are_another_fingerprint() -> None:
    (one,) = failures(failed_run(job(HEADING, ERROR)))
    (other,) = failures(failed_run(job(HEADING, replace(ERROR, strict="f" * 16))))
    assert one.strict
    assert one.strict != other.strict


def test_tools_come_before_wrappers_novel_before_known_and_what_counts_before_what_is_tolerated() -> None:
    wrapped = job(name="wrapped")
    known = job(problem(novel=False, strict="", test="test_known"), name="known")
    tolerated = job(problem(strict="8" * 16, test="test_nightly"), name="nightly", role=Role.TOLERATED)
    found = failures(failed_run(tolerated, wrapped, known, job(OTHER)))
    assert [failure.job for failure in found] == ["unit", "known", "wrapped", "nightly"]
    assert found[-1].tolerated


def test_a_wrappers_words_are_told_where_there_are_no_others() -> None:
    (failure,) = failures(failed_run(job()))
    assert failure.title == EXIT.text
    assert not groups(failed_run(job()))[0].is_explained


def test_a_victim_is_no_failure() -> None:
    assert failures(failed_run(job(problem()), job(OTHER, name="other", role=Role.VICTIM)))[0].siblings == ()
    assert failures(failed_run(job(OTHER, role=Role.UNREACHED))) == ()


def test_without_a_log_the_notes_speak_and_without_notes_the_job() -> None:
    (noted,) = failures(failed_run(lost("Process completed with exit code 1.", "No space left on device")))
    assert noted.title == "No space left on device"
    (silent,) = failures(failed_run(lost()))
    assert "unit" in silent.title
    assert not silent.decisive


def test_a_case_of_a_report_joins_the_problem_of_its_test() -> None:
    cases = (
        Case("test_retry_limit", "tests.test_client.TestClient", Outcome.FAILED, message="assert 5 == 3"),
        Case("test_only_here", "tests.test_io", Outcome.ERROR, message="OSError: gone"),
        Case("test_passes", "tests.test_io"),
    )
    found = groups(failed_run(job(HEADING, ERROR), cases=cases))
    assert [(group.failure.title, len(group.cases)) for group in found] == [("assert 5 == 3", 1), ("OSError: gone", 1)]
    assert found[1].failure.test == "tests.test_io.test_only_here"


def test_the_kind_is_refined_by_what_is_known_beside_the_tool() -> None:
    slow = replace(job(problem()), job=replace(job().job, conclusion="timed_out"))
    assert failures(failed_run(slow))[0].kind is Kind.TIMEOUT
    missing = problem(kind=Kind.UNKNOWN, text="ModuleNotFoundError: No module named 'attrs'", test="")
    assert failures(failed_run(job(missing)))[0].kind is Kind.DEPENDENCY
    own = replace(missing, text="ModuleNotFoundError: No module named 'client.retry'", kind=Kind.BUILD_ERROR)
    ours = job(own, places=job(problem(frames=missing.frames)).places)
    assert failures(failed_run(ours))[0].kind is Kind.DEPENDENCY, "no place of the log lies in a package `client`"


def test_a_module_of_ones_own_that_is_missing_is_no_dependency() -> None:
    own = problem(kind=Kind.BUILD_ERROR, text="ModuleNotFoundError: No module named 'tests.factory'", test="")
    assert failures(failed_run(job(own)))[0].kind is Kind.BUILD_ERROR


def test_what_no_tool_says_is_left_out_beside_what_one_says() -> None:
    guess = problem(tool="", text="something went wrong", test="", score=0.9, line=2, first=2, last=2, strict="7" * 16)
    assert len(failures(failed_run(job(problem(), guess)))) == 1
    assert failures(failed_run(job(guess)))[0].title == "something went wrong"


def test_a_step_of_its_own_is_kept_with_each_line() -> None:
    fails = problem(step="")
    kept = (ExtractLine(40, fails.text, 1.0, step="Test"),)
    bare = FailedJob(JobRun(1, "unit"), extract=Extract(kept, (), (fails,), 60), source=LogSource.FILE)
    assert failures(failed_run(bare))[0].decisive[0].step == "Test"


def test_the_title_is_one_short_line() -> None:
    (failure,) = failures(failed_run(job(problem(text="E   " + "x" * 5_000))))
    assert len(failure.title) == 200
    (noted,) = failures(failed_run(replace(lost(), notes=(RunNote("failure", "one\ntwo", "Title"),))))
    assert noted.title == "Title one two"


def test_many_failures_are_told_up_to_a_limit() -> None:
    many = [problem(line=n, first=n, last=n, test=f"test_{n}", strict=f"{n:016x}") for n in range(60)]
    broken = replace(job(), extract=extract(*many))
    assert (
        len(failures(failed_run(broken, cases=tuple(Case(f"c{n}", outcome=Outcome.FAILED) for n in range(900))))) == 50
    )


def test_where_a_tool_names_the_test_alone_the_error_below_it_is_told_and_known_again() -> None:
    heading = problem(text="FAIL: test_total (tests.test_bill.BillTest)", test="test_total (tests.test_bill.BillTest)")

    def failing(error: str) -> FailedJob:
        kept = (
            ExtractLine(40, heading.text, 1.0),
            ExtractLine(43, 'File "x.py", line 3', 0.9),
            ExtractLine(44, error, 0.9),
        )
        return replace(job(heading), extract=Extract(kept, (), (heading,), 60))

    first, again, other = (
        failures(failed_run(failing(error)))[0]
        for error in ("AssertionError: 11 != 12", "AssertionError: 17 != 18", "KeyError: 'total'")
    )
    assert first.title == "AssertionError: 11 != 12"
    assert first.strict == again.strict != other.strict
    assert 44 in {line.number for line in first.decisive}
    assert first.strict in fingerprints(failing("AssertionError: 1 != 2"))
    assert first.strict not in fingerprints(failing("KeyError: 'total'"))


def test_a_summary_that_was_cut_is_told_in_full() -> None:
    cut = replace(SUMMARY, text="FAILED tests/test_client.py::TestClient::test_retry_limit - TypeError: uns...")
    heading = replace(HEADING, first=30, last=44)
    kept = (ExtractLine(30, heading.text, 1.0), ExtractLine(41, "E       TypeError: unsupported operand type", 1.0))
    (failure,) = failures(failed_run(replace(job(), extract=Extract(kept, (), (heading, cut), 60))))
    assert failure.title == "TypeError: unsupported operand type"
