"""The protocol matrix as a test run shows it: each fault in each dialect, what has to come of it, whether it did."""

from collections.abc import Iterable
from typing import Any

PROPERTY = "protocol"
DIALECTS = ("responses", "chat")


def noted(reports: Iterable[Any]) -> dict[tuple[str, str], dict[str, str]]:
    """(fault, expected) → dialect → what came of it, from what the tests recorded of themselves."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY:
                fault, dialect, expected = value
                found.setdefault((fault, expected), {})[dialect] = report.outcome
    return found


def table(found: dict[tuple[str, str], dict[str, str]]) -> list[str]:
    """Lines of text, a row for each fault."""
    width = max(len(fault) for fault, _ in found)
    said = max(len(expected) for _, expected in found)
    rows = [f"{'fault':{width}}  {'expected':{said}}  {DIALECTS[0]:9}  {DIALECTS[1]}"]
    for (fault, expected), cells in sorted(found.items(), key=lambda row: (":" in row[0][0], row)):
        first, second = (cells.get(dialect, "NOT RUN") for dialect in DIALECTS)
        rows.append(f"{fault:{width}}  {expected:{said}}  {first:9}  {second}")
    held = sum(outcome == "passed" for cells in found.values() for outcome in cells.values())
    rows.append(f"{len(found)} faults x {len(DIALECTS)} dialects: {held} of {len(found) * len(DIALECTS)} as expected")
    return rows
