"""Connections to a database of the account book: what each is told before it is used."""

import logging
import os
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from cicd_agent.adapters.files.safe_open import NOFOLLOW
from cicd_agent.adapters.storage.sql.errors import Place
from cicd_agent.domain.audit_entry import LONGEST
from cicd_agent.errors import StoreRefused

WRITES: Final = "writes"
"""The option of a connection that is going to write: SQLite has to know from the beginning."""
SLOW: Final = "slow"
"""The option of a connection whose statements may take minutes."""

_SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})
_STATEMENT_SECONDS: Final = 60
_SLOW_SECONDS: Final = 1_800
_CONNECT_SECONDS: Final = 10

# FULL: a commit is on the disk before it returns, with its write-ahead log, too; NORMAL would lose the last commits
# with the power. A file may come from anywhere: its schema calls no functions, and its cells are looked at.
_PRAGMAS: Final = ("synchronous=FULL", "fullfsync=ON", "trusted_schema=OFF", "cell_size_check=ON")
_OURS: Final = "SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')"
_MADE: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name LIKE 'cicd\\_agent\\_%' ESCAPE '\\' LIMIT 9"
)
_BESIDE: Final = ("-journal", "-wal", "-shm")
"""What SQLite opens beside its file. It would wait for ever for what comes out of a pipe, and no signal ends that."""
_LONGEST_VALUE: Final = 8 * LONGEST
"""Bytes; what is longer was not written by us, and does not fill the memory."""


def sqlite_engine(path: Path, patience: float) -> Engine:
    """Of a SQLite file, made if need be for its owner alone. Raises OSError or StoreRefused when there can be none."""
    _secure(path)
    _hush()
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": patience, "isolation_level": None, "check_same_thread": False},
        pool_size=2,
        pool_timeout=patience,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        # What is no UTF-8 was changed by somebody: it is handed on, so that this can be found.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Who reads first and then writes may find that another process was faster, and has to give up.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _hush() -> None:
    """Keep what libraries log of an error off the screen: a traceback, of which nobody takes the secrets out."""
    for name in ("sqlalchemy", "psycopg"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def ready_file(engine: Engine, place: str) -> None:
    """See that readers and writers of a SQLite file do not wait for each other, where the file system permits it.

    Raises StoreRefused when the file brings code of its own.
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with suppress(sqlite3.OperationalError):  # another process is about it, or it cannot be had here
                cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
                cursor.execute("PRAGMA journal_mode=WAL")
        if cursor.execute(_OURS).fetchone()[0]:
            raise StoreRefused(
                f"{place} cannot be used",
                why="it has triggers or views, which no account book has",
                remedy="Find out who made them, and move it away: a new one is begun",
            )
    finally:
        raw.close()


def require_own_tables(engine: Engine, place: str, tables: Mapping[str, str]) -> None:
    """Raise StoreRefused when one of our tables was made by another statement than ours, in `tables` on one line each.

    Such a table may leave out what is entered, or remove what was, and say nothing.
    """
    raw = engine.raw_connection()
    try:
        for name, made in raw.cursor().execute(_MADE).fetchall():
            if " ".join(str(made).split()) != tables.get(str(name)):
                raise StoreRefused(
                    f"{place} cannot be used",
                    why=f"its table {str(name)[:40]!a} is not the one of an account book",
                    remedy="Find out who made it, and move it away: a new one is begun",
                )
    finally:
        raw.close()


def _secure(path: Path) -> None:
    for beside in (path.with_name(path.name + ending) for ending in _BESIDE):
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(beside.lstat().st_mode):
                why = f"what stands beside it as {beside.name} is no file"
                raise StoreRefused(f"{path} cannot be used", why=why, remedy="Remove that, or give another `state-dir`")
    try:
        # Never an existing one: to close it would let go of every lock that this process has on it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NOFOLLOW, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            why = "it is a link, or no file"
            raise StoreRefused(f"{path} cannot be used", why=why, remedy="Give another `state-dir`") from None


def postgres_place(url: str) -> tuple[URL, Place]:
    """Where a URL points to. Raises StoreRefused when it is none of PostgreSQL."""
    try:
        parsed = make_url(url.strip())
        # A password with an @ of its own would end up in the name of the host, which everybody sees.
        known = parsed.drivername.lower() in _SCHEMES and "@" not in (parsed.host or "")
    except (ArgumentError, ValueError):
        known, parsed = False, None
    if parsed is None or not known:
        raise StoreRefused(
            "DATABASE_URL is not a URL of PostgreSQL", remedy="Give postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    asked = [each for value in parsed.query.values() for each in ((value,) if isinstance(value, str) else value)]
    host = parsed.host or ",".join(_listed(parsed.query.get("host"))) or "localhost"
    port = f":{parsed.port}" if parsed.port else ""
    name = f"postgresql://{host}{port}/{parsed.database or ''}"
    secret = [str(parsed.password)] if parsed.password else []
    hidden = {each for word in (*secret, *asked) if word and word not in name for each in (word, quote(word))}
    return parsed.set(drivername="postgresql+psycopg"), Place(name, sorted(hidden, key=len, reverse=True))


def postgres_engine(url: URL, place: Place, patience: float) -> Engine:
    """Of a server. Raises StoreRefused when psycopg is not installed."""
    _hush()
    told: dict[str, Any] = {
        "client_encoding": "utf8",
        "application_name": "cicd-agent",
        # A pooler between us and the server may hand each transaction to another connection.
        "prepare_threshold": None,
    }
    if "connect_timeout" not in url.query:
        told["connect_timeout"] = _CONNECT_SECONDS
    try:
        engine = create_engine(
            url,
            connect_args=told,
            isolation_level="READ COMMITTED",
            # Minutes may lie between two entries of a run: long enough for a firewall to forget the connection.
            pool_pre_ping=True,
            pool_size=2,
            pool_timeout=patience,
        )
    except ImportError:
        raise StoreRefused(
            f"{place.name} cannot be used", why="psycopg is not installed", remedy="Install cicd-agent[postgres]"
        ) from None

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _: Any, parameters: dict[str, Any]) -> Any:
        from cicd_agent.adapters.storage.sql.timeouts import WaitingConnection  # noqa: PLC0415  loaded with the engine

        return WaitingConnection.connect(**parameters)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        seconds = _SLOW_SECONDS if connection.get_execution_options().get(SLOW) else _STATEMENT_SECONDS
        raw: Any = connection.connection.dbapi_connection
        # The server ends a statement by itself; who hears nothing even then has nobody to talk to.
        raw.silence = max(seconds, patience) + _CONNECT_SECONDS
        # For this transaction alone, see above.
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = {seconds * 1000}; SET LOCAL lock_timeout = {int(patience * 1000)}"
        )

    return engine


def _listed(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
