"""Which tests `make test` leaves to `make test-all`: those that took long when durations were last recorded."""

import json
import re
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[1] / "durations.json"
"""Written by `make durations`: the id of each test that takes long, and its seconds of CPU time."""

SLOW_SECONDS = 0.12
"""Of CPU time: with what takes longer, one test in fifty, `make test` takes half as long again."""
CPU = "cpu"
"""Property of a test in reports and in JUnit files: seconds of CPU time, its fixtures and what it started included."""

NEVER_SLOW = re.compile(
    r"tests/(?:attacks|app|adapters/sandbox)/"  # security and wiring
    r"|tests/test_(?:architecture|contract)\.py"
    r"|^[^:]*(?:attack|forged|adversary|hostile|canar|obedient|secret|credential|redact)[^:]*"
)
"""Ids of tests that run with every change, whatever they take."""


def recorded() -> dict[str, float]:
    """Seconds by test id; a test that is not in the record is fast."""
    return {str(test): float(seconds) for test, seconds in json.loads(RECORD.read_text("utf-8")).items()}


def is_slow(test: str, durations: Mapping[str, float]) -> bool:
    return durations.get(test, 0) > SLOW_SECONDS and not NEVER_SLOW.match(test)


def cpu_seconds() -> float:
    """CPU time of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def record(reports: Iterable[Any], path: Path = RECORD) -> int:
    """Write down the tests of these reports that take long; returns how many."""
    ended = [report for report in reports if getattr(report, "when", "") == "teardown"]
    seconds = {report.nodeid: dict(report.user_properties)[CPU] for report in ended}
    slow = {test: round(taken, 2) for test, taken in seconds.items() if taken > SLOW_SECONDS}
    path.write_text(json.dumps(slow, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return len(slow)
