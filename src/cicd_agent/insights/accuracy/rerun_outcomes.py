"""Asks GitHub what became of the runs whose failure was excused."""

from collections.abc import Sequence
from typing import Final

from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.workflow_run import RunState
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import DecidedFailure
from cicd_agent.insights.accuracy.failures import failure_cases
from cicd_agent.insights.accuracy.labels import Case

MOST_RUNS: Final = 100
"""Runs that are asked for, a request each."""


class _Latest:
    """The last attempt of runs, each asked for once."""

    def __init__(self, runs: Runs | None) -> None:
        self.limits: dict[str, None] = {}
        self._runs = runs
        self._known: dict[int, RunState | None] = {}

    def of(self, failure: DecidedFailure) -> RunState | None:
        if self._runs is None:
            self.limits["runs were not read: whether a rerun passed is not known"] = None
            return None
        if failure.run not in self._known:
            if len(self._known) >= MOST_RUNS:
                self.limits[f"only {MOST_RUNS} runs whose failure was excused were asked for"] = None
                return None
            self._known[failure.run] = self._asked(self._runs, failure.run)
        return self._known[failure.run]

    def _asked(self, runs: Runs, run: int) -> RunState | None:
        try:
            return runs.run(run)
        except ForgeRefused as error:
            self.limits[f"not every run could be read: {error}"] = None
            return None


def excused_cases(decided: Sequence[DecidedFailure], runs: Runs | None) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """A case for each failure that was excused, and what could not be read."""
    latest = _Latest(runs)
    cases = failure_cases(decided, latest.of)
    return cases, tuple(latest.limits)
