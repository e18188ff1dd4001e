"""Whether a failure was rightly excused as flaky or as trouble of a machine: what came when the jobs ran again."""

from collections.abc import Callable, Sequence
from typing import Final

from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import DecidedFailure
from cicd_agent.insights.accuracy.labels import Case, Ground, Truth

MAX_RUNS: Final = 100
"""Runs that are asked for, a request each."""
_EXCUSED = frozenset({Cause.FLAKY, Cause.INFRASTRUCTURE})


def rerun_cases(decided: Sequence[DecidedFailure], runs: Runs | None) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    limits: dict[str, None] = {}
    known: dict[int, RunState | None] = {}

    def latest(run: int) -> RunState | None:
        if runs is None:
            limits["runs were not read: whether a rerun passed is not known"] = None
        elif run not in known and len(known) >= MAX_RUNS:
            limits[f"only {MAX_RUNS} runs whose failure was excused were asked for"] = None
        elif run not in known:
            known[run] = None
            try:
                known[run] = runs.run(run)
            except ForgeRefused as error:
                limits[f"not every run could be read: {error}"] = None
        return known.get(run)

    return failure_cases(decided, latest), tuple(limits)


def failure_cases(decided: Sequence[DecidedFailure], latest: Callable[[int], RunState | None]) -> tuple[Case, ...]:
    """A case for each failure that was excused; `latest` is the last attempt of a run, None where it is not known.

    What was laid at the change's door is in no case: no later fact shows whose fault it was.
    """
    last = {(each.repository, each.run, each.attempt, each.fingerprint): each for each in decided}
    return tuple(_case(each, decided, latest) for each in last.values() if each.cause in _EXCUSED and each.run)


def _case(each: DecidedFailure, decided: Sequence[DecidedFailure], latest: Callable[[int], RunState | None]) -> Case:
    truth, ground = Truth.UNKNOWN, Ground.TOO_EARLY
    same = [one for one in decided if one.run == each.run and one.fingerprint == each.fingerprint]
    if each.fingerprint and any(one.attempt > each.attempt for one in same):
        truth, ground = Truth.WRONG, Ground.RERUN_FAILED
    elif (state := latest(each.run)) and state.attempt > each.attempt and state.conclusion == "success":
        truth, ground = Truth.RIGHT, Ground.RERUN_PASSED
    return Case(
        "analyse-failure",
        truth,
        ground,
        repository=each.repository,
        at=each.at,
        sha=each.sha,
        key=each.fingerprint,
        word=each.cause,
        detail=f"run {each.run}, attempt {each.attempt}",
    )
