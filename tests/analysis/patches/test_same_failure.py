"""When a command fails as a run did, in what pytest, Go, Node and jest print, and when it only fails as well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.template import strict_fingerprint
from cicd_agent.analysis.patches.same_failure import Output, remaining
from cicd_agent.domain.trials.patch_trial import FailureSignature

GO = "--- FAIL: TestAdd (0.00s)\n    add_test.go:3: Add(1, 2) = -1, want 3\nFAIL\nFAIL\texample.com/add\t0.007s\nFAIL\n"
GO_DENIED = GO.replace("Add(1, 2) = -1, want 3", "listen tcp [::1]:0: socket: operation not permitted")
GO_PANIC = (
    "--- FAIL: TestAdd (0.00s)\npanic: httptest: failed to listen on a port: listen tcp6 [::1]:0: socket: operation "
    "not permitted [recovered]\n\ngoroutine 23 [running]:\nFAIL\texample.com/add\t0.018s\n"
)
ADD = FailureSignature("TestAdd", messages=("--- FAIL: TestAdd (0.01s)", "    add_test.go:3: Add(1, 2) = -1, want 3"))
TAP = (
    "TAP version 13\n# Subtest: adds numbers\nnot ok 1 - adds numbers\n  ---\n  failureType: 'testCodeFailure'\n"
    "  error: |-\n    Expected values to be strictly equal:\n    \n    -1 !== 3\n    \n"
    "  code: 'ERR_ASSERTION'\n  ...\n1..1\n"
)
TAP_DENIED = (
    "TAP version 13\n# Subtest: adds numbers\nnot ok 1 - adds numbers\n  ---\n  failureType: 'testCodeFailure'\n"
    "  error: 'listen EPERM: operation not permitted 127.0.0.1'\n  code: 'EPERM'\n  ...\n1..1\n"
)
NUMBERS = FailureSignature("adds numbers", messages=tuple(TAP.split("\n")[2:11]))
PYTEST = """\
=================================== FAILURES ===================================
____________________________ TestClient.test_limit _____________________________

    def test_limit():
>       assert limit(9) == 3
E       assert 9 == 3

tests/test_limits.py:5: AssertionError
----------------------------- Captured stderr call -----------------------------
retrying: connection refused
=========================== short test summary info ============================
FAILED tests/test_limits.py::TestClient::test_limit - assert 9 == 3
1 failed in 0.03s
"""
PYTEST_DENIED = PYTEST.replace("assert 9 == 3", "PermissionError: [Errno 1] Operation not permitted")
LIMIT = FailureSignature(
    "tests/test_limits.py::TestClient::test_limit", messages=(">       assert limit(9) == 3", "E       assert 7 == 3")
)
JEST = "  ● sum › adds numbers\n\n    expect(received).toBe(expected)\n\n    Expected: 3\n    Received: -1\n"
JEST_FILE = f"FAIL src/sum.test.js\n{JEST}\nTests:       1 failed, 1 total\n"
SUM_FILE = FailureSignature(
    "sum › adds numbers",
    messages=("FAIL src/sum.test.js", "    expect(received).toBe(expected)", "    Expected: 3", "    Received: -1"),
)
JEST_DENIED = "FAIL src/sum.test.js\n  ● sum › adds numbers\n\n    listen EPERM: operation not permitted ::1\n"
MISSING = "./add.go:7:9: undefined: sum"
UNBUILT = FailureSignature(fingerprints=(strict_fingerprint("go", MISSING),), messages=(MISSING,))


@pytest.mark.parametrize(
    ("printed", "failure", "is_same"),
    [
        (GO, ADD, True),
        (GO_DENIED, ADD, False),
        (GO_PANIC, ADD, False),
        (GO.replace("TestAdd", "TestSub"), ADD, False),
        (GO.replace("= -1", "= -7"), ADD, True),
        (TAP, NUMBERS, True),
        (TAP_DENIED, NUMBERS, False),
        (PYTEST, LIMIT, True),
        (PYTEST_DENIED, LIMIT, False),
        (PYTEST.replace("9", "8"), LIMIT, True),
        (JEST, FailureSignature("sum › adds numbers"), True),
        (JEST, FailureSignature("sum › subtracts"), False),
        (JEST_FILE, SUM_FILE, True),
        (JEST_DENIED, SUM_FILE, False),
        (f"# example.com/add\n{MISSING}\nFAIL\texample.com/add [build failed]\n", UNBUILT, True),
        ("# example.com/add\n./add.go:3:2: no required module provides package x\nFAIL\n", UNBUILT, False),
        (GO, UNBUILT, False),
        ("make: *** [Makefile:3: test] Error 1\n", UNBUILT, False),
        ("", ADD, False),
        (PYTEST, FailureSignature(), False),
    ],
)
def test_it_is_the_failure_of_the_run(printed: str, failure: FailureSignature, *, is_same: bool) -> None:
    assert Output.read(printed).shows(failure) is is_same


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        (GO_DENIED, "    add_test.go:3: listen tcp [::1]:0: socket: operation not permitted"),
        (PYTEST_DENIED, "E       PermissionError: [Errno 1] Operation not permitted"),
        (GO, "    add_test.go:3: Add(1, 2) = -1, want 3"),
        ("npm ERR! code 1\nsh: 1: jest: not found\n", "sh: 1: jest: not found"),
        ("something\n\nlast\n\n", "last"),
    ],
)
def test_the_error_is_quoted_and_not_the_last_line(printed: str, error: str) -> None:
    output = Output.read(printed)
    assert output.lines[output.error()] == error


def test_what_is_left_is_named_where_nothing_new_came() -> None:
    other = "FAILED tests/test_b.py::test_b - PermissionError: [Errno 1] Operation not permitted\n"
    before, after = Output.read(PYTEST + other), Output.read(other)
    assert remaining(before, after, [LIMIT]) == {"tests/test_b.py::test_b"}
    assert remaining(before, before, [LIMIT]) == frozenset()
    assert remaining(before, Output.read(""), [LIMIT]) == frozenset()
    assert remaining(after, before, [LIMIT]) == frozenset()


@given(st.text(), st.text(), st.lists(st.text()))
def test_no_output_is_a_traceback(printed: str, test: str, messages: list[str]) -> None:
    output = Output.read(printed)
    failure = FailureSignature(test, messages=tuple(messages))
    assert isinstance(output.shows(failure), bool)
    assert output.error() < len(output.lines)
    assert remaining(output, output, [failure]) == frozenset()
