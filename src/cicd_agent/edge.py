"""One run from beginning to end: what the process has is turned into values, and whatever happens into an exit code."""

import signal
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from cicd_agent.cli import Options
from cicd_agent.commands import Clocks, execute
from cicd_agent.errors import AgentError, BudgetExhausted, ConfigError, Exit
from cicd_agent.outlet import Outlet, Streams
from cicd_agent.settings import Environment

CANCELLED = 130
"""What a shell says of a program that was interrupted."""


def run(asked: Options | ConfigError, variables: Mapping[str, str], streams: Streams) -> int:
    """Do what was asked; the exit code. `asked` is the error when the command line itself was wrong."""
    environment = Environment.read(variables)
    if isinstance(asked, ConfigError):
        return Outlet(Options(), environment, streams).fail(asked)
    outlet = Outlet(asked, environment, streams)
    try:
        with _ended_by_the_runner():
            return execute(asked, environment, outlet, Clocks(time.monotonic, time.time), _limit)
    except AgentError as error:
        return outlet.fail(error)
    except KeyboardInterrupt:
        outlet.fail(AgentError("the run was cancelled before its end"))
        return CANCELLED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        return Exit.OK
    except Exception as error:  # noqa: BLE001  the process edge: a bug of ours is reported, not dropped
        return outlet.fail(
            AgentError(
                f"a bug in cicd-agent: {type(error).__name__}",
                why=str(error)[:300],
                remedy="Please report it with the traceback above",
            ),
            "".join(traceback.format_exception(error)),
        )


def _limit(seconds: float) -> None:
    """End the run by BudgetExhausted after this long, whatever it waits for."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


@contextmanager
def _ended_by_the_runner() -> Iterator[None]:
    """Alarms and the runner's SIGTERM become exceptions, so that a run that is ended still says so."""

    def overdue(_signal: int, _frame: FrameType | None) -> None:
        raise BudgetExhausted("the time limit of the run is over", remedy="Raise `timeout-minutes`")

    def cancelled(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, cancelled)}
    if hasattr(signal, "SIGALRM"):
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, overdue)
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
