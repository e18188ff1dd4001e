"""Waits for the checks of a commit that still run, as long as the job has time."""

from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import replace
from itertools import chain, repeat
from typing import TypeVar

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.gate_evidence import CheckState, GateEvidence
from cicd_agent.domain.parallel import begin
from cicd_agent.domain.text.words import clip, first_names
from cicd_agent.errors import AgentError
from cicd_agent.modes.deploy_gate.holds import about_trigger
from cicd_agent.modes.deploy_gate.score import Policy, policy
from cicd_agent.modes.deploy_gate.signals.checks import red_checks, still_running
from cicd_agent.modes.deploy_gate.signals.readings import mark_own
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

RESERVE = 30.0
"""Seconds of the job's limit that are left for what comes after."""
ANSWER_SECONDS = 15.0
_PAUSES = (15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
"""Seconds between two looks; the last one again and again. Ten minutes take nine of them."""
_MAX_NAMED = 5
T = TypeVar("T")


def wait_for_checks(gate: GateEvidence, event: Event, ports: Ports, settings: Settings) -> bool:
    """Whether anything was waited for: then what is known of everything else is old.

    Nobody waits at a terminal, nor where a check has failed already that alone holds.
    """
    rules, forge, sleep = policy(settings), ports.forge, ports.wait
    running = still_running(gate, rules)
    if not running or forge is None or sleep is None or event.kind is EventKind.LOCAL or _is_red(gate, event, rules):
        return False
    own, sha, gates = event.delivery.partition(".")[0], gate.sha, forge.gates
    limit = left = min(settings.wait_for_checks * 60, ports.seconds_left() - RESERVE)
    for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
        if left <= 0:
            break
        ports.progress(f"Waiting for {_names(running)}: {left / 60:.1f} more minutes at most")
        sleep(min(pause, left))
        left = min(left - pause, ports.seconds_left() - RESERVE)
        busy = _ask(lambda: gates.checks_in_progress(sha))
        if busy and any(check.status == "in_progress" and check.name in busy for check in running):
            continue
        checks = _ask(lambda: gates.checks(sha))
        if checks is None:
            continue
        gate = replace(gate, checks=mark_own(checks, own))
        running = still_running(gate, rules)
        if not running or _is_red(gate, event, rules):
            break
    return limit > 0


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
