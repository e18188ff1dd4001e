"""Reads what test runners write as JSON: `go test -json`, `jest --json` (Vitest's is the same), pytest-json-report."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cicd_agent.analysis.test_reports.cases import LONGEST_DETAIL, MAX_CASES, Case, Outcome, case, rerun
from cicd_agent.domain.text.excerpt import Excerpt
from cicd_agent.domain.text.json_view import as_items, as_line_number, as_mapping, as_text
from cicd_agent.domain.text.words import count

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
