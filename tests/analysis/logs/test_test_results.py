"""Lines about tests that passed are known, whatever the tests are called."""

import pytest

from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.test_results import passes

PASSED = (
    "✔ fails with an error (1.8ms)",
    "  ✓ reports errors: fatal",
    "--- PASS: TestErrorFails (0.00s)",
    "    --- PASS: TestErrorFails/panic:_x (0.00s)",
    "PASS",
    "PASS src/error.test.js",
    "PASSED tests/test_error.py::test_fail",
    "ok  \texample.com/shop/errors\t0.01s",
    "ok  \texample.com/shop/errors\t(cached)",
    "ok 12 - fails with error: not found",
    "    ok 1 - throws an exception",
    "tests/test_a.py::test_error PASSED                                    [ 10%]",
    "[gw0] [ 10%] PASSED tests/test_a.py::test_error",
    "test_fail (tests.test_rates.RatesTest.test_fail) ... ok",
    "test error::fails ... ok",
    "t/error.t .......... ok",
    "[       OK ] Bill.FailsWithError (0 ms)",
    " 12/75 Test #12: error_test ....................   Passed    0.01 sec",
    "org.example.ErrorTest > failsWithException PASSED",
    "  Passed Bill.Tests.FailsWithError [3 ms]",
    "        PASS [   0.012s] bill tests::error",
    "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.05 s - in org.example.ErrorTest",
)
NOT_PASSED = (
    "✖ buys with tax",
    "--- FAIL: TestBuy (0.00s)",
    "not ok 2 - buys with tax",
    "1 failed, 3 passed in 0.12s",
    "PASS: 3, FAIL: 1",
    "password refused",
    "okay was expected",
    "ok is not a function",
    "tests/test_a.py::test_b FAILED",
    "expected status ok",
    "test_total (tests.test_bill.BillTest) ... FAIL",
    "Error: the gate said ok",
    "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE!",
    "Connecting to the server ... not ok",
)


@pytest.mark.parametrize("line", PASSED)
def test_a_line_about_a_test_that_passed(line: str) -> None:
    assert passes(line)


@pytest.mark.parametrize("line", NOT_PASSED)
def test_any_other_line(line: str) -> None:
    assert not passes(line)


def test_tests_that_passed_are_no_problem_and_not_in_the_extract() -> None:
    log = [*PASSED, "src/bill.py:3: error: the total is wrong", *PASSED, "##[error]Process completed with exit code 1."]
    found = reduce(["\n".join(log).encode()])
    assert [line.text for line in found.kept] == [log[len(PASSED)], log[-1]]
    assert not {problem.line for problem in found.problems} & {at for at, line in enumerate(log, 1) if line in PASSED}
