"""What a command works with: importing it costs next to nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cicd_agent.app.options import RunOptions

if TYPE_CHECKING:
    from cicd_agent.app.console import Console
    from cicd_agent.app.reporter import Reporter
    from cicd_agent.settings.environment import Environment


@dataclass(frozen=True, slots=True)
class Session:
    """Only runs of a mode use the `reporter`. `limit` is called with the seconds after which the command has to end."""

    options: RunOptions
    environment: "Environment"
    console: "Console"
    reporter: "Reporter"
    elapsed: Callable[[], float]
    """Seconds that never go back."""
    now: Callable[[], float]
    """Seconds since 1970."""
    limit: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line that was understood. `run` takes a Session and returns the exit code, or raises AgentError."""

    options: RunOptions
    run: Callable[..., int]
