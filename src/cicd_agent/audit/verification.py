"""Whether a chain of entries is what was recorded: what was done to it is named, and where."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from cicd_agent.audit.tampering import AnchorCheck, AnchorState, Break, RecordedRemoval, Tampering, Verification
from cicd_agent.audit.walk import Position, Walk
from cicd_agent.domain.audit_entry import Link, Row

__all__ = [
    "AnchorCheck",
    "AnchorState",
    "Break",
    "RecordedRemoval",
    "Tampering",
    "Verification",
    "parse_anchor",
    "verify",
]

_NAME: Final = r"[A-Za-z0-9._-]{1,140}"
# A server that is not github.com comes before the owner, with its port where it has one.
_CHAIN: Final = rf"(?:[A-Za-z0-9.:_-]{{1,260}}/)?{_NAME}/{_NAME}|{_NAME}"
_ANCHOR: Final = re.compile(rf"({_CHAIN})#([1-9][0-9]{{0,17}}):([0-9A-Fa-f]{{64}})")


def parse_anchor(text: str) -> Link:
    """The link that `Link.words` has written. Raises ValueError for anything else."""
    match = _ANCHOR.fullmatch(text.strip())
    if match is None:
        raise ValueError("an anchor is OWNER/NAME#NUMBER:HASH, with the 64 hex digits of the hash")
    return Link(match[1], int(match[2]), match[3].lower())


def verify(rows: Iterable[Row], anchors: Sequence[Link] = (), head: Link | None = None) -> Verification:
    """Check a chain whose rows come in the order in which they stand; a byte of each entry is kept, no more.

    `anchors` are places of this chain that were noted elsewhere, `head` is the end that the store has noted. Anchors of
    other repositories are passed over.
    """
    stream = iter(rows)
    first = list(_to_an_entry(stream))
    repository = head.repository if head else first[-1].repository if first and first[-1].seq > 0 else ""
    repository = repository or (anchors[0].repository if anchors else "")
    given = list(dict.fromkeys(anchor for anchor in anchors if anchor.repository == repository))
    witnesses: dict[int, tuple[Link, ...]] = {}
    for link in dict.fromkeys([*given, *([head] if head else [])]):
        witnesses[link.seq] = (*witnesses.get(link.seq, ()), link)
    walk = Walk(repository, witnesses)
    for row in chain(first, stream):
        walk.take(row)
    walk.end()
    return _Judgement(walk, given, head).verified()


def _to_an_entry(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows up to the first that is an entry, with it."""
    for row in rows:
        yield row
        if row.seq > 0:
            return


class _Judgement:
    """What the walk has shown, weighed with what was noted elsewhere."""

    def __init__(self, walk: Walk, given: Sequence[Link], head: Link | None) -> None:
        self._walk = walk
        self._given = given
        self._head = head
        self._breaks = walk.breaks
        self._failed = set(walk.covered)
        self._gone: dict[Link, int] = {}
        self._begin = walk.begin.seq if walk.begin else walk.last.seq + 1

    def verified(self) -> Verification:
        removed = self._beginning(self._walk.begin)
        self._gaps()
        self._end()
        self._rewritten()
        breaks = tuple(sorted(self._breaks.found, key=lambda each: each.seq))
        last = self._walk.last
        return Verification(
            self._walk.repository,
            self._walk.entries,
            self._begin if self._walk.entries else 0,
            Link(self._walk.repository, last.seq, last.hash) if last.seq else None,
            breaks,
            self._breaks.more,
            removed,
            tuple(self._anchored(link) for link in self._given),
            tuple(self._notes()),
        )

    def _add(self, seq: int, kind: Tampering, words: str) -> None:
        self._breaks.add(Break(seq, kind, words))

    def _beginning(self, begin: Position | None) -> RecordedRemoval | None:
        """What was before the first entry: nothing, or what a prune has removed."""
        if begin is None or begin.seq == 1:
            return None
        references = self._walk.references
        removed, last = references.removed, begin.seq - 1
        if removed is None or removed.last < last:
            since = removed.last + 1 if removed else 1
            what = f"#{since} to #{last} are" if since < last else f"#{last} is"
            words = f"the chain begins with it: {what} missing, and no entry says that they were removed"
            self._add(begin.seq, Tampering.BEHEADED, words)
        elif removed.hash != begin.prev and begin.open is None and not begin.doubted:
            words = f"it says that #{last} was removed with another hash than the one to which #{begin.seq} is chained"
            self._add(removed.by, Tampering.PRUNE, words)
        for link in self._before(begin.seq):
            by = next((references.removals[last] for last in sorted(references.removals) if last >= link.seq), None)
            if by is not None and (by.last != link.seq or by.hash == link.hash):
                self._gone[link] = by.by
                continue
            self._failed.add(link)
            if by is not None:
                words = f"it says that #{link.seq} was removed with another hash than the anchor has"
                self._add(by.by, Tampering.PRUNE, words)
        return removed if removed is not None and removed.last == last else None

    def _before(self, seq: int) -> Iterator[Link]:
        return (link for links in self._walk.witnesses.values() for link in links if link.seq < seq)

    def _gaps(self) -> None:
        for first, last in self._walk.missing:
            if first > 1:
                one = first == last
                words = "it is missing" if one else f"the {last - first + 1:,} entries from it to #{last} are missing"
                self._add(first, Tampering.DELETED, words)
            for links in self._walk.witnesses.values():
                self._failed.update(link for link in links if first <= link.seq <= last and link not in self._gone)

    def _end(self) -> None:
        last = self._walk.last.seq
        beyond = [link for links in self._walk.witnesses.values() for link in links if link.seq > last]
        if not beyond:
            return
        self._failed.update(beyond)
        far = max(beyond, key=lambda link: link.seq)
        what = f"#{last + 1} to #{far.seq} are" if far.seq > last + 1 else f"#{far.seq} is"
        who = "the store has noted" if far == self._head else "an anchor is of"
        self._add(last + 1, Tampering.TRUNCATED, f"the chain ends with #{last}, {who} #{far.seq}: {what} missing")

    def _rewritten(self) -> None:
        """One break for each row of witnesses that fail between two that hold: the first shows what the others do."""
        held = sorted({link.seq for link in self._walk.held})
        reported = set[int]()
        for link in sorted(self._walk.failed, key=lambda each: each.seq):
            self._failed.add(link)
            since = max((seq for seq in held if seq < link.seq), default=0)
            if since in reported:
                continue
            reported.add(since)
            who = "its anchor" if link in self._given else "the end that the store has noted"
            proof = f"after #{since}, whose anchor holds" if since else "from the beginning on"
            words = f"it is not what {who} says: it, or anything {proof}, was rewritten together with the hashes"
            self._add(link.seq, Tampering.REWRITTEN, words)

    def _anchored(self, link: Link) -> AnchorCheck:
        if link in self._gone:
            return AnchorCheck(link, AnchorState.REMOVED, self._gone[link])
        return AnchorCheck(link, AnchorState.FAILED if link in self._failed else AnchorState.HELD)

    def _notes(self) -> Iterator[str]:
        last, head = self._walk.last.seq, self._head
        if last and self._given and all(link in self._gone for link in self._given):
            yield (
                "of every anchor that was given the chain says that its entry was removed: that this removal, and what"
                " is left, was not made up shows only against an anchor of what is left"
            )
        if head is None and last:
            yield "the store has noted no end of the chain: that its end was cut would show only against an anchor"
        elif head is not None and head.seq < last:
            yield f"the store has noted #{head.seq} as the end, and the chain goes on to #{last}"
