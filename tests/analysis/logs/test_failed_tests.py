"""How many tests failed is what the runners say, and tests that failed alike are told once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import FailedTests
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools

SUMS = {
    "pytest": ("=========== 204 failed, 12 passed, 3 warnings in 5.31s (0:00:05) ===========", 204),
    "pytest, quiet": ("3 failed, 1 error in 0.12s", 4),
    "pytest, collection": ("===== 2 warnings, 1 error in 5.01 seconds =====", 1),
    "unittest": ("FAILED (failures=3, errors=2, skipped=1, expected failures=7)", 5),
    "jest": ("Tests:       3 failed, 1 skipped, 12 passed, 16 total", 3),
    "vitest": ("      Tests  4 failed | 12 passed (16)", 4),
    "mocha": ("  5 failing", 5),
    "node": ("# fail 6", 6),
    "node, spec": ("ℹ fail 6", 6),
    "prove": ("Failed 1/2 test programs. 3/12 subtests failed.", 3),
    "cargo": ("test result: FAILED. 11 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out", 2),
    "nextest": ("     Summary [   1.024s] 12 tests run: 9 passed, 3 failed, 0 skipped", 3),
    "rspec": ("12 examples, 3 failures, 1 pending", 3),
    "minitest": ("6558 runs, 17183 assertions, 2 failures, 4 errors, 22 skips", 6),
    "phpunit": ("Tests: 48, Assertions: 18, Errors: 33, Failures: 1.", 34),
    "dotnet": ("Failed!  - Failed:     7, Passed:    11, Skipped:     0, Total:    18, Duration: 2 s", 7),
    "dotnet, new": ("Test summary: total: 12, failed: 2, succeeded: 10, skipped: 0, duration: 1.2s", 2),
    "xunit": ("Nancy.Testing.Tests  Total: 151, Errors: 0, Failed: 1, Skipped: 0, Time: 4.247s", 1),
    "surefire": ("[ERROR] Tests run: 7147, Failures: 1, Errors: 2, Skipped: 7", 3),
    "gradle": ("11169 tests completed, 1 failed, 240 skipped", 1),
    "sbt": ("[error] Failed: Total 16, Failed 2, Errors 1, Passed 13", 3),
    "ctest": ("96% tests passed, 3 tests failed out of 75", 3),
    "googletest": (" 3 FAILED TESTS", 3),
    "exunit": ("40 doctests, 295 tests, 6 failures", 6),
    "common test": ("Testing tests.kernel: TEST COMPLETE, 1 ok, 2 failed, 4 skipped of 7 test cases", 2),
    "go": ("--- FAIL: TestSimulation (10.06s)", 1),
    "nothing of tests": ("Finished with 3 failed uploads", 0),
    "no failure": ("test result: ok. 92 passed; 0 failed; 0 ignored", 0),
}
MATCHER = Matcher(load_tools())
REFUSED = "[Errno 111] Connection refused"


def of(*lines: str) -> FailedTests:
    return reduce(["\n".join(lines).encode()], matcher=MATCHER).tests


@pytest.mark.parametrize("name", SUMS)
def test_a_runners_sum_is_the_number_of_tests_that_failed(name: str) -> None:
    line, count = SUMS[name]
    assert of("building", line, "done").count == count


def test_sums_of_shards_and_modules_add_up_and_two_forms_of_one_are_one() -> None:
    assert of("=== 100 failed, 2 passed in 1.0s ===", "=== 104 failed in 2.5s ===").count == 204
    module = (
        "[error] Failed: Total 16, Failed 2, Errors 0, Passed 14",
        "[info] Tests: succeeded 14, failed 2, canceled 0",
    )
    assert of(*module, *module).count == 4
    assert of(
        "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! - in org.A",
        "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0",
    ).count == 1  # fmt: skip


def test_a_command_that_was_tried_again_fails_with_the_same_tests() -> None:
    run = [f"FAILED tests/test_a.py::test_{n} - KeyError: {n}" for n in "abc"]
    assert of(*run, "=== 3 failed in 1.0s ===", *run, "=== 3 failed in 1.1s ===").count == 3


def test_without_a_sum_the_tests_that_are_listed_count_each_once() -> None:
    listed = [f"FAILED tests/test_a.py::test_{n} - assert {n}" for n in range(204)]
    assert of(*listed).count == 204
    assert of(*listed, *listed).count == 204


def test_parameters_that_are_numbers_are_no_durations() -> None:
    found = of(*(f"FAILED tests/test_x.py::test_limit[{n}] - assert 5 == 3" for n in range(4)), "4 failed in 1.2s")
    assert (found.count, len(found.names), [group.count for group in found.alike]) == (4, 4, [4])


def test_subtests_of_go_count_and_their_parents_do_not() -> None:
    found = of(
        "--- FAIL: TestTotal (0.00s)",
        "    --- FAIL: TestTotal/one (0.00s)",
        "        bill_test.go:13: dial tcp 127.0.0.1:5432: connect: connection refused",
        "    --- FAIL: TestTotal/two (0.00s)",
        "        bill_test.go:13: dial tcp 127.0.0.1:5433: connect: connection refused",
        "FAIL",
        "FAIL\texample.org/bill\t0.012s",
        "--- FAIL: TestTotal (0.00s)",
        "    x_test.go:14: got 3",
        "FAIL\texample.org/x\t0.012s",
    )
    assert found.count == 3
    [group] = found.alike
    assert (group.count, [test.name for test in group.first]) == (2, ["TestTotal/one", "TestTotal/two"])


def pytest_log(tests: int) -> list[str]:
    """As pytest prints it: a report of each test, and a summary that is cut to 80 columns."""
    reports = [
        line
        for n in range(tests)
        for line in (
            f"________________________ test_call_{n} _________________________",
            "",
            f"    def test_call_{n}():",
            f">       get({n})",
            f"E       ConnectionRefusedError: {REFUSED}: 127.0.0.1:{4000 + n}",
            "",
            f"tests/test_api.py:{n + 7}: ConnectionRefusedError",
        )
    ]
    summary = [f"FAILED tests/test_api.py::test_call_{n} - ConnectionRefusedError: [Er..." for n in range(tests)]
    others = [f"FAILED tests/test_b.py::test_b{n} - assert {n} == 7" for n in range(6)]
    return [*reports, "=== short test summary info ===", *summary, *others, f"=== {tests + 6} failed in 5.31s ==="]


def test_tests_that_failed_alike_are_a_group_with_the_first_three_and_their_whole_messages() -> None:
    found = of(*pytest_log(198))
    assert found.count == 204
    group, rest = found.alike
    assert (group.count, group.message) == (198, f"ConnectionRefusedError: {REFUSED}: 127.0.0.1:4000")
    assert [test.name for test in group.first] == [f"tests/test_api.py::test_call_{n}" for n in range(3)]
    assert [test.message[-4:] for test in group.first] == ["4000", "4001", "4002"]
    assert (rest.count, rest.message) == (6, "assert 0 == 7")


def test_summaries_that_were_cut_are_grouped_by_their_exception() -> None:
    found = of(
        "FAILED tests/test_a.py::test_a - ConnectionRefusedError: [Errno 111...",
        "FAILED tests/test_a.py::test_longer - ConnectionRefusedError: [...",
        "FAILED tests/test_a.py::test_b - KeyError: 'x'",
    )
    assert [(group.message[:22], group.count) for group in found.alike] == [("ConnectionRefusedError", 2)]


ALIKE = {
    "unittest": (
        """\
