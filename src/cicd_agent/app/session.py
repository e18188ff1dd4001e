"""What a command works with: importing it costs next to nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cicd_agent.app.options import RunOptions

if TYPE_CHECKING:
    from cicd_agent.app.reporter import Reporter
    from cicd_agent.settings.environment import Environment


@dataclass(frozen=True, slots=True)
class Clocks:
    """`elapsed` counts seconds and never goes back, `now` is in seconds since 1970."""

    elapsed: Callable[[], float]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with. `limit` is told after how many seconds it has to end, as soon as that is known."""

    options: RunOptions
    environment: "Environment"
    reporter: "Reporter"
    clocks: Clocks
    limit: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line that was understood. `run` takes a Session and returns the exit code, or raises AgentError."""

    options: RunOptions
    run: Callable[..., int]
