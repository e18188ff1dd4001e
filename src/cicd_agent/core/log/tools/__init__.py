"""The registry of tools: one definition each, in the order of the documents."""

from collections.abc import Sequence

from cicd_agent.core.log.tool import Tool


def tools() -> Sequence[Tool]:
    """Every tool that is known."""
    return ()
