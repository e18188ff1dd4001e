"""A store gives the answers that a plain list of its entries gives, whatever it is told and asked."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Kind, Link, Row, entry_hash, key_text
from cicd_agent.domain.ports.storage import EntryQuery, Removal, Store
from tests.adapters.storage.books import Book, removal, unbroken

WORDS = st.sampled_from(["", "a", "A", "ab", "abc", "b%", "_", "ü", "\U0001f600", "\0"])
NUMBERS = st.integers(0, 4)
ENTRIES = st.builds(
    lambda name, kind, at, pull, words: Entry.of(
        name,
        {"kind": kind, "at": at, "pull": pull}
        | dict(zip(("event_id", "mode", "sha", "decision", "risk_level"), words, strict=True)),
    ),
    st.sampled_from(["a/b", "A/B", "ü"]),
    st.sampled_from(["run", "receipts"]),
    NUMBERS,
    NUMBERS,
    st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS),
)
WANTED = st.builds(
    EntryQuery,
    repository=st.sampled_from(["", "a/b", "c"]),
    kind=st.sampled_from([None, *Kind]),
    event_id=st.just("") | WORDS,
    sha=st.just("") | WORDS,
    mode=st.just("") | WORDS,
    decision=st.just("") | WORDS,
    pull=st.just(0) | NUMBERS,
    since=NUMBERS,
    until=NUMBERS,
    limit=st.just(100) | NUMBERS,
)
MEMORY = Path("/dev/shm")


class Model:
    """What a store is to answer, from a list that is searched from end to end."""

    def __init__(self) -> None:
        self.stored: list[Row] = []
        self.ends: dict[str, Link] = {}

    def append(self, entry: Entry) -> Link:
        end = self.ends.get(entry.repository, Link(entry.repository, 0, ZERO_HASH))
        seq = end.seq + 1
        row = Row(
            entry.repository,
            seq,
            end.hash,
            entry_hash(entry.repository, seq, end.hash, entry.text),
            entry.text,
            entry.columns,
        )
        self.stored.append(row)
        self.ends[entry.repository] = row.link
        return row.link

    def rows(self, repository: str, first: int) -> list[Row]:
        return [row for row in self.stored if row.repository == repository and row.seq >= first]

    def find(self, wanted: EntryQuery) -> list[Row]:
        met = [row for row in self.stored if meets(row, wanted)]
        met.sort(key=lambda row: (row.columns.at, row.seq, row.repository), reverse=True)
        return met[: max(wanted.limit, 0)]

    def prune(self, repository: str, before: int) -> Removal | None:
        chain = self.rows(repository, 0)
        young = next((at for at, row in enumerate(chain) if row.columns.at >= before), len(chain))
        if not young:
            return None
        pruned = Removal(repository, chain[0].seq, chain[young - 1].seq, chain[young - 1].hash, before)
        self.stored = [row for row in self.stored if row not in chain[:young]]
        self.append(removal(pruned))
        return pruned


def meets(row: Row, wanted: EntryQuery) -> bool:
    columns = row.columns
    return (
        wanted.repository in ("", row.repository)
        and wanted.kind in (None, columns.kind)
        and key_text(wanted.event_id) in ("", columns.event_id)
        and key_text(wanted.mode) in ("", columns.mode)
        and key_text(wanted.decision) in ("", columns.decision)
        and columns.sha.startswith(key_text(wanted.sha))
        and wanted.pull in (0, columns.pull)
        and wanted.since <= columns.at
        and (not wanted.until or columns.at < wanted.until)
    )


@contextmanager
def opened() -> Iterator[Store]:
    # What it answers is asked here, not what a disk holds: where there is memory that looks like one, nothing waits.
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder,
        closing(Book("sqlite", str(Path(folder, "state.db"))).open()) as store,
    ):
        yield store


@settings(max_examples=25)
@given(
    entries=st.lists(ENTRIES, max_size=8),
    asked=st.lists(WANTED, min_size=4, max_size=12),
    before=NUMBERS,
    first=st.integers(-1, 6),
)
def test_a_store_answers_as_a_list_would(
    entries: list[Entry], asked: list[EntryQuery], before: int, first: int
) -> None:
    model = Model()
    with opened() as store:
        for entry in entries:
            assert store.append(entry) == model.append(entry)
        for _ in range(2):
            for wanted in asked:
                assert list(store.find(wanted)) == model.find(wanted)
            assert store.repositories() == tuple(sorted(model.ends))
            for name in store.repositories():
                assert store.head(name) == model.ends[name]
                assert list(store.rows(name, first)) == model.rows(name, first)
                rows = list(store.rows(name))
                assert unbroken(rows, rows[0].prev, rows[0].seq - 1) == len(rows)
                assert store.prune(name, before, removal) == model.prune(name, before)
