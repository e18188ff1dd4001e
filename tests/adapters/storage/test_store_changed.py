"""Books that somebody has changed: what stands there is told as it stands, and new entries do not hide it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.lines.heads import HEADS
from cicd_agent.adapters.storage.lines.store import LINES, LinesStore
from cicd_agent.adapters.storage.sql.store import SqlStore
from cicd_agent.domain.audit_entry import Columns, columns
from cicd_agent.domain.ports.storage import Store, Wanted
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
def changing(database: Book, request: pytest.FixtureRequest) -> Callable[[str], None]:
    server = request.getfixturevalue("server") if database.kind == "postgresql" else None
    return lambda statement: change(database, server, statement)


def filled(store: Store, count: int = 4) -> Store:
    for number in range(count):
        store.append(run(number))
    return store


def test_columns_that_disagree_with_their_text_are_told(
    database: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(database))
    changing("UPDATE cicd_agent_entries SET decision = 'request_changes', at = 5, kind = 'odd' WHERE seq = 2")
    changing("UPDATE cicd_agent_entries SET text = 'no JSON' WHERE seq = 3")
    changing("DELETE FROM cicd_agent_entries WHERE seq = 1")
    second, third, fourth = store.rows(REPOSITORY)
    assert (second.seq, second.columns.decision) == (2, "request_changes")
    assert second.columns != columns(second.text)
    assert third.text == "no JSON"
    assert fourth.columns == columns(fourth.text)


def test_a_tail_that_was_taken_away_leaves_a_gap(
    database: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(database))
    head = store.head(REPOSITORY)
    changing("DELETE FROM cicd_agent_entries WHERE seq >= 3")
    assert store.head(REPOSITORY) == head
    assert store.append(run(9)).seq == 5
    assert [row.seq for row in store.rows(REPOSITORY)] == [1, 2, 5]


def test_a_head_that_was_taken_away_or_set_back_is_not_entered_twice(
    database: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(database))
    changing("DELETE FROM cicd_agent_heads")
    assert store.repositories() == (REPOSITORY,)
    assert store.append(run(5)).seq == 5
    changing("UPDATE cicd_agent_heads SET seq = 2")
    assert store.append(run(6)).seq == 6
    assert unbroken(store.rows(REPOSITORY)) == 6


def test_numbers_that_are_too_large_to_go_on_from_are_refused(
    database: Book, opening: Opening, changing: Callable[[str], None]
) -> None:
    store = filled(opening(database))
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
    assert all(row.columns != columns(run(row.seq - 1).text) for row in rows if row.seq in {1, 2, 5})
    assert rows[2].text.encode("utf-8", "surrogateescape") == b"\xff\x00\xfe"
    assert rows[3].hash == "17"
    assert len(list(store.find(Wanted()))) == 7
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


# Each is no entry, whatever else it is.
NO_ENTRIES = (
    b"",
    b"not JSON",
    b"\xff\xfe\x00",
    b"[]",
    b"[" * 100_000,
    b"9" * 100_000,
    b'{"seq":true,"repository":"acme/shop","prev":"","hash":"","text":""}',
    b'{"seq":0,"repository":"acme/shop","prev":"","hash":"","text":""}',
    b'{"seq":1e400,"repository":"acme/shop","prev":"","hash":"","text":""}',
    b'{"seq":1,"repository":["acme/shop"],"prev":"","hash":"","text":""}',
    b'{"seq":1,"repository":"acme/shop","prev":"","hash":""}',
)


def test_a_line_that_is_no_entry_is_told_as_such(tmp_path: Path) -> None:
    store = LinesStore(tmp_path)
    filled(store, 2)
    path = tmp_path / LINES
    path.write_bytes(path.read_bytes() + b"\n".join(NO_ENTRIES) + b"\n")
    store.append(run(2))
    rows = list(store.rows(REPOSITORY))
    assert [row.seq for row in rows] == [1, 2, *[0] * len(NO_ENTRIES), 3]
    assert rows[3].text == "not JSON"
    assert max(len(row.text) for row in rows) <= 10_000
    assert [row.seq for row in store.rows(REPOSITORY, 3)] == [3]
    assert [row.seq for row in store.find(Wanted())] == [3, 2, 1]
    assert store.repositories() == (REPOSITORY,)


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.adapters.storage.lines.file._LONGEST_LINE", 50_000)
    store = LinesStore(tmp_path)
    filled(store, 1)
    path = tmp_path / LINES
    path.write_bytes(path.read_bytes() + b"x" * 200_000 + b"\n")
    store.append(run(1))
    path.write_bytes(path.read_bytes() + b"y" * 200_000)
    rows = list(store.rows(REPOSITORY))
    assert [row.seq for row in rows] == [1, 0, 2]
    assert rows[1].text == "x" * 10_000
    assert store.append(run(2)).seq == 3
    assert b"yyy" not in path.read_bytes()


def test_lines_in_another_order_are_told_in_that_order(tmp_path: Path) -> None:
    store = LinesStore(tmp_path)
    filled(store)
    path = tmp_path / LINES
    first, second, third, fourth = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third + second + second + fourth)
    assert [row.seq for row in store.rows(REPOSITORY)] == [1, 3, 2, 2, 4]
    assert [row.seq for row in store.find(Wanted(most=9))] == [4, 3, 2, 2, 1]


def test_an_entry_whose_text_says_nothing_has_no_columns(tmp_path: Path) -> None:
    store = LinesStore(tmp_path)
    link = filled(store, 1).head(REPOSITORY)
    path = tmp_path / LINES
    told = json.loads(path.read_bytes())
    path.write_bytes(path.read_bytes() + json.dumps({**told, "seq": 2, "text": "\ud800"}).encode() + b"\n")
    rows = list(store.rows(REPOSITORY))
    assert rows[1].columns == Columns()
    assert rows[0].link == link


NOTES = (b"", b"[]", b"\xff", b"[" * 100_000, b'{"heads":[]}', b'{"heads":{"acme/shop":{"seq":-1,"hash":5}}}')


@pytest.mark.parametrize("note", NOTES, ids=range(len(NOTES)))
def test_a_note_that_is_none_is_written_again(tmp_path: Path, note: bytes) -> None:
    store = LinesStore(tmp_path)
    filled(store)
    good = (tmp_path / HEADS).read_bytes()
    (tmp_path / HEADS).write_bytes(note)
    head = store.head(REPOSITORY)
    assert head is not None
    assert head.seq == 4
    assert store.append(run(5)).seq == 5
    assert (tmp_path / HEADS).read_bytes() != good
    assert unbroken(store.rows(REPOSITORY)) == 5
