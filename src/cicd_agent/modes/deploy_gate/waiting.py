"""Waits for the checks of a commit that still run, as long as the job has time."""

from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from math import ceil
from typing import TypeVar

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.gate_evidence import CheckState, GateEvidence
from cicd_agent.domain.parallel import begin
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.text.words import clip, first_names
from cicd_agent.errors import AgentError, RateLimited
from cicd_agent.modes.deploy_gate.holds import about_trigger
from cicd_agent.modes.deploy_gate.score import Policy, policy
from cicd_agent.modes.deploy_gate.signals.checks import red_checks, still_running
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

RESERVE = 30.0
"""Seconds of the job's limit that are left for what comes after."""
ANSWER_SECONDS = 15.0
_STEP, _MOST = 15.0, 75.0
"""Seconds by which the pauses between two looks grow at first, up to so many; then with the time that has passed."""
_SHARE = 3
_MINUTE = 60
_MAX_NAMED = 5
T = TypeVar("T")


@dataclass(slots=True)
class WaitingTime:
    """What is left of the time that the gate may wait, in seconds; nobody waits at a terminal."""

    ports: Ports
    seconds: float

    @classmethod
    def of(cls, event: Event, ports: Ports, settings: Settings) -> "WaitingTime":
        may_wait = ports.forge is not None and ports.wait is not None and event.kind is not EventKind.LOCAL
        return cls(ports, min(settings.wait_for_checks * 60, ports.seconds_left() - RESERVE) if may_wait else 0)

    @property
    def left(self) -> float:
        return max(0.0, min(self.seconds, self.ports.seconds_left() - RESERVE))

    def spend(self, seconds: float) -> None:
        if self.ports.wait is None:
            raise AssertionError("there is no time where nobody may wait")
        self.ports.wait(seconds)
        self.seconds -= seconds


def wait_for_reset(limits: Sequence[RateLimited], time: WaitingTime) -> bool:
    """Wait until GitHub lifts its rate limit, where there is time for it; whether it was waited for."""
    seconds = max(limit.seconds for limit in limits)
    if not seconds < time.left:
        return False
    minutes = f"{ceil(seconds / 60)} min" if seconds > _MINUTE else f"{ceil(seconds)} s"
    time.ports.progress(f"GitHub's rate limit is used up; waiting {minutes} until {reset_of(limits)}")
    time.spend(seconds)
    return True


def reset_of(limits: Sequence[RateLimited]) -> str:
    """When the last of them is lifted, to the next whole minute."""
    moment = _MINUTE * ceil(max(limit.reset for limit in limits) / _MINUTE)
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return "a time that GitHub does not say"


def wait_for_checks(
    gate: GateEvidence,
    event: Event,
    settings: Settings,
    time: WaitingTime,
    gates: Gates,
    *,
    mark: Callable[[Sequence[CheckState]], tuple[CheckState, ...]],
) -> bool:
    """Wait for the checks of `gate` that go on; whether anything was waited for: then what is known is old.

    A look costs one request as long as one of them is seen to go on; else all checks are read, and the more often that
    was for nothing the longer are the pauses. Nobody waits where a check has failed already that alone holds.
    """
    rules = policy(settings)
    sha, passed, pause, reads = gate.sha, 0.0, 0.0, 0
    while time.left > 0 and (running := still_running(gate, rules)) and not _is_red(gate, event, rules):
        pause = max(min(pause + _STEP, _MOST), passed / _SHARE, passed * reads / 2)
        time.ports.progress(f"Waiting for {_names(running)}: {time.left / 60:.1f} more minutes at most")
        pause = min(pause, time.left)
        time.spend(pause)
        passed += pause
        if time.left <= 0 or _ask(partial(gates.is_running, sha, running)):
            continue
        reads += 1
        checks = _ask(partial(gates.checks, sha))
        gate = gate if checks is None else replace(gate, checks=mark(checks))
    return passed > 0


def _is_red(gate: GateEvidence, event: Event, rules: Policy) -> bool:
    return bool(red_checks(gate, rules)) or any(about_trigger(gate, event))


def _names(running: Sequence[CheckState]) -> str:
    names = dict.fromkeys(clip(check.name, 80) for check in running)
    return first_names([f"`{name}`" for name in names], _MAX_NAMED)


def _ask(task: Callable[[], T]) -> T | None:
    """None where GitHub gave no answer: the last look at everything says why."""
    future = begin(task)
    wait([future], ANSWER_SECONDS)
    if not future.done() or isinstance(future.exception(), AgentError):
        return None
    return future.result()
