"""Reads the XML of test runners: JUnit's, which nobody has ever defined, in all dialects, and TRX of `dotnet test`."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from cicd_agent.analysis.test_reports import cases
from cicd_agent.analysis.test_reports.cases import MAX_CASES, TOO_MANY, Case, Outcome, cleaned, rerun
from cicd_agent.analysis.test_reports.xml_stream import REFUSED, Halt, Sink, read_xml
from cicd_agent.domain.text.excerpt import Excerpt

ROOTS = frozenset({"testsuites", "testsuite"})

_FAILING = frozenset({"failure", "error"})
# Surefire's and nextest's, for the attempts that failed before one passed; `rerunFailure` follows a `failure`.
_FLAKY = frozenset({"flakyFailure", "flakyError"})
_FAULTS = _FAILING | _FLAKY | {"rerunFailure", "rerunError", "skipped"}
_OUTPUT = frozenset({"system-out", "system-err"})
_HOLDERS = ("testsuite", "testcase")
_BAD = frozenset({"fail", "failed", "failure", "error"})
_IDLE = frozenset({"skipped", "disabled", "notrun", "suppressed"})
_MAX_FAULTS = 20
_MAX_DETAIL = cases.LONGEST_DETAIL - 100
_GO_TESTS = ("Test", "Example", "Fuzz", "Benchmark")


@dataclass(slots=True)
class _Fault:
    tag: str
    message: str
    kind: str
    text: Excerpt = field(default_factory=lambda: Excerpt(_MAX_DETAIL))


@dataclass(slots=True)
class _Open:
    """An element that may hold faults: a case, or a suite around cases.

    Of a suite, `bare` has the cases that failed without a word. `indices` has where each of its cases is, if it is one
    of pytest or Go, which never give one name to two cases, so that a second one is a second run.
    """

    attributes: Mapping[str, str]
    is_case: bool
    pytest: bool = False
    go: bool = False
    faults: list[_Fault] = field(default_factory=list)
    output: Excerpt | None = None
    bare: list[int] = field(default_factory=list)
    indices: dict[tuple[str, str], int] = field(default_factory=dict)

    def attribute(self, *names: str) -> str:
        return next((self.attributes[name] for name in names if self.attributes.get(name)), "")

    def tagged(self, tags: Collection[str]) -> list[_Fault]:
        return [fault for fault in self.faults if fault.tag in tags]

    def add_fault(self, tag: str, attributes: Mapping[str, str]) -> Excerpt | None:
        if len(self.faults) >= _MAX_FAULTS:
            return None
        # Copied, so that an attribute as long as the file does not stay.
        self.faults.append(_Fault(tag, attributes.get("message", "")[:_MAX_DETAIL], attributes.get("type", "")[:1_000]))
        return self.faults[-1].text

    def add_output(self) -> Excerpt | None:
        """Where a case's output goes: ctest and Bazel say nowhere else what went wrong."""
        if any(fault.text for fault in self.faults) or (not self.is_case and len(self.bare) != 1):
            return None
        self.output = self.output or Excerpt(_MAX_DETAIL)
        return self.output

    @property
    def outcome(self) -> Outcome:
        if failing := self.tagged(_FAILING):
            return Outcome.ERROR if failing[0].tag == "error" else Outcome.FAILED
        # ctest and googletest say it in attributes, some others say nothing else.
        states = {self.attributes.get(name, "").lower() for name in ("status", "result")}
        if self.tagged({"skipped"}) or states & _IDLE:
            return Outcome.SKIPPED
        return Outcome.FAILED if states & _BAD else Outcome.PASSED


