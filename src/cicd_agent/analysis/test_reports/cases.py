"""Test cases, of bounded size, whatever report they stand in."""

import math
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import clip

MAX_CASES = 200_000
TOO_MANY = f"cases beyond the first {MAX_CASES:,} were left out"

LONGEST_DETAIL = 4_000
_NAME, _FILE, _MESSAGE, _ERROR = 500, 1_000, 500, 200
# What a tool writes in the place of a message when it has none to give.
_EMPTY_MESSAGES = frozenset({"", "failed", "failure", "error", "fail", "test failed"})
_RUNNING = ("=== ", "--- ")
_SECONDS = re.compile(r"\d[\d,]{0,20}(?:\.\d{0,20})?(?:[eE]-?\d{1,2})?")


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; `source` is the report that it stands in.

    `file` is written as the report has it, often absolute on the machine that ran it, and `line` 0 where it has none.
    `message` is the short form of what went wrong, `detail` the long one (a stack trace); `error` mostly a class.
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
    error: str = ""
    flaked: bool = False
    """It failed and passed in the same run: the proof that it is flaky, however it ended."""
    also: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.outcome in (Outcome.FAILED, Outcome.ERROR)


def cleaned(raw: Case) -> Case:
    """The case with its foreign text visible and cut. A message that says nothing is taken from the detail."""
    detail, message = visible(raw.detail).strip("\r\n") if raw.detail else "", raw.message
    if message.startswith(_RUNNING):
        message = _first_informative(message)
    elif message.strip().lower() in _EMPTY_MESSAGES and detail:
        message = _first_informative(detail) or message
    return replace(
        raw,
        name=_line(raw.name, _NAME) or _line(raw.suite, _NAME) or "(unnamed)",
        suite=_line(raw.suite, _NAME),
        file=_line(raw.file, _FILE),
        message=_line(message, _MESSAGE),
        detail=clip(detail, LONGEST_DETAIL),
        error=_line(raw.error, _ERROR),
    )


def rerun(first: Case, then: Case, *, trusted: bool = True) -> Case:
    """What two runs of one case come to; `trusted`: the first has passed when the report says so."""
    result = first if first.failed or first.flaked else then
    turned = first.failed and then.outcome is Outcome.PASSED
    turned = turned or (trusted and first.outcome is Outcome.PASSED and then.failed)
    lasts = (first.failed and then.failed) or then.outcome is Outcome.SKIPPED
    return replace(
        result,
        outcome=first.outcome if lasts else then.outcome,
        seconds=then.seconds,
        flaked=first.flaked or then.flaked or turned,
    )


def seconds(text: str) -> float | None:
    """A duration as reports write it (`1,234.5`), None for what is none."""
    if not _SECONDS.fullmatch(text.strip()[:60]):
        return None
    number = float(text.replace(",", ""))
    return number if math.isfinite(number) else None


def line_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004


def _line(text: str, limit: int) -> str:
    # Cut before it is looked at: an attribute may be as long as the file.
    return clip(visible_line(" ".join(text[: limit * 4].split())), limit) if text else ""


def _first_informative(detail: str) -> str:
    lines = (line.strip() for line in detail.splitlines())
    return next((line for line in lines if line and not line.startswith(_RUNNING)), "")
