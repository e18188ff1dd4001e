"""The commands that set the agent up and look after that: each is done by itself, and asks no model for anything."""

from collections.abc import Callable

from cicd_agent.app.reporter import Outlet
from cicd_agent.cli.parser import Options
from cicd_agent.settings.environment import Environment


def set_up(options: Options, environment: Environment, outlet: Outlet, limit: Callable[[float], None]) -> int:
    """Do it; the exit code."""
    if options.command == "doctor":
        from cicd_agent.cli.doctor.doctor import doctor  # noqa: PLC0415  each pays for itself

        return doctor(options, environment, outlet, limit)
    from cicd_agent.cli.init.init import init  # noqa: PLC0415
    from cicd_agent.cli.prompts import person  # noqa: PLC0415

    return init(options, environment, outlet, person())
