"""A test runner that counts what it is asked for, so that it can be said where the time of a trial goes."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.runner import LocalPytestRunner
from cicd_agent.domain.trials.sandbox import Ran
from cicd_agent.domain.trials.test_run import Fate, PytestRun, RunResult


class CountedSandbox(LocalSandbox):
    """Counts how often the tree is copied and a sandbox begun, and the seconds around the command."""

    def __init__(self, scratch: Path | None = None) -> None:
        super().__init__(scratch=scratch)
        self.begun = 0
        self.around = 0.0

    def run(self, *args: Any, **options: Any) -> Ran:
        """As the port says."""
        started = time.monotonic()
        ran = super().run(*args, **options)
        self.begun += 1
        self.around += time.monotonic() - started - ran.seconds
        return ran


class CountedPytestRunner(LocalPytestRunner):
    """Counts processes, their seconds by what they were for, and the faults that were tried."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.processes = Counter[str]()
        self.seconds = defaultdict[str, float](float)
        self.faults = 0

    def run(
        self, runs: Sequence[PytestRun], files: Mapping[str, str] | None = None, *, at_base: bool = False
    ) -> tuple[RunResult, ...]:
        """As the port says."""
        results = super().run(runs, files, at_base=at_base)
        for run, result in zip(runs, results, strict=True):
            kind = _kind(run, at_base=at_base)
            self.processes[kind] += 1
            self.seconds[kind] += result.seconds
            self.faults += sum(outcome.fate is not Fate.NOT_RUN for outcome in result.mutants)
        return results


def _kind(run: PytestRun, *, at_base: bool) -> str:
    if at_base:
        return "on the base"
    if run.mutants and run.select:
        return "with faults"
    return "suite with faults" if run.mutants else "plain"
