"""Reads TRX, what `dotnet test` writes of its own."""

import re
from collections.abc import Mapping
from dataclasses import replace

from cicd_agent.analysis.test_reports.cases import LONGEST_DETAIL, MAX_CASES, Case, Outcome, case
from cicd_agent.analysis.test_reports.xml_stream import Halt, read_xml
from cicd_agent.domain.text.excerpt import Excerpt

ROOT = "TestRun"

_OUTCOMES = {
    "passed": Outcome.PASSED,
    "passedbutrunaborted": Outcome.PASSED,
    "completed": Outcome.PASSED,
    "warning": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "error": Outcome.ERROR,
    "timeout": Outcome.ERROR,
    "aborted": Outcome.ERROR,
    "disconnected": Outcome.ERROR,
}
_DURATION = re.compile(r"(\d{1,4}):(\d{2}):(\d{2}(?:\.\d{1,9})?)")
_MAX_DETAIL = LONGEST_DETAIL - 100


def parse(data: bytes, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a run, and a sentence for each thing that could not be read.

    What went wrong with the run itself (the test host crashed) is a case of its own, called "test run".
    """
    reader = _Reader(source)
    notes = read_xml(data, reader)
    return reader.cases(), notes


class _Reader:
    """Told the elements of a run, it keeps cases. Their classes stand apart, after the results."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._cases: list[tuple[str, Case]] = []
        self._classes: dict[str, str] = {}
        self._definition = ""
        self._path: list[str] = []
        self._result: Mapping[str, str] | None = None
        self._texts: dict[str, Excerpt] = {}

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        match name:
            case "UnitTestResult":
                if len(self._cases) >= MAX_CASES:
                    raise Halt(f"cases beyond the first {MAX_CASES:,} were left out")
                self._keep()
                self._result = attributes
            case "RunInfo":
                bad = attributes.get("outcome", "") in ("Error", "Failed", "Aborted")
                self._result = {"testName": "test run", "outcome": "Error"} if bad else None
                self._texts = {}
            case "UnitTest":
                self._definition = attributes.get("id", "")[:100]
            case "TestMethod" if len(self._classes) < MAX_CASES:
                # The assembly may follow the class: "App.Tests, Version=1.0.0.0, …".
                self._classes[self._definition] = attributes.get("className", "")[:1_000].partition(",")[0]
            case _:
                pass

    def text(self, piece: str) -> None:
        name = self._path[-1] if self._path else ""
        if self._result is not None and name in ("Message", "StackTrace", "StdOut", "StdErr", "Text"):
            self._texts.setdefault(name, Excerpt(_MAX_DETAIL)).add(piece)

    def end(self, name: str) -> None:
        self._path.pop()
        if name in ("UnitTestResult", "RunInfo"):
            self._keep()

    def cases(self) -> tuple[Case, ...]:
        """Of all that was read, with the classes where they are known."""
        self._keep()
        return tuple(
            replace(case_found, suite=case(case_found.name, self._classes.get(ident, "")).suite)
            for ident, case_found in self._cases
        )

    def _keep(self) -> None:
        """The case that is open, if any: rows of one test stand within the result of the whole."""
        if self._result is None:
            return
        texts = {name: str(text).strip() for name, text in self._texts.items()}
        outcome = _OUTCOMES.get(self._result.get("outcome", "").lower(), Outcome.SKIPPED)
        output = texts.get("StdErr") or texts.get("StdOut") or ""
        detail = texts.get("StackTrace") or (output if outcome in (Outcome.FAILED, Outcome.ERROR) else "")
        case_found = case(
            self._result.get("testName", ""),
            outcome=outcome,
            message=texts.get("Message") or texts.get("Text") or "",
            detail=detail,
            seconds=_duration(self._result.get("duration", "")),
            source=self._source,
        )
        self._cases.append((self._result.get("testId", "")[:100], case_found))
        self._result, self._texts = None, {}


def _duration(text: str) -> float | None:
    case_found = _DURATION.fullmatch(text[:30])
    return int(case_found[1]) * 3600 + int(case_found[2]) * 60 + float(case_found[3]) if case_found else None
