"""Which rules are new: in the ring `stable` what they find is shown for one minor version before it counts."""

from collections.abc import Iterable, Mapping
from typing import Final

from cicd_agent import __version__
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.rule import Rule
from cicd_agent.domain.version import minor
from cicd_agent.settings.schema import Settings

FIRST: Final = "0.1"
"""The rules of the first release are established: nobody had an earlier one to be surprised after."""


def on_probation(book: Iterable[Rule], version: str) -> Mapping[str, str]:
    """The rules that the running minor version brought, by id, each with the minor version from which it counts."""
    major, running = minor(version)
    return {
        rule.id: f"{major}.{running + 1}"
        for rule in book
        if rule.since != FIRST and minor(rule.since) >= (major, running)
    }


NEW: Final = on_probation(RULES, __version__)
"""The new rules of this version."""


def notice_only(settings: Settings, new: Mapping[str, str] = NEW) -> Mapping[str, str]:
    """The rules that only give notice in the ring of these settings."""
    return {} if settings.ring == "canary" else new
