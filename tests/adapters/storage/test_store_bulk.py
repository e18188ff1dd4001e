"""The large book that measurements are made with: it has to be one that runs would have left."""

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.store_bulk import REPOSITORIES, entry_of, fill, place_of, told_of
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Entry, Kind
from tests.adapters.storage.books import Book, run

COUNT = 241


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book("sqlite", str(tmp_path / "state.db"))
    made.open().close()
    fill(made, COUNT)
    return made


def test_a_large_book_is_whole_and_goes_on(book: Book) -> None:
    with closing(book.open()) as store:
        assert store.repositories() == tuple(sorted(REPOSITORIES))
        store.append(run(1, REPOSITORIES[0]))
        found = [verify(store.rows(name), (), store.head(name)) for name in REPOSITORIES]
    assert all(each.holds and not each.notes for each in found)
    assert [each.entries for each in found] == [26, *[24] * 9]


@pytest.mark.parametrize("number", [0, 1, 7, 38, 99_999, 500_000])
def test_its_entries_are_those_that_a_store_is_given(number: int) -> None:
    repository, seq = place_of(number // 2)
    entry = Entry.of(repository, told_of(number))
    assert entry_of(number) == (entry, seq + number % 2)
    assert entry.columns.kind is (Kind.RECEIPTS if number % 2 else Kind.RUN)
