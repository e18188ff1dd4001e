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
from cicd_agent.pytest_worker.protocol import verified

_MAX_TESTS = 20_000
_TAIL = 200
_UNFIT = "the answer is not what was asked for"
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")

_UNRUN = "async def functions are not natively supported"
"""What pytest says where no plugin runs them: https://docs.pytest.org/en/stable/how-to/async.html"""

Line = Annotated[str, Field(max_length=300)]
NodeId = Annotated[str, Field(max_length=500)]
Path = Annotated[str, Field(max_length=4096)]
Number = Annotated[int, Field(ge=-(10**9), le=10**9)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Account(_Shape):
    """What the supervisor reports of one process. `lines` are what the process reported itself."""

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
    reached: Line
    temporary: Annotated[tuple[Line, ...], Field(max_length=20)] = ()


class _Coverage(_Shape):
    path: Path
    statements: tuple[Number, ...]
    executed: tuple[Number, ...]
    branches: tuple[tuple[Number, Number], ...]
    taken: tuple[tuple[Number, Number], ...]
    tests: Annotated[tuple[NodeId, ...], Field(max_length=200)]


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
    """One line of the report of a session."""

    collected: list[NodeId] = Field(default_factory=list)
    at: NodeId = ""
    test: _Test | None = None
    coverage: list[_Coverage] = Field(default_factory=list)
    mutants: list[_Mutant] = Field(default_factory=list)
    traces: _Traces | None = None
    end: int | None = None
    problem: Line = ""
    tests: int = 0
    without: int = 0
    """How many plugins were not loaded since the project mentions them nowhere."""
    answer: list[dict[str, Any]] = Field(default_factory=list)


class _Observation(_Shape):
    key: str = ""
    value: Annotated[str, Field(max_length=2000)] = ""
    type: Line = ""
    exception: Line = ""
    message: Annotated[str, Field(max_length=300)] = ""
    problem: Annotated[str, Field(max_length=2000)] = ""


class _Ghostwritten(_Shape):
    path: str = ""
    function: str = ""
    source: Annotated[str, Field(max_length=100_000)] = ""
    problem: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """One process: why what it reported does not count ("" when it does), and that, where it came to a report."""

    problem: str
    messages: tuple[_Message, ...] = ()
    account: Account | None = None

    @property
    def ends(self) -> tuple[str, list[tuple[str, Outcome]]]:
        """Its problem, and how each test ended."""
        return self.problem, [(one.test.nodeid, one.test.outcome) for one in self.messages if one.test]

    @property
    def may_lack_plugins(self) -> bool:
        """Whether it may have ended as it did for want of a plugin: of a fixture, an option, a runner of tests."""
        if not self.messages or not self.messages[-1].without:
            return False
        red = [one.test for one in self.messages if one.test]
        is_red = any(each.outcome is Outcome.ERROR or _UNRUN in each.message for each in red)
        return bool(self.problem) or is_red or not red

    def answers(self, count: int) -> list[dict[str, Any]]:
        """An answer for each of so many requests, in order."""
        if self.problem:
            return [{"problem": self.problem}] * count
        answers = [each for message in self.messages for each in message.answer]
        return answers if len(answers) == count else [{"problem": "there is not one answer for each question"}] * count


def accounts(key: bytes, output: bytes) -> list[Account]:
    """Those of the supervisor, up to the first line that is not its own."""
    results = []
    for content in verified(key, output):
        if content is None:
            break
        try:
            results.append(Account.model_validate_json(content))
        except ValidationError:
            break
    return results


def process_report(account: Account, seconds: float, redact: Callable[[str], str]) -> ProcessReport:
    """What a process reported, judged as a whole."""
    messages: list[_Message] = []
    problem = ""
    for text in account.lines:
        try:
            messages.append(_Message.model_validate_json(text))
        except ValidationError:
            problem = "what it reports is not what our runner says"
            break
    ended = bool(messages) and messages[-1].end is not None
    during = f", during {messages[-1].at}" if messages and messages[-1].at else ""
    if account.forged:
        problem = "something else wrote into its report"
    elif account.over:
        problem = "it reports more than can be read"
    elif account.late:
        how = "it does not end, although all tests have run" if ended else "it did not end"
        problem = f"{how} within {seconds:.3g} seconds{during}"
    elif not problem and not ended:
        problem = f"the process ended with {account.code} before everything was said{during}"
    elif not problem and messages[-1].problem:
        problem = messages[-1].problem
    is_unclear = problem and not account.late and (not ended or problem.startswith("pytest "))
    if is_unclear and (last := _last(account.printed, redact)):
        problem = f"{problem}: {last}"
    return ProcessReport(visible_line(problem)[: 2 * _TAIL], tuple(messages), account)


def run_result(run: PytestRun, report: ProcessReport, redact: Callable[[str], str]) -> RunResult:
    """What came of a run of pytest."""
    problem, messages = report.problem, report.messages
    if report.account is None:
        return RunResult(run.name, completed=False, problem=problem)
    if not problem and (more := messages[-1].tests - _MAX_TESTS) > 0:
        problem = f"{more:,} more tests have run than are told"
    tests = [message.test for message in messages if message.test]
    return RunResult(
        name=run.name,
        completed=not report.problem,
        problem=problem,
        collected=tuple(nodeid for message in messages for nodeid in message.collected),
        tests=tuple(
            TestOutcome(**dict(test) | {"message": visible_line(redact(test.message))[:300]}) for test in tests
        ),
        coverage=tuple(FileCoverage(**dict(each)) for message in messages for each in message.coverage),
        mutants=tuple(MutantOutcome(**dict(each)) for message in messages for each in message.mutants),
        traces=tuple(trace for message in messages if message.traces for trace in _traces(message.traces)),
        left=tuple(visible_line(path) for path in report.account.left),
        processes_left=report.account.killed,
        seconds=report.account.seconds,
    )


def observation(probe: Probe, answer: Mapping[str, Any], redact: Callable[[str], str]) -> Observation:
    """What an expression came to in one process."""
    try:
        each = _Observation.model_validate(answer)
    except ValidationError:
        return Observation(probe.key, problem=_UNFIT)
    problem = visible_line(redact(each.problem))[:_TAIL]
    return Observation(probe.key, each.value, each.type, each.exception, redact(each.message), problem)


def ghostwritten(path: str, function: str, answer: Mapping[str, Any], redact: Callable[[str], str]) -> Ghostwritten:
    """What the ghostwriter made of a function."""
    try:
        each = _Ghostwritten.model_validate(answer)
    except ValidationError:
        return Ghostwritten(path, function, problem=_UNFIT)
    return Ghostwritten(path, function, each.source, visible_line(redact(each.problem))[:_TAIL])


def _last(printed: str, redact: Callable[[str], str]) -> str:
    """The last line that it printed which says something: nothing of that is to be believed."""
    lines = [line.strip() for line in redact(_COLOURS.sub("", printed)).splitlines()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return visible_line((errors or [line for line in lines if line] or [""])[-1])[:_TAIL]


def _traces(traces: _Traces) -> Iterator[TestTrace]:
    functions, files = traces.functions, traces.files
    for nodeid, used, opened in traces.tests:
        yield TestTrace(
            nodeid,
            tuple(functions[location] for location in used if 0 <= location < len(functions)),
            tuple(files[location] for location in opened if 0 <= location < len(files)),
        )


def agreed(first: Sequence[Observation], second: Sequence[Observation]) -> tuple[Observation, ...]:
    """What is alike in both, in the order of the first; where they differ the `problem` says so."""
    again = {each.key: each for each in second}
    return tuple(_agreed(each, again.get(each.key)) for each in first)


def _agreed(one: Observation, other: Observation | None) -> Observation:
    if other is None:
        return replace(one, value="", exception="", problem="it was seen only once")
    if one == other or (one.problem and other.problem):
        return one
    if replace(one, message="") == replace(other, message=""):
        return replace(one, message="")
    problem = one.problem or other.problem
    if not problem and (one.exception or other.exception):
        problem = "it raises in one process and not, or otherwise, in another"
    retained = one.type if one.type == other.type else ""
    return Observation(one.key, type=retained, problem=problem or "its value differs from one process to the next")
