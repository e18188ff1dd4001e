"""A comment that approves or overrides a held deployment: who may, and which run is started again."""

from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.plan import Plan
from cicd_agent.core.verdict import Said
from cicd_agent.modes import World
from cicd_agent.settings import Settings


def is_talk(event: Event) -> bool:
    """Whether the event is a comment."""
    raise NotImplementedError


def gather(event: Event, world: World, settings: Settings) -> Evidence:
    """What the comment asks for, and the held run that it leads to."""
    raise NotImplementedError


def verify(evidence: Evidence) -> Said:
    """What is answered."""
    raise NotImplementedError


def report(said: Said, evidence: Evidence) -> Plan:
    """The answer, and the run that is started again."""
    raise NotImplementedError
