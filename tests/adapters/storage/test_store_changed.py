"""Books that somebody has changed: what stands there is told as it stands, and new entries do not hide it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.audit_entry import parse_columns
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, Book, run, unbroken
from tests.support.services.postgres import Server

Opening = Callable[[Book], Store]


def change(book: Book, server: Server | None, statement: str) -> None:
    """Behind the back of the store."""
    if server:
        server.run(statement, url=book.place)
        return
    with closing(sqlite3.connect(book.place)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def changing(book: Book, request: pytest.FixtureRequest) -> Callable[[str], None]:
    server = request.getfixturevalue("server") if book.kind == "postgresql" else None
    return lambda statement: change(book, server, statement)


def filled(store: Store, count: int = 4) -> Store:
    for number in range(count):
        store.append(run(number))
    return store


def test_columns_that_disagree_with_their_text_are_told(
    book: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(book))
    changing("UPDATE cicd_agent_entries SET decision = 'request_changes', at = 5, kind = 'odd' WHERE seq = 2")
    changing("UPDATE cicd_agent_entries SET text = 'no JSON' WHERE seq = 3")
    changing("DELETE FROM cicd_agent_entries WHERE seq = 1")
    second, third, fourth = store.rows(REPOSITORY)
    assert (second.seq, second.columns.decision) == (2, "request_changes")
    assert second.columns != parse_columns(second.text)
    assert third.text == "no JSON"
    assert fourth.columns == parse_columns(fourth.text)


def test_a_tail_that_was_taken_away_leaves_a_gap(book: Book, opening: Opening, changing: Callable[[str], None]) -> None:
    store = filled(opening(book))
    head = store.head(REPOSITORY)
    changing("DELETE FROM cicd_agent_entries WHERE seq >= 3")
    assert store.head(REPOSITORY) == head
    assert store.append(run(9)).seq == 5
    assert [row.seq for row in store.rows(REPOSITORY)] == [1, 2, 5]


def test_a_head_that_was_taken_away_or_set_back_is_not_entered_twice(
    book: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(book))
    changing("DELETE FROM cicd_agent_heads")
    assert store.repositories() == (REPOSITORY,)
    assert store.append(run(5)).seq == 5
    changing("UPDATE cicd_agent_heads SET seq = 2")
    assert store.append(run(6)).seq == 6
    assert unbroken(store.rows(REPOSITORY)) == 6


def test_numbers_that_are_too_large_to_go_on_from_are_refused(
    book: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(book))
    changing("UPDATE cicd_agent_heads SET seq = 9223372036854775807")
    with pytest.raises(StoreRefused):
        store.append(run(5))


def test_what_sqlite_holds_may_be_of_any_kind(tmp_path: Path, opening: Opening) -> None:
    book = Book("sqlite", str(tmp_path / "state.db"))
    store = filled(opening(book), 7)
    for seq, changed in enumerate(
        ("at = 'soon'", "pull = 1.5", "text = x'ff00fe'", "hash = 17", "mode = CAST(x'c328' AS TEXT)", "seq = 'x'")
    ):
        change(book, None, f"UPDATE cicd_agent_entries SET {changed} WHERE seq = {seq + 1}")
    rows = list(store.rows(REPOSITORY))
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5, 7, 0]
    assert all(row.columns != parse_columns(run(row.seq - 1).text) for row in rows if row.seq in {1, 2, 5})
    assert rows[2].text.encode("utf-8", "surrogateescape") == b"\xff\x00\xfe"
    assert rows[3].hash == "17"
    assert len(list(store.find(EntryQuery()))) == 7
    change(book, None, "UPDATE cicd_agent_heads SET seq = 'many', hash = x'00'")
    assert store.head(REPOSITORY) is None


def test_a_sqlite_file_with_code_of_its_own_is_refused(tmp_path: Path, opening: Opening) -> None:
    book = Book("sqlite", str(tmp_path / "state.db"))
    filled(opening(book)).close()
    change(
        book,
        None,
        "CREATE TRIGGER t AFTER INSERT ON cicd_agent_entries BEGIN DELETE FROM cicd_agent_entries WHERE seq = 1; END",
    )
    with pytest.raises(StoreRefused, match="triggers or views"):
        SqlStore.open(tmp_path / "state.db")
