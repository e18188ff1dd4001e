"""Whether a chain of entries is what was recorded: what was done to it is named, and where."""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from typing import Final

from cicd_agent.audit.segments import RUN, UNKNOWN, Segment, SegmentReader, positive
from cicd_agent.audit.tampering import AnchorCheck, AnchorState, Break, RecordedRemoval, Tampering, Verification
from cicd_agent.domain.audit_entry import ZERO_HASH, Link, Row

_NAME: Final = r"[A-Za-z0-9._-]{1,140}"
# A server that is not github.com comes before the owner, with its port where it has one.
_CHAIN: Final = rf"(?:[A-Za-z0-9.:_-]{{1,260}}/)?{_NAME}/{_NAME}|{_NAME}"
_ANCHOR: Final = re.compile(rf"({_CHAIN})#([1-9][0-9]{{0,17}}):([0-9A-Fa-f]{{64}})")
_ANSWERED: Final = -3
"""The subject of a run whose outcome was met."""


def parse_anchor(text: str) -> Link:
    """The link that `Link.anchor` has written. Raises ValueError for anything else."""
    match = _ANCHOR.fullmatch(text.strip())
    if match is None:
        raise ValueError("an anchor is OWNER/NAME#NUMBER:HASH, with the 64 hex digits of the hash")
    return Link(match[1], int(match[2]), match[3].lower())


def verify(rows: Iterable[Row], anchors: Sequence[Link] = (), head: Link | None = None) -> Verification:
    """Check a chain whose rows come in the order in which they stand.

    `anchors` are entries of this chain that were noted elsewhere, `head` is the end that the store has noted. Anchors
    of other repositories are passed over.
    """
    stream = iter(rows)
    begun = list[Row]()
    while not head and not (begun and begun[-1].seq > 0) and (row := next(stream, None)):
        begun.append(row)
    named: list[Link | Row] = [*([head] if head else []), *(row for row in begun if row.seq > 0), *anchors]
    repository = named[0].repository if named else ""
    given = list(dict.fromkeys(anchor for anchor in anchors if anchor.repository == repository))
    witnesses: dict[int, tuple[Link, ...]] = {}
    for link in dict.fromkeys([*given, *([head] if head else [])]):
        witnesses[link.seq] = (*witnesses.get(link.seq, ()), link)
    reader = SegmentReader(repository, witnesses)
    for row in chain(begun, stream):
        reader.read(row)
    return _Judgement(reader, given, head, witnesses).verified()


