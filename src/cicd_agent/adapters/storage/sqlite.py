"""SQLite files, by the standard library: how one is opened that anybody may have prepared, and what its errors mean."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from cicd_agent.adapters.files import NOFOLLOW
from cicd_agent.adapters.storage.database import ERRORS, Connection, Database
from cicd_agent.domain.audit_entry import MAX_TEXT
from cicd_agent.errors import StoreRefused

# FULL: a commit is on the disk before it returns, with its write-ahead log, too; NORMAL would lose the last commits
# with the power. A file may come from anywhere: its schema calls no functions, and its cells are looked at.
_PRAGMAS: Final = ("synchronous=FULL", "fullfsync=ON", "trusted_schema=OFF", "cell_size_check=ON")
_CODE: Final = (
    "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' OR (type = 'view' AND name <> 'agent_audit_log')"
)
_TABLES: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name LIKE 'cicd\\_agent\\_%' ESCAPE '\\'"
    " OR type = 'view' LIMIT 9"
)
_BESIDE: Final = ("-journal", "-wal", "-shm")
"""What SQLite opens beside its file. It would wait forever for what comes out of a pipe, and no signal ends that."""
_MAX_VALUE: Final = 8 * MAX_TEXT
"""Bytes; what is longer was not written by us, and does not fill the memory."""

_OTHER: Final = "Give another `state-dir`"
_BY_CODE: Final = {getattr(sqlite3, name): text for name, text in ERRORS["sqlite"].items()}


class SqliteFile(Database):
    """A SQLite file, made if need be for its owner alone."""

    errors = (sqlite3.Error,)
    is_server = False
    table_query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    key_type = "TEXT"
    view_terms = {  # noqa: RUF012  as declared by its base
        "MOMENT": "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')",
        "FIELD": "json_extract(text, '$.{}')",
    }

    def __init__(self, path: Path, patience: float) -> None:
        super().__init__(str(path), patience)
        self._path = path
        try:
            self._make()
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "")
            reason, remedy = ERRORS["files"].get(name, (error.strerror or "it is no file", _OTHER))
            raise StoreRefused(f"{self.location} cannot be used", why=reason, remedy=remedy) from None

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self.patience, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        # What is no UTF-8 was changed by somebody: it is handed on, so that this can be found.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def begin(self, connection: Connection, *, writes: bool, slow: bool) -> None:  # noqa: ARG002
        """Who reads first and then writes may find that another process was faster, and has to give up."""
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    def stream(self, connection: Connection, statement: str, parameters: Sequence[Any]) -> Iterator[Sequence[Any]]:
        return iter(connection.execute(statement, parameters))

    def write_many(self, connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        cast("sqlite3.Connection", connection).executemany(statement, rows)

    def explain(self, error: Exception) -> tuple[str, str]:
        return _BY_CODE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF, ("", ""))

    def prepare(self) -> None:
        """See that readers and writers do not wait for each other, where the file system permits it.

        Raises StoreRefused when the file brings code of its own.
        """
        with self._connected() as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                with suppress(sqlite3.OperationalError):  # another process is about it, or it cannot be had here
                    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                    connection.execute("PRAGMA journal_mode=WAL")
            if connection.execute(_CODE).fetchone()[0]:
                raise StoreRefused(
                    f"{self.location} cannot be used",
                    why="it has triggers or views, which no audit log has",
                    remedy="Find out who made them, and move it away: a new one is begun",
                )

    def require_tables(self, statements: Mapping[str, str]) -> None:
        """Raise StoreRefused when one of our tables was made by another statement than ours, on one line each.

        Such a table may leave out what is recorded, or remove what was, and say nothing.
        """
        with self._connected() as connection:
            for name, made in connection.execute(_TABLES).fetchall():
                if " ".join(str(made).split()) != statements.get(str(name)):
                    raise StoreRefused(
                        f"{self.location} cannot be used",
                        why=f"its table or view {str(name)[:40]!a} is not the one of an audit log",
                        remedy="Find out who made it, and move it away: a new one is begun",
                    )

    def shrink(self) -> None:
        """Give back to the disk what is not needed any more; where it cannot be now, then the next time."""
        with self._connected() as connection:
            connection.execute("PRAGMA incremental_vacuum").fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection without a transaction."""
        with self.guard():
            connection = self.connect()
            try:
                yield connection
            finally:
                connection.close()

    def _make(self) -> None:
        for beside in (self._path.with_name(self._path.name + ending) for ending in _BESIDE):
            with suppress(FileNotFoundError):
                if not stat.S_ISREG(beside.lstat().st_mode):
                    reason = f"what stands beside it as {beside.name} is no file"
                    remedy = "Remove that, or give another `state-dir`"
                    raise StoreRefused(f"{self._path} cannot be used", why=reason, remedy=remedy)
        try:
            # Never an existing one: to close it would let go of every lock that this process has on it.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NOFOLLOW, 0o600))
        except FileExistsError:
            if not stat.S_ISREG(self._path.lstat().st_mode):
                reason = "it is a link, or no file"
                raise StoreRefused(f"{self._path} cannot be used", why=reason, remedy=_OTHER) from None
