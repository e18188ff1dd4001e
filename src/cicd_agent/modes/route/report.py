"""What is published of a plan."""

from cicd_agent.core.evidence import Evidence
from cicd_agent.core.plan import Plan
from cicd_agent.core.routed import Routed
from cicd_agent.modes import Account
from cicd_agent.settings import Settings

OUTPUTS: tuple[str, ...] = ()


def report(routed: Routed, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan."""
    raise NotImplementedError
