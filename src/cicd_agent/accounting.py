"""The commands that look into the account book; none of them asks a model."""

from collections.abc import Callable

from cicd_agent.cli import Options
from cicd_agent.environment import Environment
from cicd_agent.outlet import Outlet


def account(options: Options, environment: Environment, outlet: Outlet, now: Callable[[], float]) -> int:
    """What looks into the account book."""
    match options.command:
        case "audit":
            from cicd_agent.auditing import audit  # noqa: PLC0415  each pays for itself

            return audit(options, environment, outlet, now)
        case "state":
            from cicd_agent.stating import state  # noqa: PLC0415

            return state(options, environment, outlet, now)
        case "metrics":
            from cicd_agent.metering import metrics  # noqa: PLC0415

            return metrics(options, environment, outlet, now)
        case "accuracy":
            from cicd_agent.judging import accuracy  # noqa: PLC0415

            return accuracy(options, environment, outlet, now)
        case "cost":
            from cicd_agent.costing import cost  # noqa: PLC0415

            return cost(options, environment, outlet, now)
        case command:
            raise AssertionError(command)
