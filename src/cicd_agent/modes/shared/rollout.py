"""How a change goes out and how long it is watched: one table for whatever plans, decides on or does a deployment."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.settings.schema import Route, Settings

RouteStrategy = Literal["rolling", "canary", "blue_green", "direct"]
Strategy = RouteStrategy | Literal["hotfix"]

_TABLE: Final[dict[str, dict[str, Any]]] = tomllib.loads(files(__package__).joinpath("rollout.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Rollout:
    """The strategy, the percentage of a canary (0 without one), and the minutes of watching afterwards.

    `approval` is whether a person has to approve a change of this kind before it goes out.
    """

    strategy: RouteStrategy
    percentage: int
    minutes: int
    approval: bool = False


def rollout(level: RiskLevel, settings: Settings, *, is_inert: bool) -> Rollout:
    """What the table says of a level, or of a change in which nothing runs, with the config's cells in its place."""
    route = settings.routes.get(level.value, Route())
    default = _TABLE["inert" if is_inert and level is RiskLevel.LOW else level.value]
    strategy: RouteStrategy = route.strategy or default["strategy"]
    percentage = default["canary"] if route.canary_percentage is None else route.canary_percentage
    return Rollout(
        strategy,
        # A share of the traffic goes with a canary, and with nothing else.
        percentage if strategy == "canary" else 0,
        default["minutes"] if route.monitor_minutes is None else route.monitor_minutes,
        default["approval"],
    )
