"""An audit log in memory, which keeps every promise of the port; a test may reach into its rows and change them."""

from collections.abc import Callable, Iterator, Sequence

from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Link, Row, entry_hash
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import EntryQuery, FactQuery, Removal, Store
from cicd_agent.errors import StoreRefused


class FakeStore(Store):
    """`chains` are the rows by repository. With `refuses` every method raises it; `guarded` is what PostgreSQL is."""

    def __init__(self, *, guarded: bool = False, refuses: str = "") -> None:
        self.chains: dict[str, list[Row]] = {}
        self.heads: dict[str, Link] = {}
        self.kept: dict[tuple[str, ...], Fact] = {}
        self.guarded = guarded
        self.refuses = refuses
        self.closed = False

    @property
    def location(self) -> str:
        return "memory"

    @property
    def is_authenticated(self) -> bool:
        return self.guarded

    def append(self, entry: Entry, facts: Sequence[Fact] = ()) -> Link:
        self._open()
        before = self.heads.get(entry.repository) or Link(entry.repository, 0, ZERO_HASH)
        seq = before.seq + 1
        link = Link(entry.repository, seq, entry_hash(entry.repository, seq, before.hash, entry.text))
        row = Row(entry.repository, seq, before.hash, link.hash, entry.text, entry.columns)
        self.chains.setdefault(entry.repository, []).append(row)
        self.heads[entry.repository] = link
        for each in facts:
            self.kept[(each.repository, each.kind, each.subject, each.sha, each.mode)] = each
        return link

    def head(self, repository: str) -> Link | None:
        self._open()
        return self.heads.get(repository)

    def repositories(self) -> tuple[str, ...]:
        self._open()
        return tuple(sorted(self.chains))

    def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
        self._open()
        yield from (row for row in list(self.chains.get(repository, ())) if row.seq >= first or row.seq == 0)

    def row(self, repository: str, seq: int) -> Row | None:
        self._open()
        return next((row for row in self.chains.get(repository, ()) if row.seq == seq), None)

    def find(self, wanted: EntryQuery) -> Iterator[Row]:
        self._open()
        if wanted.repository:
            every = list(self.chains.get(wanted.repository, ()))
        else:
            every = [row for chain in self.chains.values() for row in chain]
        every.sort(key=lambda row: (row.columns.at, row.seq), reverse=True)
        yield from [row for row in every if _is(row, wanted)][: wanted.limit]

    def prune(self, repository: str, before: int, entry: Callable[[Removal], Entry]) -> Removal | None:
        self._open()
        chain = self.chains.get(repository, [])
        end = next((index for index, row in enumerate(chain) if row.columns.at >= before), len(chain))
        if not end:
            return None
        pruned = Removal(repository, chain[0].seq, chain[end - 1].seq, chain[end - 1].hash, before)
        self.append(entry(pruned))
        del chain[:end]
        old = [key for key, fact in self.kept.items() if fact.repository == repository and fact.at < before]
        for key in old:
            del self.kept[key]
        return pruned

    def facts(self, about: FactQuery) -> tuple[Fact, ...]:
        self._open()
        found = [
            each
            for each in self.kept.values()
            if each.repository == about.repository
            and about.kind in (None, each.kind)
            and about.subject in ("", each.subject)
            and about.sha in ("", each.sha)
        ]
        return tuple(sorted(found, key=lambda each: each.at, reverse=True)[: about.limit])

    def close(self) -> None:
        self.closed = True

    def _open(self) -> None:
        if self.refuses:
            raise StoreRefused(self.refuses)


def _is(row: Row, wanted: EntryQuery) -> bool:
    found = row.columns
    return (
        row.seq > 0
        and wanted.kind in (None, found.kind)
        and wanted.event_id in ("", found.event_id)
        and found.sha.startswith(wanted.sha)
        and wanted.mode in ("", found.mode)
        and wanted.risk_level in ("", found.risk_level)
        and wanted.decision in ("", found.decision)
        and wanted.pull in (0, found.pull)
        and wanted.since <= found.at
        and (not wanted.until or found.at < wanted.until)
    )
