"""Whether a failure was rightly excused as flaky or as trouble of a machine: what came when the jobs ran again."""

from collections.abc import Callable, Sequence
from typing import Final

from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import DecidedFailure
from cicd_agent.insights.accuracy.labels import Case, Ground, Truth

FAILURE = "analyse-failure"
_EXCUSED = frozenset({Cause.FLAKY, Cause.INFRASTRUCTURE})


def failure_cases(
    decided: Sequence[DecidedFailure], latest: Callable[[DecidedFailure], RunState | None]
) -> tuple[Case, ...]:
    """A case for each failure that was excused; `latest` is the last attempt of its run, None where it is not known.

    What was laid at the change's door is in no case: no later fact shows whose fault it was.
    """
    last = {(each.repository, each.run, each.attempt, each.fingerprint): each for each in decided}
    return tuple(_case(each, decided, latest) for each in last.values() if each.cause in _EXCUSED and each.run)


def _case(
    each: DecidedFailure, decided: Sequence[DecidedFailure], latest: Callable[[DecidedFailure], RunState | None]
) -> Case:
    truth, ground = _label(each, decided, latest)
    return Case(
        FAILURE,
        truth,
        ground,
        repository=each.repository,
        at=each.at,
        sha=each.sha,
        key=each.fingerprint,
        word=each.cause,
        detail=f"run {each.run}, attempt {each.attempt}",
    )


def _label(
    each: DecidedFailure, decided: Sequence[DecidedFailure], latest: Callable[[DecidedFailure], RunState | None]
) -> tuple[Truth, Ground]:
    attempts = [one for one in decided if (one.repository, one.run) == (each.repository, each.run)]
    if each.fingerprint and any(one.attempt > each.attempt and one.fingerprint == each.fingerprint for one in attempts):
        return Truth.WRONG, Ground.RERUN_FAILED
    state = latest(each)
    if state is not None and state.attempt > each.attempt and state.conclusion == "success":
        return Truth.RIGHT, Ground.RERUN_PASSED
    return Truth.UNKNOWN, Ground.TOO_EARLY


MAX_RUNS: Final = 100
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
            if len(self._known) >= MAX_RUNS:
                self.limits[f"only {MAX_RUNS} runs whose failure was excused were asked for"] = None
                return None
            self._known[failure.run] = self._request(self._runs, failure.run)
        return self._known[failure.run]

    def _request(self, runs: Runs, run: int) -> RunState | None:
        try:
            return runs.run(run)
        except ForgeRefused as error:
            self.limits[f"not every run could be read: {error}"] = None
            return None


def rerun_cases(decided: Sequence[DecidedFailure], runs: Runs | None) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """A case for each failure that was excused, and what could not be read."""
    latest = _Latest(runs)
    cases = failure_cases(decided, latest.of)
    return cases, tuple(latest.limits)