class _Judgement:
    """Puts the segments of a chain in the order of their numbers, and judges where they meet."""

    def __init__(
        self, reader: SegmentReader, given: Sequence[Link], head: Link | None, witnesses: Mapping[int, tuple[Link, ...]]
    ) -> None:
        self._reader = reader
        self._given = given
        self._head = head
        self._witnesses = witnesses
        self._accused = set[int]()
        """Numbers of entries that were changed, as a break says."""
        self._failed = set[Link]()
        self._removed: dict[Link, int] = {}
        """Anchors of what was removed, with the number of the entry that says so."""
        self._order = self._arrange([each for each in reader.segments if each.hashes])
        self._begin = self._order[0].first if self._order else 1
        self._end = self._order[-1].end if self._order else 0

    def verified(self) -> Verification:
        for before, after in pairwise([*self._order, None]):
            if before is not None:
                self._judge_end(before, after)
        self._check_outcomes()
        removed = self._check_beginning(self._recorded_removals())
        self._check_end()
        self._check_witnesses()
        reader = self._reader
        return Verification(
            reader.repository,
            reader.entries,
            self._begin if self._order and reader.entries else 0,
            Link(reader.repository, self._end, self._order[-1].hash) if self._order else None,
            tuple(sorted(reader.breaks, key=lambda each: each.seq)),
            reader.more,
            removed,
            tuple(self._anchored(link) for link in self._given),
            tuple(self._notes()),
        )

    def _add(self, seq: int, kind: Tampering, text: str) -> None:
        self._reader.add(Break(seq, kind, text))

    def _arrange(self, segments: Sequence[Segment]) -> list[Segment]:
        """The segments in the order of their numbers. What stands elsewhere is put there, what is too many left out."""
        chosen = _in_order(segments, [self._weight(each) for each in segments])
        order = [segments[index] for index in sorted(chosen)]
        reached = 0
        for index, segment in enumerate(segments):
            if index not in chosen:
                self._insert(segment, order, reached, segments[index + 1 :][:1])
            reached = max(reached, segment.end)
        return order

    def _weight(self, segment: Segment) -> int:
        own = [(seq, hashes) for seq, hashes in segment.witnessed.items() if segment.first <= seq <= segment.end]
        held = sum(link.hash in hashes for seq, hashes in own for link in self._witnesses[seq])
        return (2 * len(segment.hashes) if segment.is_sound else not segment.foreign) + held

    def _insert(self, segment: Segment, order: list[Segment], reached: int, following: Sequence[Segment]) -> None:
        """Put a segment where it belongs that does not stand there; `reached` is the highest number before it."""
        seq = segment.first
        rival = _segment_of(order, seq)
        at = bisect_left(order, seq, key=attrgetter("first"))
        if rival is None and not (at < len(order) and order[at].first <= segment.end):
            insort(order, segment, key=attrgetter("first"))
            where = f"too late, after #{reached}" if reached > seq else f"too early, before #{following[0].first}"
            if segment.is_sound:
                self._add(seq, Tampering.MISPLACED, f"it stands {where}")
        elif rival is not None and rival.hashes[seq - rival.first] == segment.hashes[0]:
            self._add(seq, Tampering.DUPLICATED, f"it stands a second time, after #{reached}")
        elif not segment.foreign:
            right, wrong = ("first", "second") if reached >= seq else ("second", "first")
            shown = f", and the chain goes on from the {right}: the {wrong} was inserted"
            is_last = rival is not None and seq == order[-1].end
            words = f"two entries bear this number{': one of them was inserted' if is_last else shown}"
            self._add(seq, Tampering.INSERTED, words)

    def _judge_end(self, segment: Segment, following: Segment | None) -> None:
        """What is wrong with the last entry of a segment, and with what lies between it and the next one."""
        seq, ends = segment.end, segment.ends
        noted = next((link.hash for link in self._witnesses.get(seq, ()) if link.hash in ends), "")
        is_next = following is not None and following.first == seq + 1
        prev = following.prev if following is not None and is_next else ""
        if segment.fault:
            self._reader.add(segment.faults.get(prev) or segment.faults.get(noted) or segment.fault)
            self._accused.add(seq)
        elif segment.foreign:
            self._accused.add(seq)
        elif following is not None and is_next and following.is_sound and prev not in ends:
            if noted:
                words = f"it is not chained to #{seq}, which is as it was noted: it was changed with its hash"
            else:
                words = f"it was changed together with its hash: #{seq + 1} is chained to another text"
            self._add(seq + bool(noted), Tampering.REWRITTEN, words)
            self._accused.add(seq + bool(noted))
        if following is not None and not is_next:
            last = following.first - 1
            lost = "it is missing" if last == seq + 1 else f"the {last - seq:,} entries from it to #{last} are missing"
            self._add(seq + 1, Tampering.DELETED, lost)

    def _check_outcomes(self) -> None:
        """Each outcome is of a run that stands before it, and is the only one of that."""
        for segment in self._order:
            for seq, of in enumerate(segment.subjects, segment.first):
                if of < self._begin or not segment.is_sound:
                    continue  # it is about nothing else, or about what was removed with the beginning
                owner = _segment_of(self._order, of)
                subject = owner.subjects[of - owner.first] if owner else UNKNOWN
                if of >= seq:
                    wrong = "which is not before it"
                elif subject == _ANSWERED:
                    wrong = "of which another entry says that already"
                elif subject not in (RUN, UNKNOWN):
                    wrong = "which is no run"
                else:
                    if owner and subject == RUN:
                        owner.subjects[of - owner.first] = _ANSWERED
                    continue
                self._add(seq, Tampering.RECEIPTS, f"it says what became of #{of}, {wrong}")

    def _recorded_removals(self) -> list[RecordedRemoval]:
        removals: list[RecordedRemoval] = []
        for seq, data in sorted(self._reader.removals.items()):
            first, last, hashed = positive(data.get("first")), positive(data.get("last")), data.get("hash")
            if not isinstance(hashed, str) or not 1 <= first <= last < seq:
                self._add(seq, Tampering.PRUNE, "it says that entries were removed, but not which")
                continue
            claim = f"it says that #{first} to #{last} were removed, but"
            before = removals[-1] if removals else None
            if last >= self._begin:
                self._add(seq, Tampering.PRUNE, f"{claim} #{max(self._begin, first)} is here")
            elif before and first != before.last + 1:
                self._add(seq, Tampering.PRUNE, f"{claim} #{before.by} says that all up to #{before.last} were")
            else:
                removals.append(RecordedRemoval(seq, first, last, hashed))
        return removals

    def _check_beginning(self, removals: Sequence[RecordedRemoval]) -> RecordedRemoval | None:
        if not self._order:
            return None
        begin, first = self._begin, self._order[0]
        if first.number:
            self._reader.add(first.number)
        if begin == 1 and first.is_sound and first.prev != ZERO_HASH:
            self._add(1, Tampering.REWRITTEN, "the chain begins with it, and it is chained to an entry before it")
        if begin == 1:
            return None
        removed, last = removals[-1] if removals else None, begin - 1
        if removed is None or removed.last < last:
            since = removed.last + 1 if removed else 1
            what = f"#{since} to #{last} are" if since < last else f"#{last} is"
            words = f"the chain begins with it: {what} missing, and no entry says that they were removed"
            self._add(begin, Tampering.BEHEADED, words)
        elif removed.hash != first.prev and first.is_sound:
            words = f"it says that #{last} was removed with another hash than the one to which #{begin} is chained"
            self._add(removed.by, Tampering.PRUNE, words)
        for link in (link for links in self._witnesses.values() for link in links if link.seq < begin):
            by = next((each for each in removals if each.last >= link.seq), None)
            if by and (by.last != link.seq or by.hash == link.hash):
                self._removed[link] = by.by
                continue
            self._failed.add(link)
            if by:
                words = f"it says that #{link.seq} was removed with another hash than the anchor has"
                self._add(by.by, Tampering.PRUNE, words)
        return removed if removed and removed.last == last else None

    def _check_end(self) -> None:
        last = self._end
        far = max(
            (links[0] for seq, links in self._witnesses.items() if seq > last), key=lambda each: each.seq, default=None
        )
        if far is None:
            return
        what = f"#{last + 1} to #{far.seq} are" if far.seq > last + 1 else f"#{far.seq} is"
        who = "the store has noted" if far == self._head else "an anchor is of"
        self._add(last + 1, Tampering.TRUNCATED, f"the chain ends with #{last}, {who} #{far.seq}: {what} missing")

    def _check_witnesses(self) -> None:
        """One break for each row of witnesses that fail between two that hold: the first shows what the others do."""
        since, is_reported = 0, False
        for seq in sorted(seq for seq in self._witnesses if seq >= self._begin or not self._order):
            owner = _segment_of(self._order, seq)
            hashes = owner.witnessed.get(seq, ()) if owner else ()
            failed = [link for link in self._witnesses[seq] if link.hash not in hashes]
            self._failed.update(failed)
            if failed and owner and seq not in self._accused and not is_reported:
                is_reported = True
                who = "its anchor" if failed[0] in self._given else "the end that the store has noted"
                proof = f"after #{since}, whose anchor holds" if since else "from the beginning on"
                words = f"it is not what {who} says: it, or anything {proof}, was rewritten together with the hashes"
                self._add(seq, Tampering.REWRITTEN, words)
            if len(failed) < len(self._witnesses[seq]):
                since, is_reported = seq, False

    def _anchored(self, link: Link) -> AnchorCheck:
        if link in self._removed:
            return AnchorCheck(link, AnchorState.REMOVED, self._removed[link])
        return AnchorCheck(link, AnchorState.FAILED if link in self._failed else AnchorState.HELD)

    def _notes(self) -> Iterator[str]:
        if self._order and self._given and all(link in self._removed for link in self._given):
            yield (
                "of every anchor that was given the chain says that its entry was removed: that this removal, and what"
                " is left, was not made up shows only against an anchor of what is left"
            )
        if self._head is None and self._order:
            yield "the store has noted no end of the chain: that its end was cut would show only against an anchor"
        elif self._head is not None and self._head.seq < self._end:
            yield f"the store has noted #{self._head.seq} as the end, and the chain goes on to #{self._end}"


def _segment_of(order: Sequence[Segment], seq: int) -> Segment | None:
    at = bisect_right(order, seq, key=attrgetter("first")) - 1
    return order[at] if at >= 0 and seq <= order[at].end else None


def _in_order(segments: Sequence[Segment], weights: Sequence[int]) -> set[int]:
    """The indices of segments that stand in the order of their numbers: the heaviest such choice."""
    # Of each number that a choice may end with, the heaviest, where it is heavier than those that end before.
    ends, choices = [0], [(0, [-1])]
    parents: dict[int, int] = {}
    for index, (segment, weight) in enumerate(zip(segments, weights, strict=True)):
        total, (parent,) = choices[bisect_left(ends, segment.first) - 1]
        total += weight
        parents[index] = parent
        at = bisect_left(ends, segment.end)
        if choices[at - 1][0] >= total:
            continue
        until = at
        while until < len(ends) and choices[until][0] < total:
            until += 1
        ends[at:until], choices[at:until] = [segment.end], [(total, [index])]
    index, chosen = choices[-1][1][0], set[int]()
    while index >= 0:
        chosen.add(index)
        index = parents[index]
    return chosen
