"""The walk along a chain: which entry stands where, and what the one after it shows of it."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from cicd_agent.audit.tampering import Break, Breaks, RecordedRemoval, Tampering
from cicd_agent.domain.audit_entry import ZERO_HASH, Columns, Kind, Link, Row, columns_from, digest, hash_of_digest
from cicd_agent.domain.text.words import clip

_FAR: Final = 50_000
"""How far from where a row stands its own place is looked for."""
_TRIALS: Final = 200_000
"""So many hashes are tried for all rows of a chain that stand in a wrong place: about a second."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A row and what can be said of it alone.

    `seq` is the number for which its hash is right, 0 for none; `prev` is the hash before it with which it is, and
    `computed` the hash that it should have as it stands. `data` is its text as an object and `columns` those that
    belong to it, both None with a text that is no entry; then `reason` says so.
    """

    row: Row
    seq: int
    prev: str
    computed: str
    data: Mapping[str, Any] | None
    columns: Columns | None
    reason: str = ""

    @property
    def kind(self) -> Kind | None:
        """What it is about, None when it does not say."""
        return self.columns.kind if self.columns else None

    @property
    def owners(self) -> tuple[str, ...]:
        named = self.data.get("repository") if self.data else None
        return (self.row.repository, named) if isinstance(named, str) else (self.row.repository,)

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Where its columns are not what its text says."""
        if self.columns is None or self.columns == self.row.columns:
            return ()
        return tuple(
            f"column `{each.name}` is {_shown(stored)}, its text says {_shown(true)}"
            for each in fields(Columns)
            if (stored := getattr(self.row.columns, each.name)) != (true := getattr(self.columns, each.name))
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
        computed = hash_of_digest(self._repository, row.seq, row.prev, summed)
        seq, prev = (row.seq, row.prev) if computed == row.hash else (0, row.prev)
        if not seq:
            seq, prev = self._placed(row, summed, expected, before, likely)
        try:
            data = json.loads(row.text)
            columns = columns_from(data)
        except (ValueError, RecursionError) as error:
            return Reading(row, seq, prev, computed, None, None, str(error)[:120])
        return Reading(row, seq, prev, computed, data, columns)

    def _placed(
        self, row: Row, summed: str, expected: int, before: Collection[str], likely: tuple[int, ...]
    ) -> tuple[int, str]:
        """The number and the hash before it that make its hash right, (0, its own) when none is found."""
        for hashed in before:
            if hash_of_digest(self._repository, expected, hashed, summed) == row.hash:
                return expected, hashed
        if row.seq == expected and row.prev in before:
            # It is where it belongs: what was changed is its text or its hash.
            return 0, row.prev
        for seq in self._numbers(row.seq, max(self._length, expected), likely):
            if seq > 0 and hash_of_digest(self._repository, seq, row.prev, summed) == row.hash:
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


_RUN: Final = 1
_ANSWERED: Final = 2
_OTHER: Final = 3
_PAGE: Final = 4_096


class References:
    """Follows a chain from its beginning. It keeps two bits' worth of each entry, in a byte."""

    def __init__(self) -> None:
        self.removals: dict[int, RecordedRemoval] = {}
        """By the number of the last entry that each removed."""
        self._pages: dict[int, bytearray] = {}

    def add(self, seq: int, reading: Reading, first: int) -> Break | None:
        """Take an entry in; what is wrong with what it says. `first` is the number with which the chain begins."""
        if reading.kind is Kind.RUN:
            self._note(seq, _RUN)
            return None
        self._note(seq, _OTHER)
        if reading.data is None or not reading.seq:
            return None
        if reading.kind is Kind.RECEIPTS:
            return self._receipts(seq, reading.data, first)
        return self._prune(seq, reading.data, first)

    @property
    def removed(self) -> RecordedRemoval | None:
        return self.removals[max(self.removals)] if self.removals else None

    def _receipts(self, seq: int, data: Mapping[str, Any], first: int) -> Break | None:
        of = _number(data.get("of"))
        if of is None:
            return Break(seq, Tampering.RECEIPTS, "it says what became of a run, but not of which")
        if of < first:
            return None  # removed with the beginning
        match self._known(of):
            case _ if of >= seq:
                wrong = f"it says what became of #{of}, which is not before it"
            case 0:
                return None  # it is missing, which is said elsewhere
            case noted if noted == _RUN:
                self._note(of, _ANSWERED)
                return None
            case noted if noted == _ANSWERED:
                wrong = f"it says what became of #{of}, of which another entry says that already"
            case _:
                wrong = f"it says what became of #{of}, which is no run"
        return Break(seq, Tampering.RECEIPTS, wrong)

    def _prune(self, seq: int, data: Mapping[str, Any], first: int) -> Break | None:
        begins, last, hashed = _number(data.get("first")), _number(data.get("last")), data.get("hash")
        if begins is None or last is None or not isinstance(hashed, str) or not 1 <= begins <= last < seq:
            return Break(seq, Tampering.PRUNE, "it says that entries were removed, but not which")
        range_ = f"#{begins} to #{last}"
        if last >= first:
            return Break(seq, Tampering.PRUNE, f"it says that {range_} were removed, but #{max(begins, first)} is here")
        before = self.removed
        if before is not None and begins != before.last + 1:
            wrong = f"it says that {range_} were removed, but #{before.by} says that all up to #{before.last} were"
            return Break(seq, Tampering.PRUNE, wrong)
        self.removals[last] = RecordedRemoval(seq, begins, last, hashed)
        return None

    def _note(self, seq: int, what: int) -> None:
        page, position = divmod(seq, _PAGE)
        if page not in self._pages:
            self._pages[page] = bytearray(_PAGE)
        self._pages[page][position] = what

    def _known(self, seq: int) -> int:
        page, position = divmod(seq, _PAGE)
        return self._pages[page][position] if page in self._pages else 0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


_RECENT: Final = 512
"""So many of the last hashes are known again."""
_GAPS: Final = 10_000


@dataclass(slots=True)
class Position:
    """An entry at its number, as long as it is not clear what is wrong with it.

    `outcomes` says what is wrong (None: nothing) if the chain goes on from that hash, and `open` if nothing tells.
    `accused` is the place before, when this one does not go on from it: which of the two is to blame, the next entry
    shows. `doubted`: something was said of it already, that is enough.
    """

    seq: int
    prev: str
    hash: str
    outcomes: dict[str, Break | None]
    open: Break | None = None
    accused: "Position | None" = None
    doubted: bool = False


@dataclass
class Walk:
    """Takes the rows of one chain in the order in which they stand. `witnesses` are links that were noted elsewhere."""

    repository: str
    witnesses: Mapping[int, tuple[Link, ...]]
    breaks: Breaks = field(default_factory=Breaks)
    references: References = field(default_factory=References)
    held: list[Link] = field(default_factory=list)
    failed: list[Link] = field(default_factory=list)
    """Witnesses that something contradicts of which no break tells yet."""
    covered: list[Link] = field(default_factory=list)
    """Witnesses of entries that a break tells of."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    entries: int = 0
    begin: Position | None = None
    """The first entry."""
    last: Position = field(default_factory=lambda: Position(0, "", ZERO_HASH, {ZERO_HASH: None}, doubted=True))
    _left: Position | None = None
    """The place before a gap, while the row after the gap is the last one that was read."""
    _early: dict[int, Position] = field(default_factory=dict)
    _recent: dict[str, int] = field(default_factory=dict)
    _shift: int = 0
    _first: Break | None = None
    """What is wrong with the number of the first row, unless it turns out to be no beginning."""
    _excused: bool = False
    """Whether a row stood where none belongs: then the numbers after it may be too high."""

    def __post_init__(self) -> None:
        self._reader = Reader(self.repository, max(self.witnesses, default=0))

    def take(self, row: Row) -> None:
        """Take the next row."""
        self.entries += 1
        if row.seq < 1:
            after = f"after #{self.last.seq}" if self.last.seq else "at the beginning"
            self.breaks.add(Break(self.last.seq, Tampering.NO_ENTRY, f"what stands {after} is no entry at all"))
            return
        likely = (row.seq - self._shift, self._recent.get(row.prev, -1) + 1)
        reading = self._reader.read(row, self.last.seq + 1, self.last.outcomes, likely)
        strangers = [owner for owner in reading.owners if owner != self.repository]
        if strangers:
            self._stranger(reading, strangers[0])
            return
        before, is_first = (self.breaks.number, len(self.missing)), not self.last.seq
        seq = reading.seq or row.seq
        is_new = self._put(self._position(reading, seq))
        if is_new:
            self._remember(row.hash, seq)
            if wrong := self.references.add(seq, reading, self.begin.seq if self.begin else seq):
                self.breaks.add(wrong)
        if mismatches := reading.mismatches if reading.seq else ():
            more = f", and {len(mismatches) - 1} more" if len(mismatches) > 1 else ""
            self.breaks.add(Break(seq, Tampering.COLUMN, f"its {mismatches[0]}{more}"))
        if reading.seq and is_new:
            explained = self._excused or before != (self.breaks.number, len(self.missing))
            self._number(row, seq, explained=explained and not is_first, is_first=is_first)
        self._excused = not is_new

    def end(self) -> None:
        """Nothing comes any more."""
        if self._left is not None:
            self._settle(self._left, None)
        if self._first is not None:
            self.breaks.add(self._first)
        for position in (self.last, *self._early.values()):
            self._settle(position, None)
            self._fill(position.seq)

    def _position(self, reading: Reading, seq: int) -> Position:
        row = reading.row
        if not reading.seq:
            lies = "".join(f"; its {each}" for each in reading.mismatches[:2])
            text = Break(seq, Tampering.TEXT, f"its text was changed, its hash is still that of what it said{lies}")
            hashed = Break(seq, Tampering.HASH, "its hash was changed, its text was not")
            either = Break(seq, Tampering.TEXT, f"its text and its hash do not agree: one of them was changed{lies}")
            return Position(seq, row.prev, row.hash, {row.hash: text, reading.computed: hashed}, either)
        position = Position(seq, reading.prev, row.hash, {row.hash: None})
        if reading.prev != row.prev:
            self.breaks.add(
                Break(seq, Tampering.PREV, "the hash before it was changed, its text and its hash were not")
            )
        elif reading.columns is None:
            self.breaks.add(Break(seq, Tampering.NO_ENTRY, f"its text is no entry: {reading.reason}"))
        return position

    def _number(self, row: Row, seq: int, *, explained: bool, is_first: bool) -> None:
        shift = row.seq - seq
        if shift and shift != self._shift and not explained:
            words = f"it bears the number {row.seq}, its hash is that of #{seq}"
            wrong = Break(seq, Tampering.NUMBER, words)
            if is_first:
                self._first = wrong
            else:
                self.breaks.add(wrong)
        self._shift = shift

    def _stranger(self, reading: Reading, owner: str) -> None:
        row = reading.row
        self.breaks.add(Break(row.seq, Tampering.FOREIGN, f"it is an entry of another repository, `{owner[:140]}`"))
        if row.seq == self.last.seq + 1:
            outcomes: dict[str, Break | None] = {row.hash: None, reading.computed: None}
            self._put(Position(row.seq, row.prev, row.hash, outcomes, doubted=True))
        self._excused = True

    def _put(self, position: Position) -> bool:
        """Where it belongs; False for what belongs nowhere."""
        left, self._left = self._left, None
        if position.seq <= self.last.seq:
            return self._behind(position, left)
        if left is not None:
            self._settle(left, None)
        if position.seq == self.last.seq + 1:
            self._follow(position)
        else:
            self._skip(position)
        # What stood too early stands here.
        while (early := self._early.pop(self.last.seq + 1, None)) is not None:
            self._follow(early)
        return True

    def _follow(self, position: Position) -> None:
        """It comes after the last one."""
        before = self.last
        if position.prev in before.outcomes:
            self._settle(before, position.prev)
        elif position.open is not None or position.doubted:
            self._settle(before, None)
        elif before.seq == 0:
            words = "the chain begins with it, and it is chained to an entry before it"
            self.breaks.add(Break(position.seq, Tampering.REWRITTEN, words))
            position.doubted = True
        else:
            if before.accused is not None:
                self._settle(before.accused, before.prev)
                before.accused = None
            position.accused = before
        self._advance(position)

    def _skip(self, position: Position) -> None:
        """Numbers are missing before it."""
        self._gap(self.last.seq + 1, position.seq - 1)
        self._left = self.last
        self._advance(position)

    def _advance(self, position: Position) -> None:
        if self.begin is None or self.last.seq == 0:
            self.begin = position
        self.last = position

    def _gap(self, first: int, last: int) -> None:
        if first <= last and len(self.missing) < _GAPS:
            self.missing.append((first, last))
        elif first <= last:
            self.breaks.add(_missing(first, last))

    def _fill(self, seq: int) -> tuple[int, int] | None:
        """The gap in which the number was missing, which it is no more."""
        for at, (first, last) in enumerate(self.missing):
            if first <= seq <= last:
                parts = [(first, seq - 1), (seq + 1, last)]
                self.missing[at : at + 1] = [part for part in parts if part[0] <= part[1]]
                return first, last
        return None

    def _behind(self, position: Position, left: Position | None) -> bool:
        """Its number is not beyond the last one."""
        if position.seq == self.last.seq:
            if left is not None:
                self._left = left
            return self._twice(position)
        if left is not None and left.seq < position.seq:
            # Not this one stands too late: the one before it stood too early.
            early = self.last
            self.breaks.add(Break(early.seq, Tampering.MISPLACED, f"it stands too early, before #{position.seq}"))
            self._early[early.seq] = early
            self._first = None
            self.missing = [gap for gap in self.missing if gap[0] != left.seq + 1]
            self.last = left
            return self._put(position)
        if left is not None:
            self._settle(left, None)
        if (gap := self._fill(position.seq)) is not None:
            words = f"it stands too late, after #{self.last.seq}"
            self.breaks.add(Break(position.seq, Tampering.MISPLACED, words))
            if gap[0] == 1:
                self.begin = position
            position.doubted = True
            self._settle(position, None)
            return True
        if any(hashed in self._recent for hashed in position.outcomes):
            words = f"it stands a second time, after #{self.last.seq}"
            self.breaks.add(Break(position.seq, Tampering.DUPLICATED, words))
            return False
        words = f"an entry after #{self.last.seq} bears its number: it was put there, it is not of this chain"
        self.breaks.add(Break(position.seq, Tampering.INSERTED, words))
        return False

    def _twice(self, position: Position) -> bool:
        """It bears the number of the last one."""
        other, seq = self.last, position.seq
        if any(hashed in other.outcomes for hashed in position.outcomes):
            self.breaks.add(Break(seq, Tampering.DUPLICATED, "it stands twice"))
            return False
        if other.doubted:
            self.last = position
            return True
        if other.accused is not None and position.prev in other.accused.outcomes:
            self._settle(other.accused, position.prev)
            other.accused = None
        words = "two entries bear this number, and the chain goes on from the {}: the {} was inserted"
        first = Break(seq, Tampering.INSERTED, words.format("second", "first"))
        second = Break(seq, Tampering.INSERTED, words.format("first", "second"))
        either = Break(seq, Tampering.INSERTED, "two entries bear this number: one of them was inserted")
        outcomes = dict.fromkeys(other.outcomes, second) | dict.fromkeys(position.outcomes, first)
        self.last = Position(seq, position.prev, position.hash, {**outcomes}, either, other.accused)
        return False

    def _settle(self, position: Position, after: str | None) -> None:
        """Say what is wrong with it, as the entry after it is chained to `after`, None where that is not known."""
        links = self.witnesses.get(position.seq, ())
        wrong = self._wrong(position, after)
        if position.accused is not None:
            self._settle(position.accused, position.prev)
        if wrong is not None:
            self.breaks.add(wrong)
        for link in links:
            if link.hash in position.outcomes:
                self.held.append(link)
            elif wrong is not None or position.doubted:
                self.covered.append(link)
            else:
                self.failed.append(link)

    def _wrong(self, position: Position, after: str | None) -> Break | None:
        links, seq = self.witnesses.get(position.seq, ()), position.seq
        noted = next((link.hash for link in links if link.hash in position.outcomes), None)
        if position.doubted:
            return None
        if after is not None and after in position.outcomes:
            return position.outcomes[after]
        if after is None or position.open is not None:
            return position.open if noted is None else position.outcomes[noted]
        if noted is not None:
            words = f"it is not chained to #{seq}, which is as it was noted: it was changed with its hash"
            return Break(seq + 1, Tampering.REWRITTEN, words)
        words = f"it was changed together with its hash: #{seq + 1} is chained to another text"
        return Break(seq, Tampering.REWRITTEN, words)

    def _remember(self, hashed: str, seq: int) -> None:
        self._recent[hashed] = seq
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]


def _missing(first: int, last: int) -> Break:
    words = "it is missing" if first == last else f"the entries up to #{last} are missing"
    return Break(first, Tampering.DELETED, words)
