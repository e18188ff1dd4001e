"""Reads what comes back from the sandbox: only lines that the supervisor signed, and of these only what fits."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.domain.ports.test_runner import Ghostwritten, Observation, Probe
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.test_run import (
    Fate,
    FileCoverage,
    MutantOutcome,
    Outcome,
    PytestRun,
    RunResult,
    TestOutcome,
    TestTrace,
)
from cicd_agent.pytest_worker.protocol import believed

_MAX_TESTS = 20_000
_TAIL = 200
_UNFIT = "the answer is not what was asked for"
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")

Line = Annotated[str, Field(max_length=300)]
NodeId = Annotated[str, Field(max_length=500)]
Path = Annotated[str, Field(max_length=4096)]
Number = Annotated[int, Field(ge=-(10**9), le=10**9)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Account(_Shape):
    """What the supervisor says of one process. `lines` are what the process said of itself."""

    code: int
    late: bool
    over: bool
    forged: bool
    lines: list[str]
    printed: str
    left: Annotated[list[str], Field(max_length=200)]
    killed: int
    seconds: float


class _Test(_Shape):
    nodeid: NodeId
    outcome: Annotated[Outcome, Field(strict=False)]
    seconds: float = Field(ge=0, le=1e9)
    message: Line
    exception: Line
    where: Annotated[str, Field(max_length=600)]


class _Coverage(_Shape):
    path: Path
    statements: list[Number]
    executed: list[Number]
    branches: list[tuple[Number, Number]]
    taken: list[tuple[Number, Number]]
    tests: Annotated[list[NodeId], Field(max_length=200)]


class _Mutant(_Shape):
    id: Line
    fate: Annotated[Fate, Field(strict=False)]
    by: NodeId
    exception: Line
    detail: Line


class _Traces(_Shape):
    functions: list[NodeId]
    files: list[NodeId]
    tests: list[tuple[NodeId, list[int], list[int]]]


class _Message(_Shape):
    """One thing that a session says."""

    collected: list[NodeId] = Field(default_factory=list)
    at: NodeId = ""
    test: _Test | None = None
    coverage: list[_Coverage] = Field(default_factory=list)
    mutants: list[_Mutant] = Field(default_factory=list)
    traces: _Traces | None = None
    end: int | None = None
    problem: Line = ""
    tests: int = 0
    answer: list[dict[str, Any]] = Field(default_factory=list)


class _Observation(_Shape):
    key: str = ""
    value: Annotated[str, Field(max_length=2000)] = ""
    type: Line = ""
    exception: Line = ""
    problem: Annotated[str, Field(max_length=2000)] = ""


class _Ghostwritten(_Shape):
    path: str = ""
    function: str = ""
    source: Annotated[str, Field(max_length=100_000)] = ""
    problem: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """One process: what it said, and why that does not count ("" when it does)."""

    said: tuple[_Message, ...]
    problem: str
    account: Account

    @property
    def answer(self) -> list[dict[str, Any]]:
        return [each for text in self.said for each in text.answer]


def accounts(key: bytes, output: bytes) -> list[Account]:
    """Those of the supervisor, up to the first line that is not its own."""
    results = []
    for content in believed(key, output):
        if content is None:
            break
        try:
            results.append(Account.model_validate_json(content))
        except ValidationError:
            break
    return results


def process_report(account: Account, seconds: float, redact: Callable[[str], str]) -> ProcessReport:
    """What a process said, judged as a whole."""
    messages: list[_Message] = []
    problem = ""
    for text in account.lines:
        try:
            messages.append(_Message.model_validate_json(text))
        except ValidationError:
            problem = "what it reports is not what our runner says"
            break
    ended = bool(messages) and messages[-1].end is not None
    if account.forged:
        problem = "something else wrote into its report"
    elif account.over:
        problem = "it reports more than can be read"
    elif account.late:
        how = "it does not end, although all tests have run" if ended else "it did not end"
        problem = f"{how} within {seconds:.3g} seconds{_during(messages)}"
    elif not problem and not ended:
        problem = f"the process ended with {account.code} before everything was said{_during(messages)}"
    elif not problem and messages[-1].problem:
        problem = messages[-1].problem
    if (
        problem
        and not account.late
        and (not ended or problem.startswith("pytest "))
        and (last := _last(account.printed, redact))
    ):
        problem = f"{problem}: {last}"
    return ProcessReport(tuple(messages), visible_line(problem)[: 2 * _TAIL], account)


def result(run: PytestRun, of: ProcessReport, redact: Callable[[str], str]) -> RunResult:
    """What came of a run of pytest."""
    problem = of.problem
    if not problem and (more := of.said[-1].tests - _MAX_TESTS) > 0:
        problem = f"{more:,} more tests have run than are told"
    return RunResult(
        name=run.name,
        completed=not of.problem,
        problem=problem,
        collected=tuple(nodeid for text in of.said for nodeid in text.collected),
        tests=tuple(_outcome(text.test, redact) for text in of.said if text.test),
        coverage=tuple(_covered(each) for text in of.said for each in text.coverage),
        mutants=tuple(MutantOutcome(**dict(each)) for text in of.said for each in text.mutants),
        traces=tuple(trace for text in of.said if text.traces for trace in _traces(text.traces)),
        left=tuple(visible_line(path) for path in of.account.left),
        processes_left=of.account.killed,
        seconds=of.account.seconds,
    )


def failure(run: PytestRun, problem: str) -> RunResult:
    return RunResult(run.name, completed=False, problem=problem)


def seen(probe: Probe, answer: Mapping[str, Any], redact: Callable[[str], str]) -> Observation:
    """What an expression gave, as one process says."""
    try:
        each = _Observation.model_validate(answer)
    except ValidationError:
        return Observation(probe.key, problem=_UNFIT)
    problem = visible_line(redact(each.problem))[:_TAIL]
    return Observation(probe.key, each.value, each.type, each.exception, problem)


def ghostwritten(path: str, function: str, answer: Mapping[str, Any], redact: Callable[[str], str]) -> Ghostwritten:
    """What the ghostwriter made of a function."""
    try:
        each = _Ghostwritten.model_validate(answer)
    except ValidationError:
        return Ghostwritten(path, function, problem=_UNFIT)
    return Ghostwritten(path, function, each.source, visible_line(redact(each.problem))[:_TAIL])


def _during(text: Sequence[_Message]) -> str:
    last = text[-1].at if text else ""
    return f", during {last}" if last else ""


def _last(printed: str, redact: Callable[[str], str]) -> str:
    """The last line that it printed which says something: nothing of that is to be believed."""
    lines = [line.strip() for line in redact(_COLOURS.sub("", printed)).splitlines()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return visible_line((errors or [line for line in lines if line] or [""])[-1])[:_TAIL]


def _outcome(test: _Test, redact: Callable[[str], str]) -> TestOutcome:
    message = visible_line(redact(test.message))[:300]
    return TestOutcome(test.nodeid, test.outcome, test.seconds, message, test.exception, test.where)


def _covered(each: _Coverage) -> FileCoverage:
    return FileCoverage(
        each.path,
        tuple(each.statements),
        tuple(each.executed),
        tuple(each.branches),
        tuple(each.taken),
        tuple(each.tests),
    )


def _traces(traces: _Traces) -> Iterator[TestTrace]:
    functions, files = traces.functions, traces.files
    for nodeid, used, opened in traces.tests:
        yield TestTrace(
            nodeid,
            tuple(functions[location] for location in used if 0 <= location < len(functions)),
            tuple(files[location] for location in opened if 0 <= location < len(files)),
        )


def agreed(first: Sequence[Observation], second: Sequence[Observation]) -> tuple[Observation, ...]:
    """What both have seen alike, in the order of the first; where they differ it says so as the `problem`."""
    again = {seen.key: seen for seen in second}
    return tuple(_agreed(seen, again.get(seen.key)) for seen in first)


def _agreed(one: Observation, other: Observation | None) -> Observation:
    if other is None:
        return replace(one, value="", exception="", problem="it was seen only once")
    if one == other or (one.problem and other.problem):
        return one
    retained = one.type if one.type == other.type else ""
    if one.problem or other.problem:
        return Observation(one.key, type=retained, problem=one.problem or other.problem)
    if one.exception or other.exception:
        return Observation(one.key, type=retained, problem="it raises in one process and not, or otherwise, in another")
    return Observation(one.key, type=retained, problem="its value differs from one process to the next")