======================================================================
FAIL: test_{0} (tests.test_bill.BillTest)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/src/tests/test_bill.py", line 14, in test_{0}
    self.connect()
ConnectionError: no server at 127.0.0.1:{1}
""",
        "ConnectionError: no server at 127.0.0.1:40",
    ),
    "jest": (
        """\
  ● bill › adds {0}

    TypeError: Cannot read properties of undefined (reading 'total{1}')

      at Object.toBe (test/bill.test.js:13:22)
""",
        "TypeError: Cannot read properties of undefined (reading 'total40')",
    ),
    "vitest": (
        """\
 FAIL  test/bill.test.ts > bill > adds {0}
Error: connect ECONNREFUSED 127.0.0.1:{1}
 ❯ test/bill.test.ts:13:22
""",
        "Error: connect ECONNREFUSED 127.0.0.1:40",
    ),
    "mocha": (
        """\
  {1}) bill
       adds {0}:
     Error: connect ECONNREFUSED 127.0.0.1:{1}
      at test/bill.js:13:22
""",
        "Error: connect ECONNREFUSED 127.0.0.1:40",
    ),
    "cargo": (
        """\
---- bill::{0} stdout ----

thread 'bill::{0}' panicked at src/bill.rs:31:9:
no server at 127.0.0.1:{1}
""",
        "no server at 127.0.0.1:40",
    ),
    "surefire": (
        """\
[ERROR] org.example.BillTest.adds{0}  Time elapsed: 0.003 s  <<< ERROR!
java.net.ConnectException: Connection refused: 127.0.0.1:{1}
\tat org.example.BillTest.adds(BillTest.java:13)

