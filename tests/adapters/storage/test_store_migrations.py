"""The schema of the audit log: each way to it leads to the same tables, and what they hold stays."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.schema import MIGRATIONS, VERSION_TABLE, migrate, schema_version
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import EntryQuery, FactQuery, Store
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, Book, database_of, run, unbroken

Opening = Callable[[Book], Store]
VERSIONS = [*MIGRATIONS]
# What has been released is in files of other people, letter for letter; white space does not count.
RELEASED = """
    CREATE TABLE cicd_agent_schema ( version_num VARCHAR(32) NOT NULL,
      CONSTRAINT cicd_agent_schema_pkc PRIMARY KEY (version_num) );
    CREATE TABLE cicd_agent_entries ( repository TEXT NOT NULL, seq BIGINT NOT NULL, prev TEXT NOT NULL,
      hash TEXT NOT NULL, text TEXT NOT NULL, kind TEXT NOT NULL, event_id TEXT NOT NULL, at BIGINT NOT NULL,
      mode TEXT NOT NULL, sha TEXT NOT NULL, pull BIGINT NOT NULL, decision TEXT NOT NULL, risk_level TEXT NOT NULL,
      PRIMARY KEY (repository, seq) );
    CREATE INDEX cicd_agent_entries_pull ON cicd_agent_entries (pull, at);
    CREATE INDEX cicd_agent_entries_repository ON cicd_agent_entries (repository, at);
    CREATE INDEX cicd_agent_entries_at ON cicd_agent_entries (at);
    CREATE INDEX cicd_agent_entries_event ON cicd_agent_entries (event_id);
    CREATE INDEX cicd_agent_entries_mode ON cicd_agent_entries (mode, at);
    CREATE INDEX cicd_agent_entries_sha ON cicd_agent_entries (sha);
    CREATE INDEX cicd_agent_entries_decision ON cicd_agent_entries (decision, at);
    CREATE TABLE cicd_agent_facts ( "key" TEXT NOT NULL, repository TEXT NOT NULL, kind TEXT NOT NULL,
      subject TEXT NOT NULL, at BIGINT NOT NULL, mode TEXT NOT NULL, sha TEXT NOT NULL, ref TEXT NOT NULL,
      event_id TEXT NOT NULL, "values" TEXT NOT NULL, PRIMARY KEY ("key") );
    CREATE INDEX cicd_agent_facts_sha ON cicd_agent_facts (sha);
    CREATE INDEX cicd_agent_facts_kind ON cicd_agent_facts (repository, kind, at);
    CREATE INDEX cicd_agent_facts_subject ON cicd_agent_facts (subject);
    CREATE TABLE cicd_agent_heads ( repository TEXT NOT NULL, seq BIGINT NOT NULL, hash TEXT NOT NULL,
      PRIMARY KEY (repository) );
