"""What is published of a gate's decision."""

from cicd_agent.core.evidence import Evidence
from cicd_agent.core.gated import Gated
from cicd_agent.core.plan import Plan
from cicd_agent.modes import Account
from cicd_agent.settings import Settings

OUTPUTS: tuple[str, ...] = ()


def report(gated: Gated, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan."""
    raise NotImplementedError
