"""Whether a failure was rightly excused as flaky or as trouble of a machine: what came when the jobs ran again."""

from collections.abc import Callable, Sequence

from cicd_agent.domain.diagnosis import Cause
from cicd_agent.domain.workflow_run import RunState
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
    again = [one for one in decided if (one.repository, one.run) == (each.repository, each.run)]
    if each.fingerprint and any(one.attempt > each.attempt and one.fingerprint == each.fingerprint for one in again):
        return Truth.WRONG, Ground.RERUN_FAILED
    state = latest(each)
    if state is not None and state.attempt > each.attempt and state.conclusion == "success":
        return Truth.RIGHT, Ground.RERUN_PASSED
    return Truth.UNKNOWN, Ground.TOO_EARLY
