"""A test runner that runs nothing: what comes of a run is told by a function of it and of the files over the tree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.ports.test_runner import (
    Ghostwritten,
    Interpreter,
    Observation,
    Probe,
    PytestRunner,
    PytestUnavailable,
)
from cicd_agent.domain.trials.test_run import PytestRun, RunResult

Script = Callable[[PytestRun, Mapping[str, str], str], RunResult]
"""The run, the files, and "head" or "base"."""


@dataclass
class FakePytestRunner(PytestRunner):
    """Keeps what it was asked in `batches`. It answers no call that was not scripted."""

    script: Script
    provides: Mapping[str, str] = field(default_factory=lambda: {"pytest": "8.4.0", "coverage": "7.10.0"})
    left: Callable[[int], float] = lambda _: 600.0
    """Seconds that are left after so many batches."""
    complaints: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda _: {}
    layout: Callable[[str], str] = lambda text: text
    seen: Mapping[str, Observation] = field(default_factory=dict)
    ghostwritten_modules: Mapping[tuple[str, str], Ghostwritten] = field(default_factory=dict)
    wider: PytestRunner | None = None
    """The same with a loopback of its own."""
    unavailable_after: int | None = None
    """The number of batches after which there is no test runner any more."""
    left_out: tuple[str, ...] = ()
    asked: list[Probe] = field(default_factory=list)
    batches: list[tuple[tuple[PytestRun, ...], dict[str, str], bool]] = field(default_factory=list)

    @property
    def interpreter(self) -> Interpreter:
        return Interpreter("/usr/bin/python3", "3.12.4", self.provides)

    @property
    def sandbox(self) -> str:
        return "fake"

    def with_loopback(self) -> PytestRunner | None:
        return self.wider

    def without(self, tests: Sequence[str]) -> PytestRunner:
        self.left_out = tuple(tests)
        return self

    @property
    def seconds_left(self) -> float:
        return self.left(len(self.batches))

    @property
    def runs(self) -> list[PytestRun]:
        """All that was run, in order."""
        return [run for batch, _, _ in self.batches for run in batch]

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        assert runs, "nobody asks for nothing"
        assert len({run.name for run in runs}) == len(runs), "each run has a name of its own"
        if self.unavailable_after is not None and len(self.batches) >= self.unavailable_after:
            raise PytestUnavailable("There is no pytest here. Install it.")
        self.batches.append((tuple(runs), dict(files or {}), at_base))
        results = tuple(self.script(run, dict(files or {}), "base" if at_base else "head") for run in runs)
        assert [result.name for result in results] == [run.name for run in runs], "a result bears its run's name"
        return results

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        self.asked += probes
        return tuple(self.seen[probe.key] for probe in probes)

    def ghostwrite(self, functions: Sequence[tuple[str, str]]) -> tuple[Ghostwritten, ...]:
        return tuple(self.ghostwritten_modules[function] for function in functions)

    def style(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return self.complaints(files)

    def formatted(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return {path: self.layout(text) for path, text in files.items()}
