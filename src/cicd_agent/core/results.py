"""What test tools write for machines: cases of a JUnit report, and how much of the code they ran."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a test case ended; ERROR is a case that broke before it could fail."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. `file` and `line` are where the report says it stands, "" and 0 when it does not.

    `message` is the short form of what went wrong, `detail` the long one (a stack trace), both cut.
    """

    name: str
    suite: str = ""
    outcome: Outcome = Outcome.PASSED
    file: str = ""
    line: int = 0
    message: str = ""
    detail: str = ""
    seconds: float | None = None
    source: str = ""
    """The report that it stands in."""
    flaked: bool = False
    """It failed and passed in the same run: the proof that it is flaky, however it ended."""
