"""How many tests failed in a run is told wherever its result is read, and is no count of what was listed."""

from dataclasses import replace

from cicd_agent.analysis.logs.extract import FailedTests
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.effects import Annotation, Comment, Output, Summary
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.analyse_failure.attribution.path_match import find_locations
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedJob, FailedRun
from cicd_agent.modes.analyse_failure.exhibits import exhibits
from cicd_agent.modes.analyse_failure.failed_tests import failed_tests
from cicd_agent.modes.analyse_failure.report import report
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.protocol import Account
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.builders import PATHS, change, failed_run, job
from tests.modes.analyse_failure.model_builders import evidence

TESTS = "tests/test_client.py"


def log_of(refused: int, *others: str) -> bytes:
    """What pytest prints where most tests meet no server, and some others fail."""
    reports = "".join(
        f"____________ test_call_{n} ____________\n\n>       get({n})\n{TESTS}:57: in test_call_{n}\n"
        f"src/client.py:3: in get\nE       ConnectionRefusedError: no server at 127.0.0.1:{4000 + n}\n\n"
        for n in range(refused)
    )
    summary = "".join(f"FAILED {TESTS}::test_call_{n} - ConnectionRefusedError: no s...\n" for n in range(refused))
    rest = "".join(f"FAILED {TESTS}::{name} - KeyError: '{name}'\n" for name in others)
    return f"{reports}{summary}{rest}=== {refused + len(others)} failed, 9 passed in 5.31s ===\n".encode()


def job_of(log: bytes, name: str = "unit") -> FailedJob:
    return replace(job(name=name), extract=reduce([log], tokens=4_000), places=())


def run_of(*jobs: FailedJob, **fields: object) -> FailedRun:
    return failed_run(*jobs, **fields)


def test_the_number_and_the_groups_stand_in_the_heading_the_comment_the_summary_and_what_a_model_sees() -> None:
    found = evidence(run_of(job_of(log_of(198, *"abcdef"))))
    diagnosis = rules(found, Settings())
    effects = report(diagnosis, found, Account(), Settings()).effects
    [comment] = [each.body for each in effects if isinstance(each, Comment)]
    [summary] = [each.body for each in effects if isinstance(each, Summary)]
    [sentence] = [each.value for each in effects if isinstance(each, Output) and each.name == "summary"]
    assert "(198 of 204 tests failed)" in sentence
    for text in (comment, summary):
        assert "198 of 204 tests failed" in text
        assert all(f"`{TESTS}::test_call_{n}`" in text for n in range(3))
        assert "other failure" not in text
    assert "no server at 127.0.0.1:4000` · 198 tests, first three: " in comment
    assert "no server at 127.0.0.1:4002" in summary, "each of the first three with its own message"
    facts = next(each.text for each in exhibits(diagnosis, found, Settings()) if each.id == "FOUND")
    assert "198 tests failed alike: ConnectionRefusedError: no server at" in facts


def test_an_annotation_says_how_many_tests_failed() -> None:
    read = job_of(log_of(12))
    located = replace(read, places=find_locations(read.extract, PATHS))
    found = evidence(run_of(located), change=change("src/client.py"))
    diagnosis = rules(found, Settings())
    notes = [each for each in report(diagnosis, found, Account(), Settings()).effects if isinstance(each, Annotation)]
    assert notes
    assert all("12 tests failed" in each.message for each in notes)


def test_jobs_of_a_matrix_count_their_tests_once_and_shards_add_up() -> None:
    twice = run_of(job_of(log_of(5), "unit (3.12)"), job_of(log_of(5), "unit (3.13)"))
    assert failed_tests(twice).count == 5
    shards = run_of(job_of(log_of(0, "a", "b"), "unit (1)"), job_of(log_of(0, "c"), "unit (2)"))
    assert failed_tests(shards).count == 3
    other = run_of(job_of(log_of(5), "unit"), job_of(log_of(0, "a"), "integration"))
    assert failed_tests(other).count == 6


def test_a_test_report_that_has_more_tests_than_the_log_is_believed() -> None:
    cases = tuple(Case(f"test_{n}", "tests.test_io", Outcome.FAILED, message=f"OSError: gone {n}") for n in range(7))
    found = failed_tests(run_of(job_of(log_of(2)), cases=cases))
    assert (found.count, [(group.message, group.count) for group in found.alike]) == (7, [("OSError: gone 0", 7)])


def test_one_test_or_none_is_no_number() -> None:
    for failed in (run_of(job_of(log_of(0, "a"))), run_of()):
        found = Evidence(evidence().event).put(FAILED_RUN, failed)
        [summary] = [
            each.body
            for each in report(rules(found, Settings()), found, Account(), Settings()).effects
            if isinstance(each, Summary)
        ]
        assert "tests failed" not in summary
    assert failed_tests(run_of()) == FailedTests()
