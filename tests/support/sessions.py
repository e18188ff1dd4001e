"""A session in which a command of the command line is run by itself."""

from collections.abc import Callable

from cicd_agent.app.console import Console, Streams
from cicd_agent.app.reporter import Reporter
from cicd_agent.app.session import Invocation, Session
from cicd_agent.settings.environment import Environment


def session_of(
    invocation: Invocation, environment: Environment, streams: Streams, now: Callable[[], float] = lambda: 0.0
) -> Session:
    """What the command works with; nothing ends it."""
    console = Console(invocation.options, environment, streams)
    reporter = Reporter(invocation.options, environment, console)
    return Session(invocation.options, environment, console, reporter, now, now, lambda _seconds: None)
