"""Whether the facts that a store holds are those which entries of its chain have recorded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final

from cicd_agent.audit.query import Progress, counted
from cicd_agent.audit.tampering import MAX_BREAKS, Break, Tampering, Verification
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Kind, Link, Row, fact_digest, fact_key
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import FactQuery, Store
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count

_EVERY: Final = 2**52
"""Facts that are read: all."""


@dataclass(slots=True)
class RecordedFacts:
    """What the rows of a chain say of facts, as far as they were read. Memory grows with the number of facts."""

    digests: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the key of each fact: the number of the last entry that recorded it, and the digest of what it said."""
    last: int = 0
    unrecorded_until: int = -1
    """When a version of ours that recorded no facts last ended a run, in seconds since the epoch."""
    removed_before: int = 0

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, each noted as it passes."""
        for row in rows:
            self.last = max(self.last, row.seq)
            match row.columns.kind:
                case Kind.RECEIPTS:
                    self._note(row)
                case Kind.PRUNE:
                    self.removed_before = max(self.removed_before, Node.read(row.text)["before"].count or 0)
                case _:
                    pass
            yield row

    def is_unknown(self, key: str, fact: Fact) -> bool:
        """Whether a fact is from before facts were recorded."""
        return key not in self.digests and fact.at <= self.unrecorded_until

    def _note(self, row: Row) -> None:
        facts: Any = Node.read(row.text)["facts"].value
        if not isinstance(facts, dict):
            self.unrecorded_until = max(self.unrecorded_until, row.columns.at)
            return
        for key, digest in facts.items():
            self.digests[key] = (row.seq, str(digest))


def check_chain(store: Store, repository: str, progress: Progress, anchors: Sequence[Link] = ()) -> Verification:
    """Check a chain and the facts of its repository against what its entries have recorded."""
    # Before the rows: what is recorded meanwhile lies beyond the end, and is no cut.
    head, recorded = store.head(repository), RecordedFacts()
    rows = counted(store.rows(repository), progress, f"checking {repository}")
    result = verify(recorded.watch(rows), anchors, head)
    facts, broken = _fact_breaks(store, repository, recorded)
    if broken:
        # Runs go on meanwhile: it is looked at again, with the entries that came since.
        for _ in recorded.watch(store.rows(repository, recorded.last + 1)):
            pass
        facts, broken = _fact_breaks(store, repository, recorded)
    unknown = sum(1 for key, fact in facts.items() if recorded.is_unknown(key, fact))
    note = f"{count(unknown, 'fact')} from before facts were recorded: nothing tells whether they were changed"
    breaks = [*result.breaks, *broken]
    return replace(
        result,
        facts=len(facts),
        breaks=tuple(breaks[:MAX_BREAKS]),
        more=result.more + len(breaks[MAX_BREAKS:]),
        notes=(*result.notes, note) if unknown else result.notes,
    )


def _fact_breaks(store: Store, repository: str, recorded: RecordedFacts) -> tuple[dict[str, Fact], list[Break]]:
    """The facts by their keys, and what is wrong with them."""
    facts = {fact_key(each): each for each in store.facts(FactQuery(repository, limit=_EVERY))}
    broken = [*_changed(facts, recorded), *_planted(facts, recorded), *_lost(store, repository, facts, recorded)]
    return facts, sorted(broken, key=attrgetter("seq"))


def _changed(facts: Mapping[str, Fact], recorded: RecordedFacts) -> Iterator[Break]:
    for key, (seq, digest) in recorded.digests.items():
        fact = facts.get(key)
        if fact is not None and fact_digest(fact) != digest:
            yield Break(seq, Tampering.FACT, f"{_named(fact)} was changed since")


def _planted(facts: Mapping[str, Fact], recorded: RecordedFacts) -> Iterator[Break]:
    for key, fact in facts.items():
        if key not in recorded.digests and not recorded.is_unknown(key, fact):
            yield Break(recorded.last, Tampering.FACT, f"no entry up to this one records {_named(fact)}")


def _lost(store: Store, repository: str, facts: Mapping[str, Fact], recorded: RecordedFacts) -> Iterator[Break]:
    for key, (seq, _) in recorded.digests.items():
        row = None if key in facts else store.row(repository, seq)
        if row is not None and row.columns.at >= recorded.removed_before:
            yield Break(seq, Tampering.FACT, "a fact that it records is missing")


def _named(fact: Fact) -> str:
    subject = f" {fact.subject[:40]}" if fact.subject else ""
    return f"the fact `{fact.kind}{subject}` of {fact.mode or 'no mode'}"