def parse(data: bytes, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a JUnit report up to a cut or an error, and a sentence for each thing that could not be read.

    A case that holds failed attempts and a passed one is marked as flaked; one that stands there twice is a rerun in
    the dialects alone that never name two cases alike.
    """
    reader = _JUnit(source)
    notes = read_xml(data, reader)
    reader.close()
    if reader.root and reader.root not in ROOTS:
        return (), (f"it is no JUnit report: its first element is <{reader.root[:50]}>",)
    if not reader.root:
        return (), (REFUSED,) if REFUSED in notes else ("it is no XML",)
    return tuple(reader.cases), notes


class _JUnit(Sink):
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
        if name in _HOLDERS:
            if len(self.cases) >= MAX_CASES:
                raise Halt(TOO_MANY)
            is_case = name == "testcase"
            around = self._open[-1] if self._open else _Open({}, is_case=False)
            pytest = around.pytest or (not is_case and attributes.get("name") == "pytest")
            self._open.append(_Open(attributes, is_case, pytest, around.go))
            target = None
        elif self._open and name in _FAULTS:
            target = self._open[-1].add_fault(name, attributes)
        elif self._open and name in _OUTPUT:
            target = self._open[-1].add_output()
        elif name == "property" and attributes.get("name") == "go.version":
            for each in self._open:
                each.go = True
        self._targets.append(target)

    def text(self, piece: str) -> None:
        if self._targets and self._targets[-1] is not None:
            self._targets[-1].add(piece)

    def end(self, name: str) -> None:
        self._targets.pop()
        if name in _HOLDERS:
            self._leave(ended=True)

    def close(self) -> None:
        """Keep what was open at the cut as far as it is known to have failed."""
        while self._open:
            self._leave(ended=False)

    def _leave(self, *, ended: bool) -> None:
        left = self._open.pop()
        # A suite may fail itself: its set-up, a module that cannot be imported.
        if left.tagged(_FAILING) or (left.is_case and ended):
            self._add(self._case(left), left)
        if len(left.bare) == 1 and left.output:
            index = left.bare[0]
            self.cases[index] = cleaned(replace(self.cases[index], detail=str(left.output)))

    def _case(self, left: _Open) -> Case:
        flaky, outcome = left.tagged(_FLAKY), left.outcome
        faults = [*left.tagged(_FAILING), *flaky] or left.tagged({"skipped"})
        detail = "\n\n".join(str(fault.text).strip("\n") for fault in faults if fault.text)
        if not detail and left.output and (flaky or outcome in (Outcome.FAILED, Outcome.ERROR)):
            detail = str(left.output)
        line = left.attribute("line", "lineno")
        suite = next((each.attributes.get("name", "") for each in reversed(self._open) if not each.is_case), "")
        # Node calls the class of every case "test".
        named = left.attributes.get("classname", "")
        return cleaned(
            Case(
                left.attributes.get("name", ""),
                suite if suite and named in ("", "test") else named,
                outcome,
                next(filter(None, (each.attribute("file", "filepath") for each in (left, *reversed(self._open)))), ""),
                # pytest counts lines from 0, and leaves them out when it is not asked for `xunit1`.
                cases.line_number(line) + 1 if left.pytest and line else cases.line_number(line),
                message=next((fault.message for fault in faults if fault.message.strip()), ""),
                detail=detail,
                seconds=cases.seconds(left.attributes.get("time", "")),
                source=self._source,
                error=next((fault.kind for fault in faults if fault.kind), ""),
                flaked=bool(flaky),
            )
        )

    def _add(self, result: Case, left: _Open) -> None:
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


def parse_trx(data: bytes, source: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a run of `dotnet test`; that the run itself failed is a case called "test run"."""
    reader = _Trx(source)
    notes = read_xml(data, reader)
    reader.leave()
    # The classes stand apart, after the results.
    return tuple(cleaned(replace(raw, suite=reader.classes.get(ident, ""))) for ident, raw in reader.cases), notes


class _Trx(Sink):
    def __init__(self, source: str) -> None:
        self.cases: list[tuple[str, Case]] = []
        self.classes: dict[str, str] = {}
        self._source = source
        self._definition = ""
        self._path: list[str] = []
        self._result: Mapping[str, str] | None = None
        self._texts: dict[str, Excerpt] = {}

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        match name:
            case "UnitTestResult":
                if len(self.cases) >= MAX_CASES:
                    raise Halt(TOO_MANY)
                self.leave()
                self._result = attributes
            case "RunInfo":
                bad = attributes.get("outcome", "") in ("Error", "Failed", "Aborted")
                self._result = {"testName": "test run", "outcome": "Error"} if bad else None
                self._texts = {}
            case "UnitTest":
                self._definition = attributes.get("id", "")[:100]
            case "TestMethod" if len(self.classes) < MAX_CASES:
                # The assembly may follow the class: "App.Tests, Version=1.0.0.0, …".
                self.classes[self._definition] = attributes.get("className", "")[:1_000].partition(",")[0]
            case _:
                pass

    def text(self, piece: str) -> None:
        name = self._path[-1] if self._path else ""
        if self._result is not None and name in ("Message", "StackTrace", "StdOut", "StdErr", "Text"):
            self._texts.setdefault(name, Excerpt(_MAX_DETAIL)).add(piece)

    def end(self, name: str) -> None:
        self._path.pop()
        if name in ("UnitTestResult", "RunInfo"):
            self.leave()

    def leave(self) -> None:
        if self._result is None:
            return
        texts = {name: str(text).strip() for name, text in self._texts.items()}
        outcome = _OUTCOMES.get(self._result.get("outcome", "").lower(), Outcome.SKIPPED)
        output = texts.get("StdErr") or texts.get("StdOut") or ""
        raw = Case(
            self._result.get("testName", ""),
            outcome=outcome,
            message=texts.get("Message") or texts.get("Text") or "",
            detail=texts.get("StackTrace") or (output if outcome in (Outcome.FAILED, Outcome.ERROR) else ""),
            seconds=_duration(self._result.get("duration", "")),
            source=self._source,
        )
        self.cases.append((self._result.get("testId", "")[:100], raw))
        self._result, self._texts = None, {}


def _duration(text: str) -> float | None:
    parts = _DURATION.fullmatch(text[:30])
    return int(parts[1]) * 3600 + int(parts[2]) * 60 + float(parts[3]) if parts else None
