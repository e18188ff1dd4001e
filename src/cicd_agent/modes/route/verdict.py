"""Turns a change's risk into a plan: the routing table, the config's cells in its place, and the areas."""

from collections.abc import Sequence
from typing import Any

from cicd_agent.agent.turns import Answer
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.routed import Routed
from cicd_agent.modes.rulebook.ruling import RuleDraft
from cicd_agent.settings import Settings


def verify(rules: RuleDraft, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Routed:
    """The plan."""
    raise NotImplementedError
