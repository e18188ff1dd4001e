"""What judging tests needs from the world: a place where the project's own code runs, and nothing else can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cicd_agent.domain.trials.test_run import PytestRun, RunResult
from cicd_agent.errors import ConfigError


class PytestUnavailable(ConfigError):
    """The project's code cannot be run here: no interpreter, no pytest, no sandbox. One line, with the remedy."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The project's own Python. `provides` are the versions of pytest, coverage and hypothesis that are its own.

    What it lacks was put into an overlay that only the runs see; `lacks` names what could not be had at all.
    """

    path: str
    version: str
    provides: Mapping[str, str]
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """An expression to evaluate after `imports` (statements, a line each); `key` names it in the result."""

    key: str
    imports: tuple[str, ...]
    expression: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What an expression gave in two fresh processes with different hash seeds, clocks and time zones.

    `value` is the `repr`, "" when it raised, when the repr differed between the two, or is no literal that could be
    typed again. `exception` is the type's name when it raised the same in both, `message` what it said.
    """

    key: str
    value: str = ""
    type: str = ""
    exception: str = ""
    message: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Ghostwritten:
    """What Hypothesis's ghostwriter makes of a function: the text of a module, "" and a `problem` when nothing."""

    path: str
    function: str
    source: str = ""
    problem: str = ""


class PytestRunner(Protocol):
    """Where the project's own code is run: on copies, in the sandbox, under its own interpreter.

    Every method may raise PytestUnavailable.
    """

    @property
    def interpreter(self) -> Interpreter: ...
    @property
    def sandbox(self) -> str: ...

    def with_loopback(self) -> "PytestRunner | None":
        """The same with a private loopback network, for suites that need one; None where no sandbox here has that."""

    def without(self, tests: Sequence[str]) -> "PytestRunner":
        """The same, but no run has these tests (node ids) or modules (paths) of the project."""

    @property
    def seconds_left(self) -> float:
        """How long there is still time to run something; nothing is started below 5."""

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        """Each in a fresh process, one after another, on a copy of the tree with `files` (path → text) put over it.

        A run that leaves the copy changed is the last on it: those after it get a fresh one. `at_base` takes the
        tree as it was before the change in place of the one under test: its changed files as they were. There is one
        result for each run, in order; a run for which no time was left is not `completed`.
        """

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]: ...
    def ghostwrite(self, functions: Sequence[tuple[str, str]]) -> tuple[Ghostwritten, ...]: ...

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """The complaint of the repository's own linter and formatter about each file that they are not content with.

        Empty when they are content, and where none is configured or installed.
        """

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """The files as the repository's own formatter would have them; as they are where there is none."""
