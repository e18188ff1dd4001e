"""What the first-run harness calls a fault."""

import pytest

from benchmarks.first_run import Ran

REMEDY = "cicd-agent: this clone has no commit called `x`. Fetch it, or give another --base.\n"


@pytest.mark.parametrize(
    ("ran", "fault"),
    [
        (Ran("x", 0, 1.0, 0.5, "No findings\n"), ""),
        (Ran("x", 2, 1.0, 0.5, REMEDY), ""),
        (Ran("x", 1, 1.0, 0.5, "Traceback (most recent call last):\n  x\n"), "traceback (exit 1)"),
        (Ran("x", -9, 1.0, 0.5, ""), "traceback (exit -9)"),
        (Ran("x", 0, 9.0, 2.1, "late\n"), "first line after 2.1 s"),
        (Ran("x", 2, 1.0, 0.5, "cicd-agent: it is wrong\n"), "no remedy: it is wrong"),
        (Ran("x", 2, 1.0, 0.5, "odd\n"), "exit 2 without a message"),
        (Ran("x", 0, 1.0, 0.5, "No tests were written\n"), "no tests were written, and nothing says why"),
        (Ran("x", 0, 1.0, 0.5, "No tests were written: pytest is missing\n"), ""),
    ],
)
def test_a_fault_is_what_leaves_a_newcomer_alone(ran: Ran, fault: str) -> None:
    assert next(ran.faults, "") == fault
