"""A PostgreSQL server, by psycopg: its limits of time, and what its errors mean."""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.abc import Params, PQGen, Query
from psycopg.rows import TupleRow

from cicd_agent.adapters.storage.database import LOCKED, Connection, Database
from cicd_agent.adapters.storage.postgres_url import ServerUrl

T = TypeVar("T")

_STATEMENT_SECONDS: Final = 60
_SLOW_SECONDS: Final = 1_800
_CONNECT_SECONDS: Final = 10
_BATCH: Final = 100
"""Rows that are fetched at once."""
_SCHEMA_LOCK: Final = 4_927_301_118
"""The number of the lock under which one process at a time changes the tables: any would do."""

_CHECK_URL: Final = "Check DATABASE_URL"
# By SQLSTATE or the beginning of one, the longer first: https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    ("28", ("the user or the password is wrong", _CHECK_URL)),
    ("3D000", ("there is no such database", f"{_CHECK_URL}, or create it")),
    ("53100", ("its disk is full", "Make room on the server")),
    ("53300", ("it has too many connections", "Try again, or raise max_connections")),
    ("42501", ("no permission", "Grant this user CREATE on the schema, and its tables")),
    ("25006", ("it is read-only", "Give the URL of a server that can be written to")),
    ("55P03", LOCKED),
    ("57014", ("it took too long", "Try again, or see what the server is busy with")),
    ("57P", ("it is starting up or shutting down", "Try again")),
    ("40", ("other processes were in the way", "Try again")),
    ("23", ("what it holds contradicts itself", "See what `cicd-agent audit verify` says")),
    ("22P05", ("its encoding is not UTF-8", "Create the database with ENCODING 'UTF8'")),
    ("22021", ("its encoding is not UTF-8", "Create the database with ENCODING 'UTF8'")),
    ("42", ("", "Give another database: its tables are not those of an account book")),
    ("08", ("the connection broke", "Try again")),
)
# Where there is no SQLSTATE, since no connection came about.
_MESSAGES: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    (r"password authentication failed|no password supplied|role .* does not exist|pg_hba", _STATES[0][1]),
    (r"database .* does not exist", _STATES[1][1]),
    (r"too many clients|remaining connection slots", _STATES[3][1]),
    (r"starting up|shutting down", _STATES[8][1]),
    (
        r"invalid connection option|invalid URI|missing \"=\"|invalid port|invalid integer|invalid sslmode",
        ("", _CHECK_URL),
    ),
    (r"certificate|\bSSL\b", ("the server or its certificate does not fit `sslmode`", _CHECK_URL)),
    (r"translate host name|resolve host|[Nn]ame or service|[Nn]o address", ("there is no such host", _CHECK_URL)),
    (r"refused|No such file", ("nothing listens there", f"{_CHECK_URL}, and whether the server runs")),
    (
        r"time[sd]? ?out|unreachable|No route",
        ("it does not answer", f"{_CHECK_URL}, and whether the server can be reached"),
    ),
    (r"closed the connection|connection .*(lost|closed)|terminat|EOF", ("the connection broke", "Try again")),
)


class TimedConnection(psycopg.Connection[TupleRow]):
    """Waits for its server only so long: one may accept a connection, and never answer."""

    silence: float = _CONNECT_SECONDS
    """Seconds that may pass without an answer: the server's own limits, and the way there."""

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.Cursor[TupleRow]:
        return super().execute(_marked(query), params or None, prepare=prepare, binary=binary)

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """As ever; raises OperationalError when the server is silent for too long, and then the connection is over."""
        return super().wait(self._timed(gen), *args, **options)

    def _timed(self, gen: PQGen[T]) -> PQGen[T]:
        last = time.monotonic()
        try:
            waiting = next(gen)
            while True:
                ready = yield waiting
                if ready:
                    last = time.monotonic()
                elif time.monotonic() - last > self.silence:
                    # It waits for an answer, and would again for one to a ROLLBACK.
                    self.close()
                    raise psycopg.OperationalError(f"timed out: no answer within {self.silence:g} s")
                waiting = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


class PostgresServer(Database):
    """A database of a server, which may be far away."""

    errors = (psycopg.Error,)
    # Minutes may lie between two entries of a run: long enough for a firewall to forget the connection.
    lost = (psycopg.OperationalError,)
    is_server = True

    def __init__(self, url: ServerUrl, patience: float) -> None:
        super().__init__(url.name, patience)
        self.secrets = url.secrets
        self._parameters = url.parameters
        logger = logging.getLogger("psycopg")
        if not logger.handlers:
            # What it logs of an error is a traceback, of which nobody takes the secrets out.
            logger.addHandler(logging.NullHandler())

    def connect(self) -> TimedConnection:
        """A connection that commits only where it is told to."""
        options: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS} | self._parameters
        return TimedConnection.connect(
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
        timed = cast("TimedConnection", connection)
        # This takes no time: a server that does not answer it answers nothing.
        timed.silence = TimedConnection.silence
        timed.execute(
            f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {seconds * 1000}; "
            f"SET LOCAL lock_timeout = {int(self.patience * 1000)}"
        )
        # The server ends a statement by itself; who hears nothing even then has nobody to talk to.
        timed.silence = max(seconds, self.patience) + _CONNECT_SECONDS

    def stream(self, connection: Connection, statement: str, parameters: Sequence[Any]) -> Iterator[Sequence[Any]]:
        with cast("TimedConnection", connection).cursor(name="rows") as cursor:
            cursor.itersize = _BATCH
            cursor.execute(_marked(statement), parameters or None)
            yield from cursor

    def write_many(self, connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """All of them without waiting for an answer to each."""
        with cast("TimedConnection", connection).cursor() as cursor:
            cursor.executemany(_marked(statement), rows)

    def has_table(self, connection: Connection, name: str) -> bool:
        # Not to_regclass: what that remembers of the tables is older than the lock that was just waited for.
        visible = "SELECT 1 FROM pg_class WHERE relname = ? AND relkind = 'r' AND pg_table_is_visible(oid)"
        return connection.execute(visible, (name,)).fetchone() is not None

    def lock_schema(self, connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (_SCHEMA_LOCK,))

    def ddl(self, statement: str) -> str:
        return statement.replace(" KEY NOT", ' TEXT COLLATE "C" NOT')

    def explain(self, error: Exception) -> tuple[str, str]:
        if state := getattr(error, "sqlstate", None) or "":
            return next((known for beginning, known in _STATES if state.startswith(beginning)), ("", ""))
        return next((known for pattern, known in _MESSAGES if re.search(pattern, str(error))), ("", ""))


def _marked(query: Query) -> bytes:
    return str(query).replace("?", "%s").encode()
