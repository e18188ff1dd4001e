"""One row of a chain, read: what it says, and under which number its hash is right."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from cicd_agent.domain.audit_entry import Columns, Kind, Row, columns_of, digest, linked
from cicd_agent.domain.text.words import clip

_FAR: Final = 50_000
"""How far from where a row stands its own place is looked for."""
_TRIALS: Final = 200_000
"""So many hashes are tried for all rows of a chain that stand in a wrong place: about a second."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A row and what can be said of it alone.

    `seq` is the number for which its hash is right, 0 for none; `prev` is the hash before it with which it is, and
    `computed` the hash that it should have as it stands. `told` is its text as an object and `said` the columns that
    belong to it, both None with a text that is no entry; then `why` says so.
    """

    row: Row
    seq: int
    prev: str
    computed: str
    told: Mapping[str, Any] | None
    said: Columns | None
    why: str = ""

    @property
    def kind(self) -> Kind | None:
        """What it is about, None when it does not say."""
        return self.said.kind if self.said else None

    @property
    def owners(self) -> tuple[str, ...]:
        """The repositories that its row and its text say it is of."""
        named = self.told.get("repository") if self.told else None
        return (self.row.repository, named) if isinstance(named, str) else (self.row.repository,)

    @property
    def lies(self) -> tuple[str, ...]:
        """Where its columns are not what its text says."""
        if self.said is None or self.said == self.row.columns:
            return ()
        return tuple(
            f"column `{each.name}` is {_shown(stored)}, its text says {_shown(true)}"
            for each in fields(Columns)
            if (stored := getattr(self.row.columns, each.name)) != (true := getattr(self.said, each.name))
        )


class Reader:
    """Reads the rows of one repository's chain, which is known to have had `length` entries at least."""

    def __init__(self, repository: str, length: int) -> None:
        self._repository = repository
        self._length = length
        self._left = _TRIALS

    def read(self, row: Row, expected: int, before: Collection[str], likely: tuple[int, ...]) -> Reading:
        """`before` are the hashes that the entry before may have; `likely` are numbers that the row may have borne."""
        summed = digest(row.text)
        computed = linked(self._repository, row.seq, row.prev, summed)
        seq, prev = (row.seq, row.prev) if computed == row.hash else (0, row.prev)
        if not seq:
            seq, prev = self._placed(row, summed, expected, before, likely)
        try:
            told = json.loads(row.text)
            said = columns_of(told)
        except (ValueError, RecursionError) as error:
            return Reading(row, seq, prev, computed, None, None, str(error)[:120])
        return Reading(row, seq, prev, computed, told, said)

    def _placed(
        self, row: Row, summed: str, expected: int, before: Collection[str], likely: tuple[int, ...]
    ) -> tuple[int, str]:
        """The number and the hash before it that make its hash right, (0, its own) when none is found."""
        for hashed in before:
            if linked(self._repository, expected, hashed, summed) == row.hash:
                return expected, hashed
        if row.seq == expected and row.prev in before:
            # It is where it belongs: what was changed is its text or its hash.
            return 0, row.prev
        for seq in self._numbers(row.seq, max(self._length, expected), likely):
            if seq > 0 and linked(self._repository, seq, row.prev, summed) == row.hash:
                return seq, row.prev
        return 0, row.prev

    def _numbers(self, around: int, length: int, likely: tuple[int, ...]) -> Iterator[int]:
        """The likely ones, then those around the row's own, the nearest first."""
        yield from likely
        start = min(around, length + 1)
        for distance in range(min(_FAR, max(start, length - start + 2))):
            if self._left <= 0:
                return
            self._left -= 2
            yield start - distance
            yield start + distance


def _shown(value: object) -> str:
    return f"`{clip(str(value), 40)}`" if value else "empty"
