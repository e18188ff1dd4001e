"""Which events a gate decides on, and the signals that are read for it, side by side and within a time limit."""

from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence
from cicd_agent.modes import World
from cicd_agent.settings import Settings


def declines(event: Event) -> str | None:
    """Why there is nothing to decide."""
    raise NotImplementedError


def gather(event: Event, world: World, settings: Settings) -> Evidence:
    """All that the decision rests on."""
    raise NotImplementedError
