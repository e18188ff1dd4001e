"""Tells by its content which kind of report a file is, and reads the cases of those that have any."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cicd_agent.analysis.test_reports import json_cases, junit, trx
from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.analysis.test_reports.coverage import is_coverage
from cicd_agent.analysis.test_reports.xml_stream import LARGEST, root_of
from cicd_agent.domain.text.encoding import decoded

# What the go command prints of its own (a download) may stand before its events.
_GO_EVENT = re.compile(rb'^\{"(?:Time|Action|ImportPath)": ?"', re.MULTILINE)
_LOOKED_AT = 65_536


class Kind(StrEnum):
    """What a file is."""

    JUNIT = "JUnit XML"
    TRX = "TRX"
    GO_TEST = "go test -json"
    JEST = "jest --json"
    PYTEST = "pytest-json-report"
    SARIF = "SARIF"
    COVERAGE = "coverage"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """One file: what it is, its cases, and in a sentence each what of it could not be read.

    SARIF and coverage have no cases; modes/review/sarif_reader.py and coverage.py read those.
    """

    kind: Kind
    cases: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()


def read_report(name: str, data: bytes) -> Report:
    """What a file holds, by its content; `name` is only what its cases say they come from."""
    start = data[:4_096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:64]
    if not start:
        return Report(Kind.UNKNOWN, notes=("it is empty",))
    if is_coverage(data):
        return Report(Kind.COVERAGE)
    if start.startswith(b"<"):
        return _xml(name, data)
    if start.startswith((b"{", b"[")):
        return _json(name, data)
    if _GO_EVENT.search(data[:_LOOKED_AT]):
        return _go(name, data)
    return _unknown("neither XML nor JSON")


def _xml(name: str, data: bytes) -> Report:
    root, _ = root_of(data)
    if root in junit.ROOTS:
        return Report(Kind.JUNIT, *junit.parse(data, name))
    if root == trx.ROOT:
        return Report(Kind.TRX, *trx.parse(data, name))
    if not root:
        return Report(Kind.UNKNOWN, *junit.parse(data, name))
    return _unknown(f"its first element is <{root[:50]}>")


def _json(name: str, data: bytes) -> Report:
    text = decoded(data[:LARGEST]).lstrip()
    if json_cases.is_go_event(text[:_LOOKED_AT].partition("\n")[0]):
        return _go(name, data)
    if len(data) > LARGEST:
        return _unknown(f"JSON larger than {LARGEST // 1_000_000} MB")
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return _unknown("broken JSON")
    return _document(name, top)


def _go(name: str, data: bytes) -> Report:
    cases, notes = json_cases.parse_go(decoded(data[:LARGEST]), name)
    cut = (f"it is larger than {LARGEST // 1_000_000} MB: the rest was not read",) if len(data) > LARGEST else ()
    return Report(Kind.GO_TEST, cases, (*notes, *cut))


def _document(name: str, top: Any) -> Report:
    if not isinstance(top, dict):
        return _unknown("JSON of another kind")
    if isinstance(top.get("testResults"), list):
        return Report(Kind.JEST, *json_cases.parse_jest(top, name))
    if isinstance(top.get("tests"), list) and "exitcode" in top:
        return Report(Kind.PYTEST, *json_cases.parse_pytest(top, name))
    if isinstance(top.get("runs"), list):
        return Report(Kind.SARIF)
    return _unknown("JSON of another kind")


def _unknown(what: str) -> Report:
    return Report(Kind.UNKNOWN, notes=(f"it is no report that we know ({what})",))
