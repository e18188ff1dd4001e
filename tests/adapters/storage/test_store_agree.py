"""JSON lines and SQLite told the same things give the same answers, whatever they are told."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.adapters.storage.lines.file import row_of, told
from cicd_agent.adapters.storage.records import columns_of
from cicd_agent.domain.audit_entry import Entry, Kind, Link, columns
from cicd_agent.domain.ports.storage import Store, Wanted
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
    Wanted,
    repository=st.sampled_from(["", "a/b", "c"]),
    kind=st.sampled_from([None, *Kind]),
    event_id=st.just("") | WORDS,
    sha=st.just("") | WORDS,
    mode=st.just("") | WORDS,
    decision=st.just("") | WORDS,
    pull=st.just(0) | NUMBERS,
    since=NUMBERS,
    until=NUMBERS,
    most=st.just(100) | NUMBERS,
)


MEMORY = Path("/dev/shm")


@contextmanager
def both() -> Iterator[tuple[Store, Store]]:
    # What they answer is asked here, not what a disk holds: where there is memory that looks like one, nothing waits.
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        books = Book("lines", folder), Book("sqlite", str(Path(folder, "state.db")))
        with closing(books[0].open()) as lines, closing(books[1].open()) as database:
            yield lines, database


@settings(max_examples=25)
@given(
    entries=st.lists(ENTRIES, max_size=8),
    asked=st.lists(WANTED, min_size=4, max_size=12),
    before=NUMBERS,
    first=st.integers(-1, 6),
)
def test_two_kinds_of_book_give_the_same_answers(
    entries: list[Entry], asked: list[Wanted], before: int, first: int
) -> None:
    with both() as stores:
        for entry in entries:
            assert len({store.append(entry) for store in stores}) == 1
        for _ in range(2):
            for wanted in asked:
                found = [list(store.find(wanted)) for store in stores]
                assert found[0] == found[1]
            assert len({store.repositories() for store in stores}) == 1
            for name in stores[0].repositories():
                assert len({store.head(name) for store in stores}) == 1
                assert len({tuple(store.rows(name, first)) for store in stores}) == 1
                rows = list(stores[1].rows(name))
                assert unbroken(rows, rows[0].prev, rows[0].seq - 1) == len(rows)
                assert len({store.prune(name, before, removal) for store in stores}) == 1


@given(st.binary() | st.text().map(str.encode))
def test_a_line_of_any_bytes_is_an_entry_or_none(line: bytes) -> None:
    row = row_of(line)
    assert row.seq >= 0
    assert row.columns == columns_of(row.text) or not row.seq


@given(st.text(), st.text(), st.integers(1, 2**53 - 1))
def test_an_entry_is_read_from_its_line_as_it_was_written(name: str, text: str, seq: int) -> None:
    plain = Entry.of(name.encode("utf-8", "replace").decode(), {"kind": "run", "output": text}).text
    row = row_of(told(Link("a/b", seq, "f" * 64), "0" * 64, plain))
    assert (row.link, row.prev, row.text) == (Link("a/b", seq, "f" * 64), "0" * 64, plain)
    assert row.columns == columns(plain)
