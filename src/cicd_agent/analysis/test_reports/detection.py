"""Tells by its content which kind of report a file is, and reads the cases of those that have any."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cicd_agent.analysis.test_reports import junit
from cicd_agent.analysis.test_reports.cases import LONGEST_DETAIL, MAX_CASES, TOO_MANY, Case, Outcome, cleaned, rerun
from cicd_agent.analysis.test_reports.coverage import is_coverage
from cicd_agent.analysis.test_reports.xml_stream import LARGEST, root_of
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.excerpt import Excerpt
from cicd_agent.domain.text.json_view import as_items, as_line_number, as_mapping, as_text
from cicd_agent.domain.text.words import count

# What the go command prints of its own (a download) may stand before its events.
_GO_EVENT = re.compile(rb'^\{"(?:Time|Action|ImportPath)": ?"', re.MULTILINE)
_LOOKED_AT = 65_536
_LONG = 20_000
_OUTCOMES = {
    "passed": Outcome.PASSED,
    "xfailed": Outcome.SKIPPED,
    "xpassed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "rerun": Outcome.FAILED,
    "error": Outcome.ERROR,
}
_ENDS = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}


class Kind(StrEnum):
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
    """One file: what it is, its cases (SARIF and coverage have none), and in a sentence each what could not be read."""

    kind: Kind
    cases: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()


def read_report(name: str, data: bytes) -> Report:
    start = data[:4_096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:64]
    if not start:
        return Report(Kind.UNKNOWN, notes=("it is empty",))
    if is_coverage(data):
        return Report(Kind.COVERAGE)
    if start.startswith(b"<"):
        return _xml(name, data)
    if start.startswith((b"{", b"[")):
        return _json(name, data)
    return _go(name, data) if _GO_EVENT.search(data[:_LOOKED_AT]) else _unknown("neither XML nor JSON")


def _unknown(what: str) -> Report:
    return Report(Kind.UNKNOWN, notes=(f"it is no report that we know ({what})",))


def _xml(name: str, data: bytes) -> Report:
    root = root_of(data)
    if root == junit.TRX_ROOT:
        return Report(Kind.TRX, *junit.parse_trx(data, name))
    if root in junit.ROOTS or not root:
        return Report(Kind.JUNIT if root else Kind.UNKNOWN, *junit.parse(data, name))
    return _unknown(f"its first element is <{root[:50]}>")


def _json(name: str, data: bytes) -> Report:
    text = decoded(data[:LARGEST]).lstrip()
    event = _loaded(text[:_LOOKED_AT].partition("\n")[0])
    if isinstance(event, dict) and "Action" in event and ("Package" in event or "ImportPath" in event):
        return _go(name, data)
    if len(data) > LARGEST:
        return _unknown(f"JSON larger than {LARGEST // 1_000_000} MB")
    top = _loaded(text)
    if top is None:
        return _unknown("broken JSON")
    report = as_mapping(top)
    if isinstance(report.get("testResults"), list):
        return Report(Kind.JEST, *_cut(list(_jest(report, name))))
    if isinstance(report.get("tests"), list) and "exitcode" in report:
        return Report(Kind.PYTEST, *_cut(list(_pytest(report, name))))
    return Report(Kind.SARIF) if isinstance(report.get("runs"), list) else _unknown("JSON of another kind")


def _cut(cases: Sequence[Case]) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    return tuple(cases[:MAX_CASES]), (TOO_MANY,) if len(cases) > MAX_CASES else ()


@dataclass(slots=True)
class _Package:
    """What a package of Go has said so far: its tests' output, its own, and whether a test of it failed."""

    tests: dict[str, Excerpt] = field(default_factory=dict)
    output: Excerpt = field(default_factory=lambda: Excerpt(LONGEST_DETAIL - 100))
    failed: bool = False

    def end(self, name: str, test: str, event: Mapping[str, Any], source: str) -> Iterator[Case]:
        outcome = _ENDS[event["Action"]]
        elapsed = _number(event.get("Elapsed"))
        if test:
            self.failed = self.failed or outcome is Outcome.FAILED
            output = str(self.tests.pop(test, ""))
            detail = output if outcome is Outcome.FAILED else ""
            yield cleaned(Case(test, name, outcome, detail=detail, seconds=elapsed, source=source))
        elif outcome is Outcome.FAILED and not self.failed:
            # It did not build, or it panicked.
            detail = f"{''.join(map(str, self.tests.values()))}{self.output}"
            yield cleaned(Case(name, name, Outcome.ERROR, detail=detail, seconds=elapsed, source=source))


