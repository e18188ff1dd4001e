"""`cicd-agent cost`: what the models cost, and what tiers and caches saved."""

from collections.abc import Callable

from cicd_agent.cli import Options
from cicd_agent.environment import Environment
from cicd_agent.outlet import Outlet


def cost(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    """The exit code."""
    raise NotImplementedError
