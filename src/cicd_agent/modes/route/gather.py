"""What routing looks at: the change, its history, and the test map; whatever is in doubt makes the plan full."""

from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence
from cicd_agent.modes import World
from cicd_agent.settings import Settings


def gather(event: Event, world: World, settings: Settings) -> Evidence:
    """Evidence of the change, or the doubt in its place. Raises nothing for what can be doubted."""
    raise NotImplementedError
