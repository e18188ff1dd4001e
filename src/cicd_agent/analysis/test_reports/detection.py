"""Tells by its content which kind of report a file is, and reads the cases of those that have any."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cicd_agent.analysis.test_reports import junit
from cicd_agent.analysis.test_reports.cases import LONGEST_DETAIL, MAX_CASES, Case, Outcome, case, rerun
from cicd_agent.analysis.test_reports.coverage import is_coverage
from cicd_agent.analysis.test_reports.xml_stream import LARGEST, root_of
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.excerpt import Excerpt
from cicd_agent.domain.text.json_view import as_items, as_line_number, as_mapping, as_text
from cicd_agent.domain.text.words import count

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
    if root == junit.TRX_ROOT:
        return Report(Kind.TRX, *junit.parse_trx(data, name))
    if not root:
        return Report(Kind.UNKNOWN, *junit.parse(data, name))
    return _unknown(f"its first element is <{root[:50]}>")


def _json(name: str, data: bytes) -> Report:
    text = decoded(data[:LARGEST]).lstrip()
    if is_go_event(text[:_LOOKED_AT].partition("\n")[0]):
        return _go(name, data)
    if len(data) > LARGEST:
        return _unknown(f"JSON larger than {LARGEST // 1_000_000} MB")
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return _unknown("broken JSON")
    return _document(name, top)


def _go(name: str, data: bytes) -> Report:
    cases, notes = parse_go(decoded(data[:LARGEST]), name)
    cut = (f"it is larger than {LARGEST // 1_000_000} MB: the rest was not read",) if len(data) > LARGEST else ()
    return Report(Kind.GO_TEST, cases, (*notes, *cut))


def _document(name: str, top: Any) -> Report:
    if not isinstance(top, dict):
        return _unknown("JSON of another kind")
    if isinstance(top.get("testResults"), list):
        return Report(Kind.JEST, *parse_jest(top, name))
    if isinstance(top.get("tests"), list) and "exitcode" in top:
        return Report(Kind.PYTEST, *parse_pytest(top, name))
    if isinstance(top.get("runs"), list):
        return Report(Kind.SARIF)
    return _unknown("JSON of another kind")


def _unknown(what: str) -> Report:
    return Report(Kind.UNKNOWN, notes=(f"it is no report that we know ({what})",))


_OUTCOMES = {
    "passed": Outcome.PASSED,
    "xfailed": Outcome.SKIPPED,
    "xpassed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "rerun": Outcome.FAILED,
    "error": Outcome.ERROR,
}
_ENDS = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}
_STEPS = ("setup", "call", "teardown")
_MAX_DETAIL = LONGEST_DETAIL - 100
_LARGEST_NUMBER = 2**53


@dataclass(slots=True)
class _Package:
    """What a package of Go has said so far: its tests' output, its own, and whether a test of it failed."""

    tests: dict[str, Excerpt] = field(default_factory=dict)
    output: Excerpt = field(default_factory=lambda: Excerpt(_MAX_DETAIL))
    failed: bool = False


def is_go_event(line: str) -> bool:
    """Whether this is a line as `go test -json` writes them."""
    event = _loaded(line)
    return isinstance(event, dict) and "Action" in event and ("Package" in event or "ImportPath" in event)


