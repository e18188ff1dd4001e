"""What GitHub is asked about a deployment, side by side: a read that fails or does not come back holds up no other."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.parallel import begin
from cicd_agent.errors import AgentError, ForgeRefused

SECONDS = 30.0
"""For everything that GitHub is asked: half of it until what is deployed now is known, half for the rest."""
SOURCE = "GitHub"

T = TypeVar("T")


def fetch(task: Callable[[], T] | None) -> Future[T]:
    """Begin a read. Without a task it has failed already: there is nobody to ask."""
    if task is not None:
        return begin(task)
    future: Future[T] = Future()
    future.set_exception(ForgeRefused("GitHub could not be asked", why="there is no `github-token`"))
    return future


def settle(reads: Iterable[Future[Any]], seconds: float) -> None:
    wait(tuple(reads), timeout=seconds)


def came(name: str, future: Future[T], nothing: T) -> tuple[T, Reading]:
    """What a read has brought, `nothing` when it failed, and how it went. What is not back now counts as lost."""
    if not future.done():
        why = f"GitHub did not answer within {SECONDS:.0f} seconds"
        return nothing, Reading(name, State.TIMEOUT, source=SOURCE, problem=why)
    error = future.exception()
    if isinstance(error, AgentError):
        return nothing, Reading(name, State.ERROR, source=SOURCE, problem=str(error).rstrip("."))
    return future.result(), Reading(name, State.KNOWN, source=SOURCE)
