"""One run from beginning to end: what the process has is turned into values, and whatever happens into an exit code."""

import os
import signal
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from cicd_agent.app.console import Console, Streams
from cicd_agent.app.options import RunOptions
from cicd_agent.app.reporter import Reporter
from cicd_agent.app.session import Invocation, Session
from cicd_agent.errors import AgentError, Cancelled, ConfigError, Exit, TimeLimitReached
from cicd_agent.settings.environment import Environment

AGAIN = 0.05
"""Seconds after which a signal is sent once more, whose exception would have been lost."""
FAILURE_SECONDS = 30.0
"""For reporting why a run has failed: an audit log that does not answer cannot keep it from ending."""


def run(invocation: Invocation | ConfigError, variables: Mapping[str, str], streams: Streams) -> int:
    """Do what a command line says; the exit code. It is an error when the command line itself was wrong."""
    environment = Environment.read(variables)
    options = RunOptions() if isinstance(invocation, ConfigError) else invocation.options
    console = Console(options, environment, streams)
    reporter = Reporter(options, environment, console)
    if isinstance(invocation, ConfigError):
        return reporter.fail(invocation)
    session = Session(options, environment, console, reporter, time.monotonic, time.time, _limit)
    failure: AgentError
    trace = ""
    try:
        with _handling(_ALL):
            return invocation.run(session)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        return Exit.OK
    except AgentError as error:
        failure = error
    except TimeLimitReached as over:
        failure = over.failure
    except KeyboardInterrupt:
        failure = Cancelled("the run was cancelled before its end")
    except OSError as error:
        # A full disk, a folder that may not be written to: the machine's trouble, not a bug.
        remedy = "Look at the disk, or give --output-dir another place"
        failure = ConfigError("this machine refused", why=str(error), remedy=remedy)
    except Exception as error:  # noqa: BLE001  the process edge: a bug of ours is reported, not dropped
        what, remedy = f"a bug in cicd-agent: {type(error).__name__}", "Please report it with the traceback above"
        failure = AgentError(what, why=str(error)[:300], remedy=remedy)
        trace = "".join(traceback.format_exception(error))
    with _handling(_ALARM):  # a second SIGTERM ends the process as ever
        _limit(FAILURE_SECONDS)
        return reporter.fail(failure, trace)


def _limit(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _overdue(_signal: int, frame: FrameType | None) -> None:
    if _is_lost(frame):
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        return
    raise TimeLimitReached


def _is_lost(frame: FrameType | None) -> bool:
    """Whether nobody would hear of an exception: Python ignores what a finalizer raises, and goes on after it."""
    while frame is not None:
        if frame.f_code is weakref.finalize.__call__.__code__ or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _cancelled(number: int, frame: FrameType | None) -> None:
    if _is_lost(frame):
        later = threading.Timer(AGAIN, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()
        return
    raise KeyboardInterrupt


_ALARM: Final = {signal.SIGALRM: _overdue} if hasattr(signal, "SIGALRM") else {}
_ALL: Final = {signal.SIGTERM: _cancelled, **_ALARM}


@contextmanager
def _handling(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Alarms and the runner's SIGTERM become exceptions, so that a run that is ended still reports that."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        _limit(0)
        for number, handler in before.items():
            signal.signal(number, handler)
