"""Books that somebody has prepared for us: nothing hangs, nothing is lost in silence, and nothing else is touched."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.audit.verification import verify
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, run, unbroken
from tests.support.services.postgres import Server

ENTRIES = "cicd_agent_entries"


def begun(path: Path) -> Path:
    """A sound book with one entry."""
    store = SqlStore.open(path)
    store.append(run(1))
    store.close()
    return path


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def made_again(path: Path, before: str, after: str) -> None:
    """The table of entries as another statement makes it, empty."""
    with closing(sqlite3.connect(path)) as connection:
        (made,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (ENTRIES,)).fetchone()
    assert before in made
    changed(path, f"DROP TABLE {ENTRIES}", made.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind TEXT NOT NULL", "kind TEXT NOT NULL UNIQUE ON CONFLICT IGNORE"),
        ("kind TEXT NOT NULL", "kind TEXT NOT NULL UNIQUE ON CONFLICT REPLACE"),
        ("PRIMARY KEY", "more TEXT AS (hex(zeroblob(400000000))), PRIMARY KEY"),
        ("decision TEXT NOT NULL", "decision TEXT NOT NULL COLLATE NOCASE"),
        ("prev TEXT NOT NULL,", ""),
    ],
)
def test_a_table_that_would_drop_or_make_up_entries_is_refused(tmp_path: Path, before: str, after: str) -> None:
    path = begun(tmp_path / "state.db")
    made_again(path, before, after)
    with pytest.raises(StoreRefused, match="is not the one of an audit log"):
        SqlStore.open(path)


def test_a_table_of_a_module_is_refused(tmp_path: Path) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, f"DROP TABLE {ENTRIES}", f"CREATE VIRTUAL TABLE {ENTRIES} USING fts5(repository, seq, prev, hash)")
    with pytest.raises(StoreRefused, match="is not the one of an audit log"):
        SqlStore.open(path)


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("plant", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.with_name("victim"))])
def test_what_stands_beside_the_file_and_is_no_file_is_refused(
    tmp_path: Path, ending: str, plant: Callable[[Path], None]
) -> None:
    path = begun(tmp_path / "state.db")
    (tmp_path / "victim").write_text("precious")
    plant(tmp_path / f"state.db{ending}")
    with pytest.raises(StoreRefused, match=f"state.db{ending} is no file"):
        SqlStore.open(path)
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
def test_junk_beside_the_file_changes_nothing(tmp_path: Path, ending: str) -> None:
    path = begun(tmp_path / "state.db")
    (tmp_path / f"state.db{ending}").write_bytes(bytes.fromhex("d9d505f920a163d7") + b"\xff" * 4000)
    store = SqlStore.open(path)
    store.append(run(2))
    assert unbroken(store.rows(REPOSITORY)) == 2
    store.close()


def test_a_value_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, f"UPDATE {ENTRIES} SET text = zeroblob(40000000)")
    store = SqlStore.open(path)
    with pytest.raises(StoreRefused, match="too large"):
        list(store.rows(REPOSITORY))
    store.close()


def test_an_index_of_somebody_else_is_no_silent_loss(tmp_path: Path) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, f"CREATE UNIQUE INDEX one ON {ENTRIES} (mode)")
    store = SqlStore.open(path)
    with pytest.raises(StoreRefused, match="contradicts itself"):
        store.append(run(2))
    assert unbroken(store.rows(REPOSITORY)) == 1
    store.close()


@pytest.mark.parametrize("noted", ["'zz'", "zeroblob(9)", "''", f"'{'A' * 64}'"])
def test_a_noted_hash_that_is_none_is_not_carried_on(tmp_path: Path, noted: str) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, f"UPDATE cicd_agent_heads SET seq = 5, hash = {noted}")
    store = SqlStore.open(path)
    assert store.append(run(2)).seq == 6
    (*_, last) = store.rows(REPOSITORY)
    assert last.prev == "0" * 64
    assert not verify(store.rows(REPOSITORY), (), store.head(REPOSITORY)).holds
    store.close()


def test_an_end_before_the_beginning_is_none(tmp_path: Path) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, "UPDATE cicd_agent_heads SET seq = -7", f"DELETE FROM {ENTRIES}")
    store = SqlStore.open(path)
    assert store.append(run(2)).seq == 1
    store.close()


def test_no_number_is_given_twice_after_an_end_that_was_made_up(tmp_path: Path) -> None:
    path = begun(tmp_path / "state.db")
    changed(path, f"UPDATE cicd_agent_heads SET seq = {2**53 - 1}")
    store = SqlStore.open(path)
    for _ in range(2):
        with pytest.raises(StoreRefused, match="cannot go on"):
            store.append(run(2))
    store.close()


def test_what_drops_entries_on_a_server_is_no_silent_loss(server: Server) -> None:
    url = server.schema()
    store = SqlStore.open(url)
    store.append(run(1))
    server.run(
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        f"CREATE TRIGGER dropping BEFORE INSERT ON {ENTRIES} FOR EACH ROW EXECUTE FUNCTION nothing()",
        url=url,
    )
    with pytest.raises(StoreRefused, match="did not take an entry"):
        store.append(run(2))
    server.run(f"DROP TRIGGER dropping ON {ENTRIES}", url=url)
    assert store.append(run(2)).seq == 2
    assert unbroken(store.rows(REPOSITORY)) == 2
    store.close()
