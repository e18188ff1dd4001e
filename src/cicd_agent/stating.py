"""`cicd-agent state`: what is known of a commit, and since when."""

from collections.abc import Callable

from cicd_agent.cli import Options
from cicd_agent.environment import Environment
from cicd_agent.outlet import Outlet


def state(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    """The exit code."""
    raise NotImplementedError
