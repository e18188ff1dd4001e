"""Decides on a deployment: the score twice, the stops, and what people have lifted of them."""

from collections.abc import Sequence
from typing import Any

from cicd_agent.agent.turns import Answer
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.gated import Gated
from cicd_agent.modes.rulebook.ruling import RuleDraft
from cicd_agent.settings import Settings


def verify(rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Gated:
    """The decision."""
    raise NotImplementedError
