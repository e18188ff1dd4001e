"""Reads the rows of a chain into maximal segments of sound entries, and finds what does not hold of a row alone."""

import json
from array import array
from collections.abc import Mapping, MutableSequence
from dataclasses import dataclass, field, fields
from itertools import chain, islice
from typing import Any, Final

from cicd_agent.audit.tampering import MAX_BREAKS, Break, Tampering
from cicd_agent.domain.audit_entry import ZERO_HASH, Columns, Kind, Link, Row, columns_from, digest, hash_of_digest
from cicd_agent.domain.text.words import clip

RUN: Final = 0
OTHER: Final = -1
UNKNOWN: Final = -2
"""What an entry is about, where it is not a positive number: that of the run whose outcome it has."""

_FAR: Final = 50_000
"""How far from the number that a row bears its own is looked for."""
_TRIALS: Final = 200_000
"""So many hashes are tried for all rows of a chain that bear a wrong number: about a second."""
_MAX_SEGMENTS: Final = 20_000
"""Of a chain in more pieces the rest is only counted."""


@dataclass(slots=True)
class Segment:
    """Entries from number `first` on, each sound and chained to the one before it; or one entry that is not sound.

    `prev` is the hash before the first, `hash` that of the last. Of an entry that is not sound `faults` has the hashes
    that it may have had, each with what was changed if that was its hash; `fault` says so if nothing shows which.
    """

    first: int
    prev: str
    hash: str
    faults: Mapping[str, Break] = field(default_factory=dict)
    fault: Break | None = None
    foreign: bool = False
    number: Break | None = None
    """What is wrong with the number that the first row bears, if the chain begins with it."""
    hashes: MutableSequence[int] = field(default_factory=lambda: array("q"))
    """Python's own `hash` of each entry's hash: enough to know a copy again."""
    subjects: MutableSequence[int] = field(default_factory=lambda: array("q"))
    witnessed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Of entries that were noted elsewhere: the hashes that each may have had."""

    @property
    def end(self) -> int:
        return self.first + len(self.hashes) - 1

    @property
    def is_sound(self) -> bool:
        return self.fault is None and not self.foreign

    @property
    def ends(self) -> tuple[str, ...]:
        return tuple(self.faults) or (self.hash,)


class SegmentReader:
    """Takes the rows of one chain in the order in which they stand. It keeps 16 bytes of each entry.

    `witnesses` are links of it that were noted elsewhere, by their numbers. `removals` are the entries of removals.
    """

    def __init__(self, repository: str, witnesses: Mapping[int, tuple[Link, ...]]) -> None:
        self.repository = repository
        self.segments = [Segment(1, ZERO_HASH, ZERO_HASH)]
        self.removals: dict[int, Mapping[str, Any]] = {}
        self.breaks: list[Break] = []
        self.more = 0
        """Breaks beyond MAX_BREAKS."""
        self.entries = 0
        self._witnesses = witnesses
        self._trials = _TRIALS
        self._shift = 0

    def add(self, one: Break) -> None:
        if len(self.breaks) < MAX_BREAKS:
            self.breaks.append(one)
        else:
            self.more += 1

    def read(self, row: Row) -> None:
        self.entries += 1
        last = self.segments[-1]
        if row.seq < 1:
            where = f"after #{last.end}" if last.end else "at the beginning"
            self.add(Break(last.end, Tampering.NO_ENTRY, f"what stands {where} is no entry at all"))
            return
        if len(self.segments) > _MAX_SEGMENTS:
            self.more += 1
            return
        text_digest = digest(row.text)
        computed = hash_of_digest(self.repository, row.seq, row.prev, text_digest)
        seq, prev = (row.seq, row.prev) if computed == row.hash else self._find_number(row, text_digest)
        data, columns, reason = _parse(row.text)
        if foreign := next((owner for owner in _owners(row, data) if owner != self.repository), ""):
            self.add(Break(row.seq, Tampering.FOREIGN, f"it is an entry of another repository, `{foreign[:140]}`"))
            if row.seq == last.end + 1:
                segment = Segment(row.seq, row.prev, row.hash, foreign=True)
                self._append(segment, row, UNKNOWN, (row.hash, computed))
            return
        mismatches = _mismatches(row.columns, columns)
        if not seq:
            self._read_unsound(row, computed, columns, "".join(f"; its {each}" for each in mismatches[:2]))
            return
        if prev != row.prev:
            self.add(Break(seq, Tampering.PREV, "the hash before it was changed, its text and its hash were not"))
        elif columns is None:
            self.add(Break(seq, Tampering.NO_ENTRY, f"its text is no entry: {reason}"))
        if mismatches:
            more = f", and {len(mismatches) - 1} more" if len(mismatches) > 1 else ""
            self.add(Break(seq, Tampering.COLUMN, f"its {mismatches[0]}{more}"))
        segment = self._segment_for(row, seq, prev)
        self._append(segment, row, self._subject(seq, data, columns), (row.hash,))

    def _segment_for(self, row: Row, seq: int, prev: str) -> Segment:
        last, shift = self.segments[-1], row.seq - seq
        number = None
        if shift and shift != self._shift:
            number = Break(seq, Tampering.NUMBER, f"it bears the number {row.seq}, its hash is that of #{seq}")
        self._shift = shift
        if seq != last.end + 1 or not last.is_sound or prev != last.hash:
            self._cut(seq, prev)
            # Why the numbers of a later segment are shifted shows in what lies before it.
            return Segment(seq, prev, row.hash, number=number if self.entries == 1 else None)
        if number:
            self.add(number)
        last.hash = row.hash
        return last

    def _cut(self, seq: int, prev: str) -> None:
        """Cut the last segment in two where another entry than the one in it follows one of its entries."""
        last = self.segments[-1]
        at = seq - last.first
        if 0 < at < len(last.hashes) and last.hashes[at - 1] == hash(prev):
            rest = Segment(seq, prev, last.hash, witnessed=last.witnessed)
            rest.hashes, rest.subjects = last.hashes[at:], last.subjects[at:]
            del last.hashes[at:], last.subjects[at:]
            last.hash = prev
            self.segments.append(rest)

    def _read_unsound(self, row: Row, computed: str, columns: Columns | None, mismatches: str) -> None:
        seq = row.seq - self._shift
        seq = seq if seq == self.segments[-1].end + 1 else row.seq
        text = f"its text was changed, its hash is still that of what it said{mismatches}"
        either = f"its text and its hash do not agree: one of them was changed{mismatches}"
        faults = {
            row.hash: Break(seq, Tampering.TEXT, text),
            computed: Break(seq, Tampering.HASH, "its hash was changed, its text was not"),
        }
        subject = RUN if columns and columns.kind is Kind.RUN else OTHER if columns else UNKNOWN
        segment = Segment(seq, row.prev, row.hash, faults, Break(seq, Tampering.TEXT, either))
        self._append(segment, row, subject, (row.hash, computed))

    def _append(self, segment: Segment, row: Row, subject: int, hashes: tuple[str, ...]) -> None:
        if segment is not self.segments[-1]:
            self.segments.append(segment)
        segment.hashes.append(hash(row.hash))
        segment.subjects.append(subject)
        if segment.end in self._witnesses:
            segment.witnessed[segment.end] = hashes

    def _find_number(self, row: Row, text_digest: str) -> tuple[int, str]:
        """The number and the hash before it with which its hash is right, (0, "") when none are found."""
        last = self.segments[-1]
        expected = last.end + 1
        for prev in last.ends:
            if hash_of_digest(self.repository, expected, prev, text_digest) == row.hash:
                return expected, prev
        if row.seq == expected and row.prev in last.ends:
            return 0, ""  # it is where it belongs: what was changed is its text or its hash
        start = min(row.seq, max(expected, *self._witnesses, 0) + 1)
        nearest = (start + sign * distance for distance in range(_FAR) for sign in (-1, 1))
        for seq in islice(chain([row.seq - self._shift], nearest), self._trials):
            self._trials -= 1
            if seq > 0 and hash_of_digest(self.repository, seq, row.prev, text_digest) == row.hash:
                return seq, row.prev
        return 0, ""

    def _subject(self, seq: int, data: Mapping[str, Any], columns: Columns | None) -> int:
        if columns is None:
            return UNKNOWN
        if columns.kind is Kind.RUN:
            return RUN
        if columns.kind is Kind.PRUNE:
            self.removals.setdefault(seq, data)
        elif of := positive(data.get("of")):
            return of
        else:
            self.add(Break(seq, Tampering.RECEIPTS, "it says what became of a run, but not of which"))
        return OTHER


def positive(value: object) -> int:
    """A number above 0, as references to entries are; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0


def _parse(text: str) -> tuple[Mapping[str, Any], Columns | None, str]:
    """The object that a text is, the columns that belong to it, and why it is no entry."""
    try:
        data = json.loads(text)
        return data, columns_from(data), ""
    except (ValueError, RecursionError) as error:
        return {}, None, str(error)[:120]


def _owners(row: Row, data: Mapping[str, Any]) -> tuple[str, ...]:
    named = data.get("repository")
    return (row.repository, named) if isinstance(named, str) else (row.repository,)


def _mismatches(stored: Columns, true: Columns | None) -> list[str]:
    """Where the columns of a row are not what its text says."""
    if true is None or stored == true:
        return []
    pairs = [(each.name, getattr(stored, each.name), getattr(true, each.name)) for each in fields(Columns)]
    return [
        f"column `{name}` is {_shown(one)}, its text says {_shown(other)}" for name, one, other in pairs if one != other
    ]


def _shown(value: object) -> str:
    return f"`{clip(str(value), 40)}`" if value else "empty"
