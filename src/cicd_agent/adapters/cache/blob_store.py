"""Where entries lie between runs: what every such place can do, and several of them one behind the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

LARGEST_ENTRY: Final = 2_000_000
"""Bytes of an entry: what is larger is not ours."""

_SIZE = 50.0
"""Megabytes for which the number of entries of a kind is meant."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entries: what they are called together, the pattern of their names, and how many 50 MB may hold."""

    name: str
    what: str
    names: str
    most: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an entry lies there, how many bytes they may have together, and how many there may be."""

    seconds: float
    size: float
    entries: float

    @classmethod
    def of(cls, kind: Kind, max_mb: float, max_days: float) -> "Limits":
        """What the settings grant a kind; where more bytes are granted, more entries are."""
        return cls(max_days * 24 * 3600, max_mb * 1_000_000, kind.most * max(1.0, max_mb / _SIZE))


class Wrong(StrEnum):
    """Why an entry is not used."""

    DAMAGED = "damaged"
    OLD = "old"


class Shelf(Protocol):
    """A place for the entries of one kind. Nothing is raised: what goes wrong is noted, once, and costs only time."""

    @property
    def place(self) -> str:
        """Where that is, for a person."""

    def read(self, name: str) -> bytes | None:
        """What lies there under this name, None when nothing does; empty when it can be no entry."""

    def write(self, name: str, entry: bytes) -> None:
        """Put an entry in the place of whatever has this name."""

    def touch(self, name: str) -> None:
        """This entry was used: others go first."""

    def tidy(self) -> None:
        """Remove what is too old or too much."""


class Shelves:
    """Several shelves of the same kind, the first of which is looked at first.

    Who can write there is not known: an entry is used when whoever looks for it says that it is ours.
    """

    def __init__(self, shelves: Sequence[Shelf], note: Callable[[str], None]) -> None:
        self._shelves = tuple(shelves)
        self._note = note

    def find(self, name: str, judge: Callable[[bytes], T | Wrong]) -> T | None:
        """What the first entry that can be used says; the shelves before it get it, too."""
        without: list[Shelf] = []
        for shelf in self._shelves:
            raw = shelf.read(name)
            found = Wrong.OLD if raw is None else judge(raw)
            if raw is not None and not isinstance(found, Wrong):
                shelf.touch(name)
                for other in without:
                    other.write(name, raw)
                return found
            if found is Wrong.DAMAGED:
                self._note(f"{name} in {shelf.place} is damaged or not ours, and is not used: it is asked for again")
            without.append(shelf)
        return None

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Write the entries, by their name, and remove what is too old or too much."""
        for shelf in self._shelves:
            for name, entry in entries.items():
                shelf.write(name, entry)
            shelf.tidy()
