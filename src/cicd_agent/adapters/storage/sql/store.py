"""The account book in SQLite or PostgreSQL."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Select

from cicd_agent.adapters.storage.records import (
    MOST_NUMBER,
    PATIENCE,
    checked,
    fact_key,
    fact_told,
    hash_of,
    number_after,
)
from cicd_agent.adapters.storage.sql.engine import (
    SLOW,
    WRITES,
    postgres_engine,
    postgres_place,
    ready_file,
    require_own_tables,
    sqlite_engine,
)
from cicd_agent.adapters.storage.sql.errors import Place
from cicd_agent.adapters.storage.sql.queries import (
    chain,
    end_of,
    entry_values,
    found,
    known_facts,
    repositories,
    row_of,
    stored_fact,
)
from cicd_agent.adapters.storage.sql.schema import (
    ENTRIES,
    FACTS,
    HEADS,
    REVISIONS,
    bring_up_to_date,
    statements,
    version,
)
from cicd_agent.domain.audit_entry import ZERO, Entry, Link, Row, chained, word
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import About, Pruned, Store, Wanted
from cicd_agent.errors import StoreRefused

_BATCH: Final = 100
"""Rows that are fetched at once: each may hold megabytes."""


class SqlStore(Store):
    """The book in a database. Threads may share one, each call has a connection of its own.

    An entry is in the file, or acknowledged by the server, before `append` returns: SQLite syncs its log with each
    commit; PostgreSQL does unless whoever runs it has switched that off.
    """

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        self._place = place

    @classmethod
    def open(cls, place: str | Path, *, patience: float = PATIENCE) -> "SqlStore":
        """Open a database by its URL, or a SQLite file by its path; its schema is brought up to date.

        `patience` is how many seconds to wait for others that write. Raises StoreRefused.
        """
        if isinstance(place, str):
            url, where = postgres_place(place)
            store = cls(postgres_engine(url, where, patience), where)
        else:
            where = Place(str(place))
            with where.guarded():
                store = cls(sqlite_engine(place, patience), where)
        with where.guarded(), ExitStack() as unless_ready:
            unless_ready.callback(store.close)
            store._ready()
            unless_ready.pop_all()
        return store

    @staticmethod
    def reach(url: str, *, patience: float = PATIENCE) -> None:
        """Connect to a PostgreSQL and leave again: nothing is made or brought up to date. Raises StoreRefused."""
        address, where = postgres_place(url)
        engine = postgres_engine(address, where, patience)
        try:
            with where.guarded(), engine.connect():
                pass
        finally:
            engine.dispose()

    @property
    def place(self) -> str:
        """The path of the file, or the server and its database, without user and password."""
        return self._place.name

    @property
    def is_guarded(self) -> bool:
        """Only who has the password writes to a server; a file anybody may have brought."""
        return self._engine.dialect.name == "postgresql"

    def append(self, entry: Entry) -> Link:
        """Enter it at the end of its repository's chain."""
        checked(entry)
        with self._place.guarded(), self._writing.begin() as connection:
            return self._enter(connection, entry, self._end(connection, entry.repository))

    def head(self, repository: str) -> Link | None:
        """The end of the chain as it was noted."""
        with self._place.guarded(), self._engine.connect() as connection:
            told = connection.execute(sa.select(HEADS).where(HEADS.c.repository == word(repository))).first()
            if told is None or not isinstance(told.seq, int) or not isinstance(told.hash, str):
                return None
            return Link(repository, told.seq, told.hash)

    def repositories(self) -> tuple[str, ...]:
        """Every repository that has a chain, in order."""
        with self._place.guarded(), self._engine.connect() as connection:
            return tuple(str(name) for name in connection.execute(repositories()).scalars())

    def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
        """The entries of a chain by number."""
        return self._streamed(chain(repository, first))

    def row(self, repository: str, seq: int) -> Row | None:
        """One entry."""
        asked = sa.select(ENTRIES).where(ENTRIES.c.repository == word(repository), ENTRIES.c.seq == _small(seq))
        with self._place.guarded(), self._engine.connect() as connection:
            told = connection.execute(asked).first()
            return row_of(told) if told else None

    def find(self, wanted: Wanted) -> Iterator[Row]:
        """The entries that are asked for, newest first."""
        return self._streamed(found(wanted))

    def prune(self, repository: str, before: int, entry: Callable[[Pruned], Entry]) -> Pruned | None:
        """Remove what is older from the beginning of a chain, and enter that."""
        table = ENTRIES.c
        ours = table.repository == word(repository)
        with self._place.guarded(), self._writing.connect().execution_options(**{SLOW: True}) as connection:
            end = self._end(connection, repository)
            fresh = connection.execute(
                sa.select(sa.func.min(table.seq)).where(ours, table.at >= _small(before))
            ).scalar()
            stale = ours if fresh is None else ours & (table.seq < fresh)
            first, last = connection.execute(
                sa.select(sa.func.min(table.seq), sa.func.max(table.seq)).where(stale)
            ).one()
            if first is None:
                return None
            digest = connection.execute(sa.select(table.hash).where(ours, table.seq == last)).scalar_one()
            pruned = Pruned(repository, first, last, digest, before)
            connection.execute(sa.delete(ENTRIES).where(ours, table.seq <= last))
            self._enter(connection, checked(entry(pruned)), end)
            connection.commit()
        self._shrink()
        return pruned

    def put(self, facts: Sequence[Fact]) -> None:
        """Leave facts; they are written in one order everywhere, so that two processes cannot wait for each other."""
        told = {fact_key(fact): fact_told(fact) for fact in facts}
        if not told:
            return
        values = [
            {**fact, "key": key, "values": json.dumps(fact["values"], sort_keys=True)}
            for key, fact in sorted(told.items())
        ]
        statement = self._inserted(FACTS)
        changed = {name: statement.excluded[name] for name in ("at", "ref", "event_id", "values")}
        with self._place.guarded(), self._writing.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changed), values)

    def facts(self, about: About) -> tuple[Fact, ...]:
        """The facts that are asked for, newest first."""
        with self._place.guarded(), self._engine.connect() as connection:
            read = [stored_fact(told) for told in connection.execute(known_facts(about))]
        return tuple(fact for fact in read if fact is not None)

    def close(self) -> None:
        """Let go of every connection. The last one to a SQLite file puts its log into the file."""
        self._engine.dispose()

    def _ready(self) -> None:
        if not self.is_guarded:
            ready_file(self._engine, self.place)
        with self._engine.connect() as connection:
            is_new = version(connection) == REVISIONS[-1]
        if not is_new:
            with self._writing.connect().execution_options(**{SLOW: True}) as connection:
                bring_up_to_date(connection, self.place)
                connection.commit()
        if not self.is_guarded:
            require_own_tables(self._engine, self.place, statements(self._engine.dialect))

    def _end(self, connection: Connection, repository: str) -> Link:
        """The end of a chain, which nobody else changes until this transaction ends.

        Where the head and the entries disagree it is the later of the two: nothing is entered twice, and what was
        taken away leaves a gap that shows.
        """
        found = connection.execute(end_of(repository)).first()
        if found is None:
            # Of two processes that begin a chain, the second waits here for the first.
            begun = {"repository": repository, "seq": 0, "hash": ZERO}
            connection.execute(self._inserted(HEADS).on_conflict_do_nothing(), begun)
            found = connection.execute(end_of(repository)).one()
        ends = (found.seq, found.hash), (found.last, found.last_hash)
        known = [(seq, hash_of(told)) for seq, told in ends if isinstance(seq, int) and seq >= 0]
        return Link(repository, *max(known, key=lambda end: end[0], default=(0, ZERO)))

    def _enter(self, connection: Connection, entry: Entry, end: Link) -> Link:
        seq = number_after(end)
        link = Link(entry.repository, seq, chained(entry.repository, seq, end.hash, entry.text))
        moved = sa.update(HEADS).where(HEADS.c.repository == entry.repository).values(seq=seq, hash=link.hash)
        entered = ENTRIES.insert().values(entry_values(entry, seq, end.hash, link.hash))
        if self.is_guarded:
            # A server may be far away: both at once.
            taken = connection.execute(entered.add_cte(moved.cte("moved")).returning(ENTRIES.c.hash)).scalars().all()
            if taken != [link.hash]:
                raise StoreRefused(
                    f"{self.place} did not take an entry as it is",
                    why="a trigger or a rule of somebody else drops or changes it",
                    remedy="Find out who made that, and remove it",
                )
        else:
            connection.execute(entered)
            connection.execute(moved)
        return link

    def _inserted(self, table: sa.Table) -> Any:
        """An INSERT that may say what is to be done with a row that is there."""
        if self.is_guarded:
            from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415  loaded with the engine

            return insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415

        return sqlite_insert(table)

    def _streamed(self, asked: Select[Any]) -> Iterator[Row]:
        with self._place.guarded(), self._engine.connect() as connection:
            for told in connection.execute(asked, execution_options={"yield_per": _BATCH}):
                yield row_of(told)

    def _shrink(self) -> None:
        """Give back to the disk what a file does not need any more; where it cannot be now, then the next time."""
        if not self.is_guarded:
            with self._place.guarded():
                raw = self._engine.raw_connection()
                try:
                    raw.cursor().execute("PRAGMA incremental_vacuum").fetchall()
                finally:
                    raw.close()


def _small(number: int) -> int:
    """A number that a database takes; none that it holds is as large."""
    return max(-1, min(number, MOST_NUMBER))
