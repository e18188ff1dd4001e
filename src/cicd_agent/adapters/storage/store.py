"""The audit log in SQLite or PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cicd_agent.adapters.storage import queries
from cicd_agent.adapters.storage.database import Connection, Database, parse_url
from cicd_agent.adapters.storage.schema import NEWEST, migrate, schema_version, table_statements
from cicd_agent.adapters.storage.sqlite import SqliteFile
from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Link, Row, entry_hash, key_text
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import EntryQuery, FactQuery, Removal, Store
from cicd_agent.errors import StoreRefused

PATIENCE: Final = 20.0
"""Seconds to wait for other processes that write to the same log."""


class SqlStore(Store):
    """The log in a database. Threads may share one, each call has a connection of its own.

    An entry is in the file, or acknowledged by the server, before `append` returns: SQLite syncs its log with each
    commit; PostgreSQL does unless whoever runs it has switched that off.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, location: str | Path, *, patience: float = PATIENCE) -> "SqlStore":
        """Open a database by its URL, or a SQLite file by its path, with its schema up to date. Raises StoreRefused."""
        database = _server(location, patience) if isinstance(location, str) else SqliteFile(location, patience)
        with ExitStack() as on_error:
            on_error.callback(database.close)
            if isinstance(database, SqliteFile):
                database.prepare()
            with database.transaction() as connection:
                is_current = schema_version(database, connection) == NEWEST
            if not is_current:
                with database.transaction(writes=True, slow=True) as connection:
                    migrate(database, connection)
            if isinstance(database, SqliteFile):
                database.require_tables(table_statements(database))
            on_error.pop_all()
        return cls(database)

    @staticmethod
    def reach(url: str, *, patience: float = PATIENCE) -> None:
        """Connect to a PostgreSQL and leave again: nothing is made or brought up to date. Raises StoreRefused."""
        server = _server(url, patience)
        with server.guard():
            server.connect().close()

    @property
    def location(self) -> str:
        return self._database.location

    @property
    def is_authenticated(self) -> bool:
        return self._database.is_server

    def append(self, entry: Entry, facts: Sequence[Fact] = ()) -> Link:
        queries.check_entry(entry)
        with self._database.transaction(writes=True) as connection:
            link = self._insert(connection, entry, self._end(connection, entry.repository))
            if facts:
                self._database.write_many(connection, queries.UPSERT_FACT, [*map(queries.fact_values, facts)])
            return link

    def head(self, repository: str) -> Link | None:
        with self._database.transaction() as connection:
            row = connection.execute(queries.SELECT_HEAD, (key_text(repository),)).fetchone()
        if row is None or not isinstance(row[0], int) or not isinstance(row[1], str):
            return None
        return Link(repository, row[0], row[1])

    def repositories(self) -> tuple[str, ...]:
        with self._database.transaction() as connection:
            return tuple(str(name) for (name,) in connection.execute(queries.REPOSITORIES).fetchall())

    def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
        return self._stream(queries.select_chain(repository, first))

    def row(self, repository: str, seq: int) -> Row | None:
        with self._database.transaction() as connection:
            values = connection.execute(*queries.select_entry(repository, seq)).fetchone()
        return queries.parse_row(values) if values else None

    def find(self, query: EntryQuery) -> Iterator[Row]:
        return self._stream(queries.select_entries(query))

    def prune(self, repository: str, before: int, entry: Callable[[Removal], Entry]) -> Removal | None:
        name = key_text(repository)
        with self._database.transaction(writes=True, slow=True) as connection:
            end = self._end(connection, repository)
            (keep,) = connection.execute(
                "SELECT min(seq) FROM cicd_agent_entries WHERE repository = ? AND at >= ?",
                (name, queries.clamp(before)),
            ).fetchone()
            old = ("repository = ?", (name,)) if keep is None else ("repository = ? AND seq < ?", (name, keep))
            bounds = f"SELECT min(seq), max(seq) FROM cicd_agent_entries WHERE {old[0]}"
            first, last = connection.execute(bounds, old[1]).fetchone()
            if first is None:
                # What `_end` may have written of a chain that there is not goes, too.
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                return None
            (digest,) = connection.execute(
                "SELECT hash FROM cicd_agent_entries WHERE repository = ? AND seq = ?", (name, last)
            ).fetchone()
            pruned = Removal(repository, first, last, digest, before)
            connection.execute("DELETE FROM cicd_agent_entries WHERE repository = ? AND seq <= ?", (name, last))
            connection.execute(
                "DELETE FROM cicd_agent_facts WHERE repository = ? AND at < ?", (name, queries.clamp(before))
            )
            self._insert(connection, queries.check_entry(entry(pruned)), end)
        if isinstance(self._database, SqliteFile):
            self._database.shrink()
        return pruned

    def facts(self, query: FactQuery) -> tuple[Fact, ...]:
        with self._database.transaction() as connection:
            rows = connection.execute(*queries.select_facts(query)).fetchall()
        return tuple(fact for row in rows if (fact := queries.parse_fact(row)) is not None)

    def close(self) -> None:
        self._database.close()

    def _end(self, connection: Connection, repository: str) -> Link:
        """The end of a chain, which nobody else changes until this transaction ends.

        Where the head and the entries disagree it is the later of the two: no number is given twice, and what was
        taken away leaves a gap that shows.
        """
        name = key_text(repository)
        query = f"{queries.CHAIN_END} FOR UPDATE OF cicd_agent_heads" if self._database.is_server else queries.CHAIN_END
        row = connection.execute(query, (name,) * 3).fetchone()
        if row is None:
            # Of two processes that begin a chain, the second waits here for the first.
            connection.execute(queries.INSERT_HEAD, (name, 0, ZERO_HASH))
            row = connection.execute(query, (name,) * 3).fetchone()
        ends = (row[0], row[1]), (row[2], row[3])
        known = [(seq, queries.valid_hash(digest)) for seq, digest in ends if isinstance(seq, int) and seq >= 0]
        return Link(repository, *max(known, key=lambda end: end[0], default=(0, ZERO_HASH)))

    def _insert(self, connection: Connection, entry: Entry, end: Link) -> Link:
        seq = queries.next_number(end)
        link = Link(entry.repository, seq, entry_hash(entry.repository, seq, end.hash, entry.text))
        head = (seq, link.hash, entry.repository)
        values = queries.entry_values(entry, seq, end.hash, link.hash)
        if self._database.is_server:
            # A server may be far away: both at once.
            both = f"WITH moved AS ({queries.MOVE_HEAD}) {queries.INSERT_ENTRY} RETURNING hash"
            if connection.execute(both, (*head, *values)).fetchall() != [(link.hash,)]:
                raise StoreRefused(
                    f"{self.location} did not take an entry as it is",
                    why="a trigger or a rule of somebody else drops or changes it",
                    remedy="Find out who made that, and remove it",
                )
        else:
            connection.execute(queries.INSERT_ENTRY, values)
            connection.execute(queries.MOVE_HEAD, head)
        return link

    def _stream(self, statement: queries.Statement) -> Iterator[Row]:
        with self._database.transaction() as connection:
            for values in self._database.stream(connection, *statement):
                yield queries.parse_row(values)


def _server(url: str, patience: float) -> Database:
    parsed = parse_url(url)
    if find_spec("psycopg") is None:
        raise StoreRefused(
            f"{parsed.name} cannot be used", why="psycopg is not installed", remedy="Install cicd-agent[postgres]"
        )
    from cicd_agent.adapters.storage.postgres import PostgresServer  # noqa: PLC0415  an extra, and slow to load

    return PostgresServer(parsed, patience)
