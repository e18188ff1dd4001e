"""What a run may spend and how long it may take: unless somebody says otherwise, another answer for each mode."""

from collections.abc import Mapping
from typing import Final

from cicd_agent.settings.schema import ModeName, Settings

Limits = Mapping[ModeName, float]

USD: Final[Limits] = {"review": 0.50, "gen-tests": 1, "analyse-failure": 0.25, "deploy-gate": 0.10, "route": 0}
MINUTES: Final[Limits] = {"review": 5, "gen-tests": 15, "analyse-failure": 5, "deploy-gate": 5, "route": 5}

BY_MODE: Final[Mapping[str, Limits]] = {"max_cost_usd": USD, "timeout_minutes": MINUTES}
"""The settings that are None until somebody says otherwise, and what holds then."""


def usd(settings: Settings, mode: str) -> float:
    """Most that one run of the mode may spend."""
    return _of(mode, USD) if settings.max_cost_usd is None else settings.max_cost_usd


def minutes(settings: Settings, mode: str) -> float:
    """After how many minutes a run of the mode ends; without a mode, what holds for most."""
    return _of(mode, MINUTES) if settings.timeout_minutes is None else settings.timeout_minutes


def listed(limits: Limits) -> str:
    """Each with its mode; one that most modes share comes first and stands for all of them."""
    common = max(limits.values(), key=[*limits.values()].count)
    if [*limits.values()].count(common) == 1:
        return ", ".join(f"{mode} {limit:g}" for mode, limit in limits.items())
    others = (f"{mode} {limit:g}" for mode, limit in limits.items() if limit != common)
    return ", ".join([f"{common:g}", *others])


def _of(mode: str, limits: Limits) -> float:
    return next((limit for name, limit in limits.items() if name == mode), limits["review"])
