"""What a report claims beside its cases: how many there are, how many failed, and when it was written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cicd_agent.analysis.test_reports.xml_stream import Halt, Sink, read_xml
from cicd_agent.domain.text.words import count

_CASES, _SUITES = "testcase", frozenset({"testsuite", "testsuites"})
# One for each attempt: a case that was retried has several.
_FAULTS = frozenset({"failure", "error", "flakyFailure", "flakyError", "rerunFailure", "rerunError"})
_FAILED_STATES = frozenset({"fail", "failed", "failure", "error", "timeout"})
_PASSED_STATES = frozenset({"", "run", "completed", "pass", "passed", "success", "ok"})
_COUNTS = ("tests", "failures", "errors", "skipped", "disabled", "ignored")
_COUNT = re.compile(r"[0-9]{1,9}")
_SLACK, _LEAST = 0.05, 10
"""Share of the cases, and number of surplus ones, by which ordinary reporters are off: retries, repeated names."""
_MAX_SUBTESTS = 100
"""Subtests of a case of pytest, which counts each of them as a test and lists none (more-itertools: 29)."""

# pytest, jest and Cobertura, Clover, JaCoCo; coverage.py's JSON.
_TIMES = re.compile(
    rb"""\b(?:timestamp|generated|dump)=["']([^"']{1,40})["']|"timestamp":\s{0,9}"([^"]{1,40})"|"startTime":\s{0,9}(\d{13})\b"""
)
_EPOCH = re.compile(r"(\d{10})(\d{3})?")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_ZONES = timedelta(hours=12)
"""How far behind UTC the clock may be of whoever writes a time without its zone."""


@dataclass(slots=True)
class _Suite:
    """A suite that is open: the numbers that it gives, and what was seen within."""

    claimed: Mapping[str, int]
    is_pytest: bool = False
    cases: int = 0
    faults: int = 0
    passed: int = 0
    by_assertion: bool = True
    """Whether all cases look like Catch2's and doctest's, which count assertions as tests."""
    has_suites: bool = False


class _Counting(Sink):
    def __init__(self) -> None:
        self.hidden = 0
        self.absent = 0
        self.claimed = 0
        self.surplus = 0
        self._suites: list[_Suite] = []
        self._is_faulty = self._is_skipped = False
        self._state = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _SUITES:
            for suite in self._suites[-1:]:
                suite.has_suites = suite.has_suites or name == "testsuite"
            claimed = {each: int(attributes[each]) for each in _COUNTS if _COUNT.fullmatch(attributes.get(each, ""))}
            self._suites.append(_Suite(claimed, attributes.get("name") == "pytest"))
        elif not self._suites:
            raise Halt
        elif name == _CASES:
            self._is_faulty = self._is_skipped = False
            self._state = (attributes.get("status") or attributes.get("result") or "").lower()
            if self._state != "run" or "result" in attributes:
                self._suites[-1].by_assertion = False
        elif name in _FAULTS:
            self._is_faulty = True
            self._suites[-1].faults += 1
        elif name == "skipped":
            self._is_skipped = True

    def end(self, name: str) -> None:
        if name == _CASES and self._suites:
            suite = self._suites[-1]
            suite.cases += 1
            if self._state in _FAILED_STATES and not self._is_faulty:
                suite.faults += 1
            suite.passed += self._state in _PASSED_STATES and not (self._is_faulty or self._is_skipped)
        elif name in _SUITES and self._suites:
            self._leave(self._suites.pop())

    def _leave(self, suite: _Suite) -> None:
        claimed = suite.claimed
        failed = claimed.get("failures", 0) + claimed.get("errors", 0)
        self.hidden = max(self.hidden, failed - suite.faults)
        if "tests" in claimed and not suite.has_suites:
            # What fails a case twice may count as two tests, and not all tools list what they skip.
            unlisted = claimed["tests"] - suite.cases - sum(claimed.get(each, 0) for each in _COUNTS[1:])
            self.claimed += claimed["tests"]
            if suite.is_pytest:
                is_cut = unlisted > 0 and suite.cases * _MAX_SUBTESTS <= claimed["tests"]
            else:
                is_cut = unlisted > _SLACK * claimed["tests"] and not (suite.cases and suite.by_assertion)
            self.absent += unlisted if is_cut else 0
            if not suite.is_pytest:
                self.surplus += suite.passed - max(claimed["tests"] - failed, 0)
        for around in self._suites[-1:]:
            around.cases += suite.cases
            around.faults += suite.faults


def contradiction(data: bytes) -> str:
    """How the numbers of a JUnit report contradict its cases, "" when they do not.

    Only what can make a run look better than it was: failures without a case, cases that are not listed, and more
    cases that passed than there were tests. Numbers that ordinary reporters count otherwise are no contradiction.
    """
    counting = _Counting()
    read_xml(data, counting)
    if counting.hidden > 0:
        return f"it counts {count(counting.hidden, 'failure')} that no case of it shows"
    if counting.absent:
        return f"it counts {count(counting.claimed, 'test')} and lists {counting.absent:,} fewer"
    if counting.surplus > max(_LEAST, _SLACK * counting.claimed):
        return f"it counts {count(counting.claimed, 'test')} and lists {counting.surplus:,} more that passed"
    return ""


def written_by(data: bytes) -> float | None:
    """When a report was written at the latest by its own word, in seconds since the epoch; None when it says nothing.

    A time without a zone is taken for that of the zone farthest behind UTC.
    """
    times = [time for found in _TIMES.finditer(data) for time in _moments(found)]
    return max(times, default=None)


def _moments(found: re.Match[bytes]) -> Iterator[float]:
    text = next(each for each in found.groups() if each is not None).decode("ascii", "replace")
    try:
        if epoch := _EPOCH.fullmatch(text):
            moment = datetime.fromtimestamp(int(epoch[1]), UTC)
        else:
            moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC) + _ZONES
        if moment >= _EARLIEST:
            yield moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return
