"""Reads the XML that nearly every test runner can write and that nobody has ever defined: JUnit's, in all dialects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cicd_agent.analysis.test_reports.cases import (
    LONGEST_DETAIL,
    MAX_CASES,
    Case,
    Outcome,
    case,
    rerun,
    seconds,
    whole,
)
from cicd_agent.analysis.test_reports.xml_stream import REFUSED, Halt, read_xml
from cicd_agent.domain.text.excerpt import Excerpt

ROOTS = frozenset({"testsuites", "testsuite"})

_FAILING = frozenset({"failure", "error"})
# Surefire's and nextest's, for the attempts that failed before one passed; `rerunFailure` follows a `failure`.
_FLAKY = frozenset({"flakyFailure", "flakyError"})
_FAULTS = _FAILING | _FLAKY | {"rerunFailure", "rerunError", "skipped"}
_OUTPUT = frozenset({"system-out", "system-err"})
_FILE = ("file", "filepath")
_LINE = ("line", "lineno")
_BAD = frozenset({"fail", "failed", "failure", "error"})
_IDLE = frozenset({"skipped", "disabled", "notrun", "suppressed"})
_MAX_FAULTS = 20
_GO_TESTS = ("Test", "Example", "Fuzz", "Benchmark")


@dataclass(slots=True)
class _Fault:
    """One of the elements that say why a case did not simply pass."""

    tag: str
    message: str
    kind: str
    text: Excerpt = field(default_factory=lambda: Excerpt(LONGEST_DETAIL - 100))


@dataclass(slots=True)
class _Open:
    """An element that may hold faults: a case, or a suite around cases.

    Of a suite, `bare` has the cases that failed without a word. `places` has where each of its cases is, if it is one
    of pytest or Go, which never give one name to two cases, so that a second one is a second run.
    """

    attributes: Mapping[str, str]
    is_case: bool
    faults: list[_Fault] = field(default_factory=list)
    output: Excerpt | None = None
    pytest: bool = False
    go: bool = False
    bare: list[int] = field(default_factory=list)
    indices: dict[tuple[str, str], int] = field(default_factory=dict)

    def attribute(self, *names: str) -> str:
        """The first of the attributes that it has."""
        return next((self.attributes[name] for name in names if self.attributes.get(name)), "")


def parse(data: bytes, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a report, and a sentence for each thing that could not be read.

    What stands before a cut or an error is kept. A case that holds failed attempts and a passed one is marked as
    flaked; one that stands there twice is only taken for a rerun in the dialects that never name two cases alike.
    """
    reader = _Reader(source)
    notes = read_xml(data, reader)
    reader.close()
    if reader.root and reader.root not in ROOTS:
        return (), (f"it is no JUnit report: its first element is <{reader.root[:50]}>",)
    if not reader.root:
        return (), (REFUSED,) if REFUSED in notes else ("it is no XML",)
    return tuple(reader.cases), notes


