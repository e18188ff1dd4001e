"""What can be wrong with a chain of entries, and where: the words of whoever checks one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cicd_agent.domain.audit_entry import Link

MAX_BREAKS: Final = 100
"""So many are named; the others are counted."""


class Tampering(StrEnum):
    TEXT = "text"
    """What an entry says was changed, and not its hash."""
    COLUMN = "column"
    """What an entry is found by is not what it says."""
    HASH = "hash"
    PREV = "prev"
    """The hash of the entry before it, as an entry has it, was changed."""
    NUMBER = "number"
    REWRITTEN = "rewritten"
    """An entry was changed together with its hash, or everything from one entry on."""
    INSERTED = "inserted"
    DUPLICATED = "duplicated"
    MISPLACED = "misplaced"
    DELETED = "deleted"
    BEHEADED = "beheaded"
    """The beginning was removed, and no removal is recorded."""
    TRUNCATED = "truncated"
    FOREIGN = "foreign"
    """An entry of another repository."""
    PRUNE = "prune"
    """The entry of a removal does not agree with the chain."""
    RECEIPTS = "receipts"
    """What became of a run is recorded for no run, or twice."""
    FACT = "fact"
    """A fact for later runs is not what an entry recorded, or is recorded by none, or is missing."""
    NO_ENTRY = "no_entry"


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold. `words` are a sentence about number `seq`, without a stop."""

    seq: int
    kind: Tampering
    words: str


@dataclass(frozen=True, slots=True)
class RecordedRemoval:
    """Entries `first` to `last`, whose removal is recorded as number `by`; `hash` is the last one's."""

    by: int
    first: int
    last: int
    hash: str


class AnchorState(StrEnum):
    HELD = "held"
    FAILED = "failed"
    REMOVED = "removed"
    """It is of an entry whose removal is recorded."""


@dataclass(frozen=True, slots=True)
class AnchorCheck:
    """An anchor that was given, and what the chain says to it; `by` is the entry of the removal, 0 without one."""

    link: Link
    met: AnchorState
    by: int = 0


@dataclass(frozen=True, slots=True)
class Verification:
    """What the check of one chain came to. `head` is its last entry as it stands, None when it has none.

    `breaks` are in the order of their numbers, at most MAX_BREAKS; `more` is how many there are beyond. `pruned` is
    the removal before which nothing is left, None when the chain is whole.
    """

    repository: str
    entries: int = 0
    first: int = 0
    head: Link | None = None
    breaks: tuple[Break, ...] = ()
    more: int = 0
    pruned: RecordedRemoval | None = None
    anchored: tuple[AnchorCheck, ...] = ()
    notes: tuple[str, ...] = ()
    facts: int = 0
    """Facts for later runs that were compared with what the entries say."""

    @property
    def holds(self) -> bool:
        return not self.breaks
