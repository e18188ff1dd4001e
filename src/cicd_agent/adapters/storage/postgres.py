"""A PostgreSQL server, by psycopg: its limits of time, and what its errors mean."""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.abc import Params, PQGen, Query
from psycopg.rows import TupleRow

from cicd_agent.adapters.storage.database import ERRORS, Connection, Database, ServerUrl

T = TypeVar("T")

_STATEMENT_SECONDS: Final = 60
_SLOW_SECONDS: Final = 1_800
_CONNECT_SECONDS: Final = 10
_BATCH: Final = 100
"""Rows that are fetched at once."""
_SCHEMA_LOCK: Final = 4_927_301_118
"""The number of the lock under which one process at a time changes the tables: any would do."""


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Waits for its server only so long: one may accept a connection, and never answer."""

    silence: float = _CONNECT_SECONDS
    """Seconds that may pass without an answer: the server's own limits, and the way there."""

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.Cursor[TupleRow]:
        return super().execute(_marked(query), params or None, prepare=prepare, binary=binary)

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """As ever; raises OperationalError when the server is silent for too long, and then the connection is over."""
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: PQGen[T]) -> PQGen[T]:
        last = time.monotonic()
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if ready:
                    last = time.monotonic()
                elif time.monotonic() - last > self.silence:
                    # It waits for an answer, and would again for one to a ROLLBACK.
                    self.close()
                    raise psycopg.OperationalError(f"timed out: no answer within {self.silence:g} s")
                awaited = gen.send(ready)
        except StopIteration as end:
            return cast("T", end.value)


class PostgresServer(Database):
    """A database of a server, which may be far away."""

    errors = (psycopg.Error,)
    # Minutes may lie between two entries of a run: long enough for a firewall to forget the connection.
    lost = (psycopg.OperationalError,)
    is_server = True
    # Not to_regclass: what that remembers of the tables is older than the lock that was just waited for.
    table_query = "SELECT 1 FROM pg_class WHERE relname = ? AND relkind = 'r' AND pg_table_is_visible(oid)"
    key_type = 'TEXT COLLATE "C"'
    # An escaped NUL is valid JSON, and no text that PostgreSQL takes out of it.
    view_terms = {  # noqa: RUF012  as declared by its base
        "MOMENT": "to_timestamp({})",
        "FIELD": r"replace(text, '\u0000', '\ufffd')::json ->> '{}'",
    }

    def __init__(self, url: ServerUrl, patience: float) -> None:
        super().__init__(url.name, patience)
        self.secrets = url.secrets
        self._parameters = url.parameters
        logger = logging.getLogger("psycopg")
        if not logger.handlers:
            # What it logs of an error is a traceback, of which nobody takes the secrets out.
            logger.addHandler(logging.NullHandler())

    def connect(self) -> BoundedConnection:
        options: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS} | self._parameters
        return BoundedConnection.connect(
            autocommit=True,
            client_encoding="utf8",
            application_name="cicd-agent",
            # A pooler between us and the server may hand each transaction to another connection.
            prepare_threshold=None,
            **options,
        )

    def begin(self, connection: Connection, *, writes: bool, slow: bool) -> None:  # noqa: ARG002
        """Begin a transaction with limits of time for it alone, in one message."""
        seconds = _SLOW_SECONDS if slow else _STATEMENT_SECONDS
        bounded = cast("BoundedConnection", connection)
        # This takes no time: a server that does not answer it answers nothing.
        bounded.silence = BoundedConnection.silence
        bounded.execute(
            f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {seconds * 1000}; "
            f"SET LOCAL lock_timeout = {int(self.patience * 1000)}"
        )
        # The server ends a statement by itself; who hears nothing even then has nobody to talk to.
        bounded.silence = max(seconds, self.patience) + _CONNECT_SECONDS

    def stream(self, connection: Connection, statement: str, parameters: Sequence[Any]) -> Iterator[Sequence[Any]]:
        with cast("BoundedConnection", connection).cursor(name="rows") as cursor:
            cursor.itersize = _BATCH
            cursor.execute(_marked(statement), parameters or None)
            yield from cursor

    def write_many(self, connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with cast("BoundedConnection", connection).cursor() as cursor:
            cursor.executemany(_marked(statement), rows)

    def lock_schema(self, connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (_SCHEMA_LOCK,))

    def explain(self, error: Exception) -> tuple[str, str]:
        if state := getattr(error, "sqlstate", None) or "":
            known = (text for beginning, text in ERRORS["postgres"].items() if state.startswith(beginning))
        else:
            known = (text for pattern, text in ERRORS["connections"].items() if re.search(pattern, str(error)))
        return next(known, ("", ""))


def _marked(query: Query) -> bytes:
    return str(query).replace("?", "%s").encode()