def parse_go(text: str, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The tests of `go test -json`, and in a sentence how many lines were left out.

    A package that failed without a failing test (it did not build, it panicked) is a case of its own.
    """
    packages: dict[str, _Package] = {}
    cases: dict[tuple[str, str], Case] = {}
    notes: list[str] = []
    broken = 0
    for line in text.split("\n"):
        event = _loaded(line) if line.startswith("{") else None
        broken += event is None and bool(line.strip())
        if not isinstance(event, dict):
            continue
        name = as_text(event.get("Package")) or as_text(event.get("ImportPath")).partition(" ")[0]
        test, action = as_text(event.get("Test")), event.get("Action")
        package = packages.setdefault(name, _Package())
        if action in ("output", "build-output"):
            output = package.tests.setdefault(test, Excerpt(_MAX_DETAIL)) if test else package.output
            output.add(as_text(event.get("Output"), 20_000))
        elif isinstance(action, str) and action in _ENDS:
            if len(cases) >= MAX_CASES:
                notes.append(f"cases beyond the first {MAX_CASES:,} were left out")
                break
            key = (name, test)
            for ended in _gone(package, key, event, source):
                cases[key] = rerun(cases[key], ended) if key in cases else ended
    if broken:
        notes.append(f"{count(broken, 'line')} without an event of `go test -json` left out")
    return tuple(cases.values()), tuple(notes)


def _gone(package: _Package, key: tuple[str, str], event: Mapping[str, Any], source: str) -> Iterator[Case]:
    """What the end of a test, or of the package, leaves."""
    name, test = key
    outcome = _ENDS[event["Action"]]
    elapsed = _number(event.get("Elapsed"))
    if test:
        package.failed = package.failed or outcome is Outcome.FAILED
        output = str(package.tests.pop(test, "")) if outcome is Outcome.FAILED else ""
        package.tests.pop(test, None)
        yield case(test, name, outcome, detail=output, seconds=elapsed, source=source)
    elif outcome is Outcome.FAILED and not package.failed:
        unfinished = "".join(map(str, package.tests.values()))
        detail = f"{unfinished}{package.output}"
        yield case(name, name, Outcome.ERROR, detail=detail, seconds=elapsed, source=source)


def parse_jest(top: Mapping[str, Any], source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of `jest --json`; a file that failed before its first test is a case of its own."""
    cases_read: list[Case] = []
    for file in map(as_mapping, as_items(top.get("testResults"))):
        path = as_text(file.get("name")) or as_text(file.get("testFilePath"))
        results = as_items(file.get("assertionResults")) or as_items(file.get("testResults"))
        if not results and file.get("status") == "failed":
            cases_read.append(
                case(path, path, Outcome.ERROR, file=path, detail=as_text(file.get("message"), 20_000), source=source)
            )
        cases_read += (_assertion(result, path, source) for result in map(as_mapping, results))
    return _capped(cases_read)


def _assertion(result: Mapping[str, Any], path: str, source: str) -> Case:
    outcome = _OUTCOMES.get(as_text(result.get("status")), Outcome.SKIPPED)
    failures = [as_text(each, 20_000) for each in as_items(result.get("failureMessages"))[:20]]
    retried = [as_text(each, 20_000) for each in as_items(result.get("retryReasons"))[:20]]
    milliseconds = _number(result.get("duration"))
    titles = [as_text(each) for each in as_items(result.get("ancestorTitles"))[:50]]
    return case(
        as_text(result.get("title")) or as_text(result.get("fullName")),
        " > ".join([path, *titles]),
        outcome,
        file=path,
        line=as_line_number(as_mapping(result.get("location")).get("line")),
        detail=_short("\n\n".join(failures or retried)),
        seconds=None if milliseconds is None else milliseconds / 1_000,
        source=source,
        flaked=bool(retried) and outcome is Outcome.PASSED,
    )


def parse_pytest(top: Mapping[str, Any], source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of pytest-json-report; a file that could not be collected is a case of its own."""
    cases_read = [
        case(
            ident := as_text(each.get("nodeid")),
            ident,
            Outcome.ERROR,
            file=ident.partition("::")[0],
            detail=_short(as_text(each.get("longrepr"), 1_000_000)),
            source=source,
        )
        for each in map(as_mapping, as_items(top.get("collectors")))
        if each.get("outcome") == "failed"
    ]
    cases_read += (_node(test, source) for test in map(as_mapping, as_items(top.get("tests"))))
    return _capped(cases_read)


def _node(test: Mapping[str, Any], source: str) -> Case:
    steps = [as_mapping(test.get(step)) for step in _STEPS]
    bad = next((step for step in steps if step.get("outcome") == "failed"), {})
    file, _, name = as_text(test.get("nodeid")).partition("::")
    durations = [number for step in steps if (number := _number(step.get("duration"))) is not None]
    at = test.get("lineno")
    outcome = as_text(test.get("outcome"))
    # What pytest-rerunfailures ran again and what then did not fail.
    turned = outcome == "rerun" and not bad
    return case(
        name,
        file,
        Outcome.PASSED if turned else _OUTCOMES.get(outcome, Outcome.SKIPPED),
        file=file,
        # pytest counts from 0.
        line=as_line_number(at + 1) if isinstance(at, int) and not isinstance(at, bool) else 0,
        message=as_text(as_mapping(bad.get("crash")).get("message")),
        detail=_short(as_text(bad.get("longrepr"), 1_000_000)),
        seconds=sum(durations) if durations else None,
        source=source,
        flaked=turned,
    )


def _capped(cases_read: list[Case]) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    notes = (f"cases beyond the first {MAX_CASES:,} were left out",) if len(cases_read) > MAX_CASES else ()
    return tuple(cases_read[:MAX_CASES]), notes


def _short(text: str) -> str:
    excerpt = Excerpt(_MAX_DETAIL)
    excerpt.add(text)
    return str(excerpt)


def _loaded(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LARGEST_NUMBER else None