""",
        "java.net.ConnectException: Connection refused: 127.0.0.1:40",
    ),
    "gradle": (
        """\
org.example.BillTest > adds{0} FAILED
    java.net.ConnectException: Connection refused: 127.0.0.1:{1}
        at org.example.BillTest.adds(BillTest.java:13)

""",
        "java.net.ConnectException: Connection refused: 127.0.0.1:40",
    ),
    "rspec": (
        """\
  {1}) Bill adds {0}
     Failure/Error: client.get

     Errno::ECONNREFUSED:
       Connection refused - 127.0.0.1:{1}
     # ./spec/bill_spec.rb:13

""",
        "Errno::ECONNREFUSED: Connection refused - 127.0.0.1:40",
    ),
    "phpunit": (
        """\
{1}) BillTest::testAdds{0}
RuntimeException: Connection refused at 127.0.0.1:{1}

/src/tests/BillTest.php:13

""",
        "RuntimeException: Connection refused at 127.0.0.1:40",
    ),
    "dotnet": (
        """\
  Failed Bill.Tests.Adds{0} [3 ms]
  Error Message:
   System.Net.SocketException : refused by 127.0.0.1:{1}
  Stack Trace:
     at Bill.Tests.Adds() in /src/BillTests.cs:line 13
""",
        "System.Net.SocketException : refused by 127.0.0.1:40",
    ),
    "tap": (
        """\
not ok {1} - adds {0}
  ---
  operator: equal
  error: connect ECONNREFUSED 127.0.0.1:{1}
  ...
""",
        "connect ECONNREFUSED 127.0.0.1:40",
    ),
}


@pytest.mark.parametrize("runner", ALIKE)
def test_what_a_test_failed_with_is_read_from_each_runners_report(runner: str) -> None:
    form, message = ALIKE[runner]
    found = of(*"".join(form.format(name, 40 + at) for at, name in enumerate(["one", "two"])).split("\n"))
    assert [(group.message, group.count) for group in found.alike] == [(message, 2)]
    assert found.count == 2


def test_the_tests_of_jest_have_their_names_below_the_line_of_their_file() -> None:
    log = (
        "FAIL test/bill.test.js",
        "  ● bill › adds",
        "",
        "    expect(received).toBe(expected) // Object.is equality",
        "",
        "  ● bill › subtracts",
        "",
        "    TypeError: x is not a function",
        "",
        "Test Suites: 1 failed, 1 total",
        "Tests:       2 failed, 1 passed, 3 total",
    )
    extract = reduce(["\n".join(log).encode()])
    assert {problem.tool for problem in extract.problems if problem.test} == {"jest"}
    assert extract.tests.names == ("bill › adds", "bill › subtracts")


def test_the_line_of_a_class_in_surefire_is_no_test_and_the_summary_names_each() -> None:
    found = of(
        "[ERROR] Tests run: 2, Failures: 2, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! - in org.BillTest",
        "[ERROR] Failures: ",
        "[ERROR]   BillTest.adds:13 expected:<1> but was:<2>",
        "[ERROR]   BillTest.subtracts:19->helper:7 expected:<3> but was:<2>",
        "[ERROR] Tests run: 2, Failures: 2, Errors: 0, Skipped: 0",
    )
    assert found.names == ("BillTest.adds", "BillTest.subtracts")
    assert [(group.message, group.count) for group in found.alike] == [("expected:<1> but was:<2>", 2)]


def test_a_module_that_node_could_not_load_is_no_package_of_go() -> None:
    log = (
        "# file:///src/test/route.test.js:3",
        '# import { splitted } from "../src/route.js";',
        "# SyntaxError: The requested module does not provide an export named 'splitted'",
        "# Node.js v20.20.2",
        "not ok 2 - /src/test/route.test.js",
    )
    first = reduce(["\n".join(log).encode()]).problems[0]
    assert (first.tool, first.code, first.line) == ("tap", "SyntaxError", 3)


LINES = st.sampled_from(
    ["", "FAILED a.py::b - x", "FAILED a.py::b - x...", "___ a ___", "E   x", "--- FAIL: A", "    --- FAIL: A/b",
     "FAIL\tx", "=== 2 failed in 1s ===", "1) a", "  1) a", "       b:", "---- a stdout ----", "ok 1", "  ● a"]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=20), max_size=30))
@settings(max_examples=40)
def test_whatever_a_log_lists_the_groups_are_of_tests_that_it_names(lines: list[str]) -> None:
    found = of(*lines)
    assert all(2 <= group.count <= len(found.names) and len(group.first) <= 3 for group in found.alike)
    assert sum(group.count for group in found.alike) <= len(found.names)