class _Reader:
    """Told the elements of a report, it keeps cases."""

    def __init__(self, source: str) -> None:
        self.cases: list[Case] = []
        self.root = ""
        self._source = source
        self._open: list[_Open] = []
        # Where the text of each element that is open goes.
        self._targets: list[Excerpt | None] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self.root:
            self.root = name
            if name not in ROOTS:
                raise Halt
        target = self._targets[-1] if self._targets else None
        if name in ("testsuite", "testcase"):
            if len(self.cases) >= MAX_CASES:
                raise Halt(f"cases beyond the first {MAX_CASES:,} were left out")
            self._enter(name, attributes)
            target = None
        elif self._open and name in _FAULTS:
            target = self._fault(name, attributes)
        elif self._open and name in _OUTPUT:
            target = self._output()
        elif name == "property" and attributes.get("name") == "go.version":
            for each in self._open:
                each.go = True
        self._targets.append(target)

    def text(self, piece: str) -> None:
        if self._targets and self._targets[-1] is not None:
            self._targets[-1].add(piece)

    def end(self, name: str) -> None:
        self._targets.pop()
        if name in ("testsuite", "testcase"):
            self._leave(ended=True)

    def close(self) -> None:
        """Keep what was open at the cut as far as it is known to have failed."""
        while self._open:
            self._leave(ended=False)

    def _enter(self, name: str, attributes: Mapping[str, str]) -> None:
        opened = _Open(attributes, is_case=name == "testcase")
        around = self._open[-1] if self._open else opened
        opened.pytest = around.pytest or (not opened.is_case and attributes.get("name") == "pytest")
        opened.go = around.go
        self._open.append(opened)

    def _fault(self, name: str, attributes: Mapping[str, str]) -> Excerpt | None:
        faults = self._open[-1].faults
        if len(faults) >= _MAX_FAULTS:
            return None
        # Copied, so that an attribute as long as the file does not stay.
        fault = _Fault(name, attributes.get("message", "")[: LONGEST_DETAIL - 100], attributes.get("type", "")[:1_000])
        faults.append(fault)
        return fault.text

    def _output(self) -> Excerpt | None:
        """Where a case's output goes: ctest and Bazel say nowhere else what went wrong."""
        opened = self._open[-1]
        if any(fault.text for fault in opened.faults) or (not opened.is_case and len(opened.bare) != 1):
            return None
        opened.output = opened.output or Excerpt(LONGEST_DETAIL - 100)
        return opened.output

    def _leave(self, *, ended: bool) -> None:
        left = self._open.pop()
        failing = [fault for fault in left.faults if fault.tag in _FAILING]
        # A suite may fail itself: its set-up, a module that cannot be imported.
        if failing or (left.is_case and ended):
            self._keep(self._case(left), left)
        if len(left.bare) == 1 and left.output:
            index = left.bare[0]
            known = self.cases[index]
            faults = case(known.name, known.suite, message=known.message, detail=str(left.output))
            self.cases[index] = replace(known, message=faults.message, detail=faults.detail)

    def _case(self, left: _Open) -> Case:
        failing = [fault for fault in left.faults if fault.tag in _FAILING]
        flaky = [fault for fault in left.faults if fault.tag in _FLAKY]
        skipped = [fault for fault in left.faults if fault.tag == "skipped"]
        faults = [*failing, *flaky] or skipped
        outcome = _outcome(left, failing, skipped)
        detail = "\n\n".join(str(fault.text).strip("\n") for fault in faults if fault.text)
        if not detail and left.output and (flaky or outcome in (Outcome.FAILED, Outcome.ERROR)):
            detail = str(left.output)
        line = left.attribute(*_LINE)
        suite = next((each.attributes.get("name", "") for each in reversed(self._open) if not each.is_case), "")
        # Node calls the class of every case "test".
        named = left.attributes.get("classname", "")
        return case(
            left.attributes.get("name", ""),
            suite if suite and named in ("", "test") else named,
            outcome,
            file=next((result for each in (left, *reversed(self._open)) if (result := each.attribute(*_FILE))), ""),
            # pytest counts lines from 0, and leaves them out when it is not asked for `xunit1`.
            line=whole(line) + 1 if left.pytest and line else whole(line),
            message=next((fault.message for fault in faults if fault.message.strip()), ""),
            detail=detail,
            seconds=seconds(left.attributes.get("time", "")),
            source=self._source,
            error=next((fault.kind for fault in faults if fault.kind), ""),
            flaked=bool(flaky),
        )

    def _keep(self, result: Case, left: _Open) -> None:
        # Other programs of Go use the library that writes its tests' reports, and name their cases as they like.
        if left.is_case and self._open and (left.pytest or (left.go and result.name.startswith(_GO_TESTS))):
            indices, key = self._open[-1].indices, (result.suite, result.name)
            if key in indices:
                index = indices[key]
                # The plugin that reruns pytest's tests leaves the attempts that failed without a word of it.
                self.cases[index] = rerun(self.cases[index], result, trusted=left.go)
                return
            indices[key] = len(self.cases)
        if result.failed and not result.detail and self._open:
            self._open[-1].bare.append(len(self.cases))
        self.cases.append(result)


def _outcome(left: _Open, failing: list[_Fault], skipped: list[_Fault]) -> Outcome:
    if failing:
        return Outcome.ERROR if failing[0].tag == "error" else Outcome.FAILED
    # ctest and googletest say it in attributes, some others say nothing else.
    outcomes = {left.attributes.get(name, "").lower() for name in ("status", "result")}
    if skipped or outcomes & _IDLE:
        return Outcome.SKIPPED
    return Outcome.FAILED if outcomes & _BAD else Outcome.PASSED


TRX_ROOT = "TestRun"

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


def parse_trx(data: bytes, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a run, and a sentence for each thing that could not be read.

    What went wrong with the run itself (the test host crashed) is a case of its own, called "test run".
    """
    reader = _TrxReader(source)
    notes = read_xml(data, reader)
    return reader.cases(), notes


class _TrxReader:
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