def _go(source: str, data: bytes) -> Report:
    """The tests of `go test -json`. A package that failed without a failing test is a case of its own."""
    packages: dict[str, _Package] = {}
    cases: dict[tuple[str, str], Case] = {}
    notes: list[str] = []
    broken = 0
    for line in decoded(data[:LARGEST]).split("\n"):
        event = _loaded(line) if line.startswith("{") else None
        broken += event is None and bool(line.strip())
        if not isinstance(event, dict):
            continue
        name = as_text(event.get("Package")) or as_text(event.get("ImportPath")).partition(" ")[0]
        test, action = as_text(event.get("Test")), event.get("Action")
        package = packages.setdefault(name, _Package())
        if action in ("output", "build-output"):
            output = package.tests.setdefault(test, Excerpt(LONGEST_DETAIL - 100)) if test else package.output
            output.add(as_text(event.get("Output"), _LONG))
        elif isinstance(action, str) and action in _ENDS:
            if len(cases) >= MAX_CASES:
                notes.append(TOO_MANY)
                break
            for ended in package.end(name, test, event, source):
                cases[name, test] = rerun(cases[name, test], ended) if (name, test) in cases else ended
    if broken:
        notes.append(f"{count(broken, 'line')} without an event of `go test -json` left out")
    if len(data) > LARGEST:
        notes.append(f"it is larger than {LARGEST // 1_000_000} MB: the rest was not read")
    return Report(Kind.GO_TEST, tuple(cases.values()), tuple(notes))


def _jest(report: Mapping[str, Any], source: str) -> Iterator[Case]:
    """The cases of `jest --json`; a file that failed before its first test is a case of its own."""
    for file in map(as_mapping, as_items(report.get("testResults"))):
        path = as_text(file.get("name")) or as_text(file.get("testFilePath"))
        results = as_items(file.get("assertionResults")) or as_items(file.get("testResults"))
        if not results and file.get("status") == "failed":
            detail = as_text(file.get("message"), _LONG)
            yield cleaned(Case(path, path, Outcome.ERROR, path, detail=detail, source=source))
        yield from (_assertion(result, path, source) for result in map(as_mapping, results))


def _assertion(result: Mapping[str, Any], path: str, source: str) -> Case:
    outcome = _OUTCOMES.get(as_text(result.get("status")), Outcome.SKIPPED)
    failures, retried, titles = (
        [as_text(each, _LONG) for each in as_items(result.get(name))[:50]]
        for name in ("failureMessages", "retryReasons", "ancestorTitles")
    )
    milliseconds = _number(result.get("duration"))
    return cleaned(
        Case(
            as_text(result.get("title")) or as_text(result.get("fullName")),
            " > ".join([path, *titles]),
            outcome,
            path,
            as_line_number(as_mapping(result.get("location")).get("line")),
            detail=_short("\n\n".join(failures or retried)),
            seconds=None if milliseconds is None else milliseconds / 1_000,
            source=source,
            flaked=bool(retried) and outcome is Outcome.PASSED,
        )
    )


def _pytest(report: Mapping[str, Any], source: str) -> Iterator[Case]:
    """The cases of pytest-json-report; a file that could not be collected is a case of its own."""
    for each in map(as_mapping, as_items(report.get("collectors"))):
        if each.get("outcome") == "failed":
            name, detail = as_text(each.get("nodeid")), _short(as_text(each.get("longrepr"), 1_000_000))
            yield cleaned(Case(name, name, Outcome.ERROR, name.partition("::")[0], detail=detail, source=source))
    yield from (_node(test, source) for test in map(as_mapping, as_items(report.get("tests"))))


def _node(test: Mapping[str, Any], source: str) -> Case:
    steps = [as_mapping(test.get(step)) for step in ("setup", "call", "teardown")]
    bad = next((step for step in steps if step.get("outcome") == "failed"), {})
    file, _, name = as_text(test.get("nodeid")).partition("::")
    durations = [number for step in steps if (number := _number(step.get("duration"))) is not None]
    at, outcome = test.get("lineno"), as_text(test.get("outcome"))
    # What pytest-rerunfailures ran again and what then did not fail.
    turned = outcome == "rerun" and not bad
    return cleaned(
        Case(
            name,
            file,
            Outcome.PASSED if turned else _OUTCOMES.get(outcome, Outcome.SKIPPED),
            file,
            # pytest counts from 0.
            as_line_number(at + 1) if isinstance(at, int) and not isinstance(at, bool) else 0,
            message=as_text(as_mapping(bad.get("crash")).get("message")),
            detail=_short(as_text(bad.get("longrepr"), 1_000_000)),
            seconds=sum(durations) if durations else None,
            source=source,
            flaked=turned,
        )
    )


def _short(text: str) -> str:
    excerpt = Excerpt(LONGEST_DETAIL - 100)
    excerpt.add(text)
    return str(excerpt)


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 2**53 else None
