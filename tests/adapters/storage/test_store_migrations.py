"""The schema of the account book: each way to it leads to the same tables, and what they hold stays."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from cicd_agent.adapters.storage.migrations import versions
from cicd_agent.adapters.storage.sql.engine import WRITES, postgres_engine, postgres_place, sqlite_engine
from cicd_agent.adapters.storage.sql.migrate import migrate
from cicd_agent.adapters.storage.sql.schema import BASE, REVISIONS, VERSION_TABLE, create, version
from cicd_agent.adapters.storage.sql.store import SqlStore
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import About, Store, Wanted
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, Book, run, unbroken

Opening = Callable[[Book], Store]


def engine_of(book: Book) -> Engine:
    if book.kind == "sqlite":
        return sqlite_engine(Path(book.place), 20).execution_options(**{WRITES: True})
    return postgres_engine(*postgres_place(book.place), 20)


def moved(book: Book, *revisions: str) -> dict[str, object]:
    """Go from one to the next; the schema in the end."""
    engine = engine_of(book)
    for revision in revisions:
        with engine.begin() as connection:
            migrate(connection, revision)
    with engine.connect() as connection:
        found = schema(connection)
    engine.dispose()
    return found


def schema(connection: Connection) -> dict[str, object]:
    """Every table with its columns and indexes."""
    seen = sa.inspect(connection)
    return {
        name: (
            [{**column, "type": repr(column["type"])} for column in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            sorted(seen.get_indexes(name), key=lambda index: str(index["name"])),
        )
        for name in seen.get_table_names()
    }


def test_a_new_database_is_what_migrations_make_of_an_empty_one(database: Book) -> None:
    engine = engine_of(database)
    with engine.begin() as connection:
        create(connection)
        made = schema(connection)
        for name in made:
            connection.execute(sa.text(f"DROP TABLE {name}"))
    engine.dispose()
    assert moved(database, REVISIONS[-1]) == made
    assert len(made) == 4


def test_every_version_has_its_file() -> None:
    files = sorted(path.name for path in Path(versions.__file__).parent.glob("v*.py"))
    assert [name[1:5] for name in files] == list(REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_older_database_is_brought_up_with_what_it_holds(database: Book, opening: Opening, revision: str) -> None:
    moved(database, revision)
    engine = engine_of(database)
    for number in range(3):
        store = SqlStore.open(database.place if database.kind == "postgresql" else Path(database.place))
        store.append(run(number))
        store.close()
        with engine.begin() as connection:
            migrate(connection, revision)
            assert version(connection) == revision
    engine.dispose()
    again = opening(database)
    assert unbroken(again.rows(REPOSITORY)) == 3
    assert [row.seq for row in again.find(Wanted(event_id="1.1"))] == [2]
    again.put([Fact(REPOSITORY, FactKind.TESTS, "a", 1)])
    assert len(again.facts(About(REPOSITORY))) == 1


def test_up_and_down_and_up_again_is_where_it_was(database: Book) -> None:
    up = moved(database, REVISIONS[-1])
    assert moved(database, *reversed(REVISIONS[:-1]), BASE, *REVISIONS) == up
    assert set(moved(database, BASE)) == {VERSION_TABLE}


def test_a_migration_that_breaks_off_has_not_begun(database: Book, opening: Opening) -> None:
    before = moved(database, REVISIONS[0])
    engine = engine_of(database)
    with engine.connect() as connection:
        migrate(connection, REVISIONS[-1])
        connection.rollback()
    with engine.connect() as connection:
        assert schema(connection) == before
        assert version(connection) == REVISIONS[0]
    engine.dispose()
    opening(database).append(run())


@pytest.mark.parametrize("revision", [REVISIONS[0], BASE])
def test_two_that_open_an_old_database_at_once_bring_it_up_once(database: Book, revision: str) -> None:
    moved(database, REVISIONS[0], revision)
    links: list[int] = []

    def open_and_write() -> None:
        store = SqlStore.open(database.place if database.kind == "postgresql" else Path(database.place))
        links.append(store.append(run()).seq)
        store.close()

    threads = [threading.Thread(target=open_and_write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(links) == [1, 2, 3]


@pytest.mark.parametrize("number", ["0003", "unknown' OR 1", ""])
def test_a_newer_database_is_refused_with_what_to_do(database: Book, opening: Opening, number: str) -> None:
    opening(database).append(run())
    engine = engine_of(database)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :number"), {"number": number})
    engine.dispose()
    with pytest.raises(StoreRefused, match=r"newer cicd-agent.*Update cicd-agent"):
        opening(database)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cicd_agent_entries (name TEXT)")
    with pytest.raises(StoreRefused, match="cicd_agent_entries already exists"):
        SqlStore.open(path)
