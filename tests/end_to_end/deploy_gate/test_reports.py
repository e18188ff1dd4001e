"""Reports that say more than was tested: each holds by its own name, and an honest one of the same commit proceeds."""

import os
import time
from collections.abc import Callable

import pytest

from tests.support.jobs.gate import GateJobs

PASSED = '<testsuites><testsuite name="s" tests="{0}" failures="{1}">{2}</testsuite></testsuites>'


def write(jobs: GateJobs, name: str, text: str, *, age: int = 0) -> None:
    path = jobs.job.repo.path / name
    path.write_text(text)
    os.utime(path, (time.time() - age, time.time() - age))


def lcov(files: int, covered: int, missed: int) -> str:
    lines = [f"DA:{at},{int(at <= covered)}" for at in range(1, covered + missed + 1)]
    return "".join(f"SF:src/m{at}.py\n" + "\n".join(lines) + "\nend_of_record\n" for at in range(files))


def cases(number: int, inside: str = "") -> str:
    return "".join(f'<testcase name="t{at}">{inside}</testcase>' for at in range(number))


HONEST = PASSED.format(2, 0, cases(2))


def contradicts(jobs: GateJobs) -> None:
    write(jobs, "report.xml", PASSED.format(100, 60, cases(40)))


def skips(jobs: GateJobs) -> None:
    write(jobs, "report.xml", PASSED.format(100, 0, cases(1) + cases(99, "<skipped/>")))


def is_old(jobs: GateJobs) -> None:
    # The commits of these tests are of a day of their own.
    write(jobs, "report.xml", HONEST, age=20 * 366 * 86_400)


def says_it_is_old(jobs: GateJobs) -> None:
    write(jobs, "report.xml", HONEST.replace("<testsuite ", '<testsuite timestamp="2020-01-01T00:00:00Z" '))


def covers_one_file(jobs: GateJobs) -> None:
    write(jobs, "head.info", lcov(1, 100, 0))


@pytest.mark.parametrize(
    ("lie", "name", "said"),
    [
        (contradicts, "fault-tests", "it counts 60 failures that no case of it shows"),
        (skips, "score", "99 of 100 tests were skipped"),
        (is_old, "fault-tests", "before the commit"),
        (says_it_is_old, "fault-tests", "was written on 2020-01-01"),
        (covers_one_file, "fault-coverage", "cannot be compared"),
    ],
)
def test_a_report_that_is_not_believed_holds_and_is_named(
    jobs: GateJobs, lie: Callable[[GateJobs], None], name: str, said: str
) -> None:
    write(jobs, "report.xml", HONEST)
    write(jobs, "head.info", lcov(20, 50, 50))
    write(jobs, "base.info", lcov(20, 50, 50), age=2 * 86_400)
    inputs = {
        "test_reports": "report.xml",
        "coverage_reports": "head.info",
        "base_coverage_reports": "base.info",
        "signals_file": "",
    }
    assert jobs.run(payload=None, **inputs).outputs["decision"] == "proceed"
    lie(jobs)
    left = jobs.run(payload=None, **inputs)
    assert (left.exit, left.outputs["decision"]) == (1, "hold")
    assert name in {stop["id"] for stop in left.report["gated"]["stops"]}
    assert said in left.summary
