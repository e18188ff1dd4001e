"""What was seen of the world: the only thing that rules, questions and verification may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.facts import FactSet
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.repository.risk_file import RiskFile


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A citable excerpt, whose first line is number `first_line` of `source`; higher `priority` is packed first.

    `gutter` replaces the line numbers where they alone do not say enough (the sides of a diff): one entry a line.
    """

    id: str
    source: str
    text: str
    first_line: int = 1
    priority: int = 0
    gutter: tuple[str, ...] = ()
    whole: bool = False
    """Whether it is a piece of the diff: shown whole or not at all, below one heading with its neighbours."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not looked at, and why: it goes into the report, so that nothing is dropped in silence."""

    what: str
    why: str


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Section(Generic[T_co]):
    """A part of the evidence that one mode owns: `name` is its key in the JSON, `type` how it is read from there."""

    name: str
    type: Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one run knows: what every mode may use, and the sections of the mode that gathered it."""

    event: Event
    change: Change | None = None
    exhibits: tuple[Exhibit, ...] = ()
    gaps: tuple[Gap, ...] = ()
    findings: tuple[Finding, ...] = ()
    declined: str = ""
    """Why there is nothing to do after all, as reading the world has shown; "" when there is."""
    memory: str = ""
    """Incremental state that an earlier run saved, in lines; "" when none can be believed."""
    history: History | None = None
    learnt: RiskFile | None = None
    known: FactSet = FactSet()
    sections: Mapping[str, Any] = field(default_factory=dict)

    def get(self, section: Section[T]) -> T | None:
        value: T | None = self.sections.get(section.name)
        return value

    def __getitem__(self, section: Section[T]) -> T:
        """Raises KeyError where nothing was gathered for it."""
        value: T = self.sections[section.name]
        return value

    def put(self, section: Section[T], value: T | None) -> "Evidence":
        return replace(self, sections={**self.sections, section.name: value})
