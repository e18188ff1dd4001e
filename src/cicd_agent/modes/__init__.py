"""The modes, each imported when it is used; `domain/modes.py` registers them."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cicd_agent.domain.modes import MODES

if TYPE_CHECKING:
    from cicd_agent.domain.evidence import Section
    from cicd_agent.modes.contract import Contract
    from cicd_agent.modes.protocol import Mode


def mode_named(name: str) -> "Mode[Any] | None":
    """The mode of this name, None when there is none."""
    if name not in MODES:
        return None
    mode: Mode[Any] = _module(name, "mode").MODE
    return mode


def modes() -> "Mapping[str, Mode[Any]]":
    """All modes by name, in the order of the documents."""
    return {name: mode for name in MODES for mode in [mode_named(name)] if mode is not None}


def contract_of(name: str) -> "Contract":
    contract: Contract = _module(name, "contract").CONTRACT
    return contract


def result_types() -> Mapping[str, type]:
    return {key: type_ for name in MODES for key, type_ in _module(name, "result").RESULTS.items()}


@cache
def evidence_sections() -> "Mapping[str, Section[Any]]":
    return {section.name: section for name in MODES for section in _module(name, "evidence").SECTIONS}


def _module(name: str, part: str) -> Any:
    return import_module(f"cicd_agent.modes.{name.replace('-', '_')}.{part}")
