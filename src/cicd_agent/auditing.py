"""`cicd-agent audit`: the record of decisions, for a person or a program."""

from collections.abc import Callable

from cicd_agent.cli import Options
from cicd_agent.environment import Environment
from cicd_agent.outlet import Outlet


def audit(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    """The exit code."""
    raise NotImplementedError
