"""The registry of modes: one line for each.

What a mode is, is in `modes/<name>/`: its steps (`mode.py`), inputs and permissions (`contract.py`), results
(`result.py`) and evidence (`evidence.py`), and where it has such, settings (`settings.py`) and options (`command.py`).
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final

MODES: Final[dict[str, str]] = {
    "review": "review a change: findings proven against its diff, and its risk",
    "gen-tests": "write tests for a change and keep those that prove themselves; find flaky tests",
    "analyse-failure": "explain a failed run: the lines that prove what failed, the cause, the next step",
    "deploy-gate": "decide on a deployment from the evidence: proceed, hold or roll back",
    "route": "choose tests, build and deployment strategy by the risk of a change",
}


def mode_module(name: str, part: str) -> ModuleType | None:
    """A module of a mode's folder, imported when it is used; None where the mode has none of that name."""
    path = f"cicd_agent.modes.{name.replace('-', '_')}.{part}"
    return import_module(path) if find_spec(path) else None
