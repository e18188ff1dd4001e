"""What errors of a database mean for who keeps the account book there: one line, with a remedy and without a secret."""

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cicd_agent.adapters.storage.records import refusal
from cicd_agent.errors import BudgetExhausted, StoreRefused

_LONGEST: Final = 200
_DEEP: Final = 20
_LOCKED: Final = ("another process holds it", "Try again, or end that process")
_OTHER: Final = "Give another `state-dir`"
_DAMAGED: Final = "Restore it from a copy, or move it away: a new one is begun"
_URL: Final = "Check DATABASE_URL"

_SQLITE: Final[Mapping[int, tuple[str, str]]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_READONLY: ("it is read-only", f"Let this user write there, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_PERM: ("no permission", f"Let this user write there, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_AUTH: ("no permission", f"Let this user write there, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", f"Let this user write there, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_FULL: ("the disk is full", f"Make room, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_IOERR: ("the disk failed or is full", f"Check the disk, or g{_OTHER[1:]}"),
    sqlite3.SQLITE_NOTADB: ("it is no database", _DAMAGED),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", _DAMAGED),
    sqlite3.SQLITE_TOOBIG: ("an entry is too large", ""),
    sqlite3.SQLITE_ERROR: ("", _DAMAGED),
    sqlite3.SQLITE_CONSTRAINT: ("what it holds contradicts itself", "See what `cicd-agent audit verify` says"),
}

# By SQLSTATE or the beginning of one, the longer first: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    ("28", ("the user or the password is wrong", _URL)),
    ("3D000", ("there is no such database", f"{_URL}, or create it")),
    ("53100", ("its disk is full", "Make room on the server")),
    ("53300", ("it has too many connections", "Try again, or raise max_connections")),
    ("42501", ("no permission", "Grant this user CREATE on the schema, and its tables")),
    ("25006", ("it is read-only", "Give the URL of a server that can be written to")),
    ("55P03", _LOCKED),
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
_WORDS: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    (r"password authentication failed|no password supplied|role .* does not exist|pg_hba", _POSTGRES[0][1]),
    (r"database .* does not exist", _POSTGRES[1][1]),
    (r"too many clients|remaining connection slots", _POSTGRES[3][1]),
    (r"starting up|shutting down", _POSTGRES[8][1]),
    (r"invalid connection option|invalid URI|missing \"=\"|invalid port|invalid integer|invalid sslmode", ("", _URL)),
    (r"certificate|\bSSL\b", ("the server or its certificate does not fit `sslmode`", _URL)),
    (r"translate host name|resolve host|[Nn]ame or service|[Nn]o address", ("there is no such host", _URL)),
    (r"refused|No such file", ("nothing listens there", f"{_URL}, and whether the server runs")),
    (r"time[sd]? ?out|unreachable|No route", ("it does not answer", f"{_URL}, and whether the server can be reached")),
    (r"closed the connection|connection .*(lost|closed)|terminat|EOF", ("the connection broke", "Try again")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A database: its name for people, and what of its URL nobody may see."""

    name: str
    secrets: Collection[str] = field(default=(), repr=False)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Whatever goes wrong within becomes a StoreRefused."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            if (ended := _ended(error)) is not None:
                # By the limit of the run, which comes but once: what failed is only how the statement was given up.
                raise ended from None
            raise self.refusal(error) from None
        except AssertionError as error:
            # Of a library that was interrupted where it did not expect it.
            raise _ended(error) or error from None
        except OSError as error:
            raise refusal(self.name, error) from None
        except (OverflowError, UnicodeError):
            raise StoreRefused(f"{self.name} cannot hold that", why="it is no text or no number") from None

    def refusal(self, error: Exception) -> StoreRefused:
        """What an error means."""
        original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        if isinstance(original, sqlite3.Error):
            why, remedy = _SQLITE.get(getattr(original, "sqlite_errorcode", -1) & 0xFF, ("", ""))
        else:
            why, remedy = _postgres(original)
        return StoreRefused(
            f"{self.name} cannot be used", why=why or self._plain(original), remedy=remedy or "Give another place"
        )

    def _plain(self, error: BaseException) -> str:
        """The first line of its message, without a secret."""
        line = next(iter(str(error).strip().splitlines()), "")
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return f"{type(error).__name__}: {line}"[:_LONGEST]


def _ended(error: BaseException) -> BaseException | None:
    """What ended the run while an error came, None when nothing did."""
    behind: BaseException | None = error
    for _ in range(_DEEP):
        if behind is None or isinstance(behind, BudgetExhausted | KeyboardInterrupt):
            return behind
        behind = behind.__context__
    return None


def _postgres(error: BaseException) -> tuple[str, str]:
    state = getattr(error, "sqlstate", None) or ""
    if state:
        return next((said for beginning, said in _POSTGRES if state.startswith(beginning)), ("", ""))
    return next((said for pattern, said in _WORDS if re.search(pattern, str(error))), ("", ""))
