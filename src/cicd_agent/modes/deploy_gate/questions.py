"""What a model is asked about a deployment."""

from collections.abc import Sequence
from typing import Any

from cicd_agent.agent.turns import Answer, Question
from cicd_agent.core.evidence import Evidence
from cicd_agent.settings import Settings


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    """One question, once."""
    raise NotImplementedError
