"""Tells collectors what a run has cost and come to."""

from collections.abc import Callable

from cicd_agent.core.timeline import Timeline
from cicd_agent.decision import Report
from cicd_agent.environment import Environment
from cicd_agent.settings import Settings


def tell(
    report: Report, timeline: Timeline, settings: Settings, environment: Environment, warn: Callable[[str], None]
) -> None:
    """Nobody is told yet."""
    del report, timeline, settings, environment, warn