"""
SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_schema WHERE sql > '' ORDER BY name",
    "postgresql": "SELECT table_name, column_name, data_type, collation_name, is_nullable, character_maximum_length "
    "FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2",
}
INDEXES = "SELECT replace(indexdef, schemaname, '') FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"
BACK_TO = {
    "": [
        "DROP VIEW agent_audit_log",
        *(f"DROP TABLE {name}" for name in ("cicd_agent_facts", "cicd_agent_entries", "cicd_agent_heads")),
        f"DELETE FROM {VERSION_TABLE}",
    ],
    "0001": [
        "DROP VIEW agent_audit_log",
        *("DROP TABLE cicd_agent_facts", "DROP INDEX cicd_agent_entries_event"),
        f"UPDATE {VERSION_TABLE} SET version_num = '0001'",
    ],
    "0002": [
        "DROP VIEW agent_audit_log",
        f"UPDATE {VERSION_TABLE} SET version_num = '0002'",
    ],
    "0003": [],
}
"""Statements that take the newest tables back to an older version."""


def run_all(book: Book, *statements: str) -> None:
    database = database_of(book)
    with database.transaction(writes=True) as connection:
        for statement in statements:
            connection.execute(statement)
    database.close()


def schema(book: Book) -> list[tuple[str, ...]]:
    """Every table with its columns, and every index."""
    database = database_of(book)
    with database.transaction() as connection:
        rows = connection.execute(SCHEMA[book.kind]).fetchall()
        rows += connection.execute(INDEXES).fetchall() if book.kind == "postgresql" else []
    database.close()
    return [tuple(" ".join(str(cell).split()) for cell in row) for row in rows]


@pytest.mark.parametrize("steps", [VERSIONS[-1:], VERSIONS])
def test_each_way_to_the_newest_version_leads_to_the_same_tables(
    book: Book, opening: Opening, tmp_path: Path, steps: list[str]
) -> None:
    database = database_of(book)
    for version in steps:
        with database.transaction(writes=True) as connection:
            migrate(database, connection, version)
            assert schema_version(database, connection) == version
    database.close()
    if book.kind == "sqlite":
        other = Book("sqlite", str(tmp_path / "other.db"))
        with closing(sqlite3.connect(other.place)) as connection:
            connection.executescript(RELEASED)
        assert [row for row in schema(book) if row[0] != "view"] == schema(other)
    assert sum("cicd_agent_entries_event" in str(row) for row in schema(book)) == 1
    opening(book).append(run())


def test_a_database_that_a_release_has_made_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(RELEASED)
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('0002')")
    with closing(SqlStore.open(path)) as store:
        assert store.append(run()).seq == 1
        store.append(run(1), [Fact(REPOSITORY, FactKind.TESTS, "a", 1)])
        assert len(store.facts(FactQuery(REPOSITORY))) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_database_is_brought_up_with_what_it_holds(book: Book, opening: Opening, version: str) -> None:
    newest: list[tuple[str, ...]] = []
    for number in range(3):
        store = book.open()
        store.append(run(number))
        store.close()
        newest = newest or schema(book)
        run_all(book, *BACK_TO[version])
    again = opening(book)
    assert schema(book) == newest
    assert unbroken(again.rows(REPOSITORY)) == 3
    assert [row.seq for row in again.find(EntryQuery(event_id="1.1"))] == [2]
    again.append(run(9), [Fact(REPOSITORY, FactKind.TESTS, "a", 1)])
    assert len(again.facts(FactQuery(REPOSITORY))) == 1


def test_a_migration_that_breaks_off_has_not_begun(book: Book, opening: Opening) -> None:
    database = database_of(book)
    with database.transaction(writes=True) as connection:
        migrate(database, connection, "0001")
    before = schema(book)
    with suppress(ZeroDivisionError), database.transaction(writes=True) as connection:
        migrate(database, connection)
        raise ZeroDivisionError
    assert schema(book) == before
    with database.transaction() as connection:
        assert schema_version(database, connection) == "0001"
    database.close()
    opening(book).append(run())


@pytest.mark.parametrize("version", ["", "0001"])
def test_two_that_open_an_old_database_at_once_bring_it_up_once(book: Book, version: str) -> None:
    book.open().close()
    run_all(book, *BACK_TO[version])
    links: list[int] = []

    def open_and_write() -> None:
        store = book.open()
        links.append(store.append(run()).seq)
        store.close()

    threads = [threading.Thread(target=open_and_write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(links) == [1, 2, 3]


@pytest.mark.parametrize("number", ["0004", "unknown' OR 1", ""])
def test_a_newer_database_is_refused_with_what_to_do(book: Book, opening: Opening, number: str) -> None:
    opening(book).append(run())
    run_all(book, f"UPDATE {VERSION_TABLE} SET version_num = '{number.replace(chr(39), 2 * chr(39))}'")
    with pytest.raises(StoreRefused, match=r"newer cicd-agent.*Update cicd-agent"):
        opening(book)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cicd_agent_entries (name TEXT)")
    with pytest.raises(StoreRefused, match="cicd_agent_entries already exists"):
        SqlStore.open(path)
