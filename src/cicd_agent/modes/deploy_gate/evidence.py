"""What a deployment gate gathered."""

from typing import Final

from cicd_agent.domain.evidence import Section
from cicd_agent.domain.gate_evidence import GateEvidence

GATE: Final = Section[GateEvidence]("gate", GateEvidence)
SECTIONS: Final = (GATE,)
