"""A claim about a change, where it stands and how it is recognised again."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from cicd_agent.domain.repository.diff import Side


class Ranked(StrEnum):
    """A scale whose members stand in their order, least first."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)


class Severity(Ranked):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Category(StrEnum):
    SECURITY = "security"
    PERFORMANCE = "performance"
    ARCHITECTURE = "architecture"
    RELIABILITY = "reliability"
    TESTING = "testing"


class Origin(StrEnum):
    RULE = "rule"
    MODEL = "model"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Location:
    """Lines `start`..`line` (1-based, inclusive) of `path` on one side of the diff; line 0 is the file as a whole."""

    path: str
    line: int = 0
    start: int = 0
    side: Side = Side.RIGHT

    @property
    def first(self) -> int:
        return self.start or self.line

    def meets(self, other: "Location") -> bool:
        is_same = (self.path, self.side) == (other.path, other.side)
        return is_same and self.first <= other.line and other.first <= self.line


@dataclass(frozen=True, slots=True)
class Passage:
    """Code, verbatim, and where it stands; the line is 0 where it is not known. It need not be part of the change."""

    location: Location
    quote: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim.

    `id` is the rule's id, "model" for a model's finding, `<tool>/<rule>` for another tool's. `quote` is the text it is
    about, verbatim from the diff except that secrets in it are masked. `confidence` is 0–1; rules say 1.0.
    `suggestion` is replacement text for the lines of `location`, "" when there is none; with `committable` it is proved
    that it can take their place: the file still parses. `advice` says what to do in words.
    """

    id: str
    title: str
    message: str
    severity: Severity
    category: Category
    location: Location
    quote: str = ""
    confidence: float = 1.0
    origin: Origin = Origin.RULE
    advice: str = ""
    suggestion: str = ""
    committable: bool = False
    elsewhere: tuple[Passage, ...] = ()
    """Other code that it rests on, or where the same cause stands again; proved as the quote is."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits that survive shifts of the line: rule (or category), path, side and the quoted text."""
        what = self.category if self.origin is Origin.MODEL else self.id
        text = " ".join(self.quote.split()) or self.title
        parts = f"{what}\0{self.location.path}\0{self.location.side}\0{text}"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:16]
