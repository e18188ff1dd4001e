"""A database over DB-API 2: its URL, its connections and transactions, and what its errors mean."""

import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, quote, unquote

from cicd_agent.errors import BudgetExhausted, StoreRefused

ERRORS: Final[dict[str, dict[str, tuple[str, str]]]] = tomllib.loads(
    files(__package__).joinpath("errors.toml").read_text("utf-8")
)
"""The reason of an error and its remedy, by kind and code."""
_VIEW_TERM: Final = re.compile(r"\b(MOMENT|FIELD)\((\w+)\)")
_MAX_MESSAGE: Final = 200
_MAX_CAUSES: Final = 20
_POOLED: Final = 2
_SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})
_URL: Final = re.compile(
    r"(?P<scheme>[\w+]+)://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[0-9]*))?"
    r"(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)


class Connection(Protocol):
    """What the connections of sqlite3 and psycopg have in common. Parameters are marked with `?`."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Any: ...
    def close(self) -> None: ...


class Database(ABC):
    """Threads may share one: each transaction has a connection of its own."""

    errors: tuple[type[Exception], ...]
    """What the driver raises."""
    lost: tuple[type[Exception], ...] = ()
    """What it raises where a connection that was used before has broken meanwhile."""
    is_server: bool
    table_query: str
    """Finds a table by its name."""
    key_type: str
    view_terms: Mapping[str, str]
    """How a view shows a time in seconds (MOMENT), and a member of the JSON that `text` holds (FIELD)."""
    """The type of text that is sorted by its bytes."""
    secrets: Collection[str] = ()
    """What no message may show."""

    def __init__(self, location: str, patience: float) -> None:
        self.location = location
        """Its name for people."""
        self.patience = patience
        """Seconds to wait for others that write."""
        self._idle: list[Connection] = []

    @abstractmethod
    def connect(self) -> Connection: ...

    @abstractmethod
    def begin(self, connection: Connection, *, writes: bool, slow: bool) -> None: ...

    @abstractmethod
    def stream(self, connection: Connection, statement: str, parameters: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Rows, a few at a time: each may hold megabytes."""

    @abstractmethod
    def write_many(self, connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same statement for each of the rows."""

    def lock_schema(self, connection: Connection) -> None:  # noqa: B027  who writes may have all to himself
        """Wait until no other process changes the tables."""

    def ddl(self, statement: str) -> str:
        """A statement of a migration in its own dialect."""
        written = statement.replace(" KEY NOT", f" {self.key_type} NOT")
        return _VIEW_TERM.sub(lambda term: self.view_terms[term[1]].format(term[2]), written)

    @abstractmethod
    def explain(self, error: Exception) -> tuple[str, str]:
        """The reason of an error and its remedy, "" where nothing is known."""

    @contextmanager
    def transaction(self, *, writes: bool = False, slow: bool = False) -> Iterator[Connection]:
        """A connection within a transaction; it is committed unless an exception ends it. `slow` ones take minutes.

        Raises StoreRefused for whatever the database refuses.
        """
        with self.guard():
            connection = self._begun(writes=writes, slow=slow)
            with ExitStack() as on_error:
                # A connection that is closed has rolled back, whatever state it was in.
                on_error.callback(connection.close)
                yield connection
                connection.execute("COMMIT")
                on_error.pop_all()
            if len(self._idle) < _POOLED:
                self._idle.append(connection)
            else:
                connection.close()

    def _begun(self, *, writes: bool, slow: bool) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            try:
                self.begin(connection, writes=writes, slow=slow)
            except self.lost:
                connection.close()
            else:
                return connection
        with ExitStack() as on_error:
            connection = self.connect()
            on_error.callback(connection.close)
            self.begin(connection, writes=writes, slow=slow)
            on_error.pop_all()
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Whatever goes wrong within becomes a StoreRefused."""
        try:
            yield
        except self.errors as error:
            if (ended := _interruption(error)) is not None:
                # By the limit of the run, which comes but once: what failed is only how the statement was given up.
                raise ended from None
            reason, remedy = self.explain(error)
            raise StoreRefused(
                f"{self.location} cannot be used",
                why=reason or self._first_line(error),
                remedy=remedy or "Give another place",
            ) from None
        except AssertionError as error:
            # Of a library that was interrupted where it did not expect it.
            raise _interruption(error) or error from None
        except (OverflowError, UnicodeError):
            raise StoreRefused(f"{self.location} cannot hold that", why="it is no text or no number") from None

    def _first_line(self, error: Exception) -> str:
        """Of its message, without a secret."""
        line = next(iter(str(error).strip().splitlines()), "")
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return f"{type(error).__name__}: {line}"[:_MAX_MESSAGE]


def _interruption(error: BaseException) -> BaseException | None:
    """What ended the run while an error came, None when nothing did."""
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None or isinstance(cause, BudgetExhausted | KeyboardInterrupt):
            return cause
        cause = cause.__context__
    return None


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Where a URL points to: as people may see it, what of it nobody may see, and what psycopg connects by."""

    name: str
    secrets: tuple[str, ...] = field(repr=False)
    parameters: dict[str, str] = field(repr=False)


def parse_url(url: str) -> ServerUrl:
    """Raises StoreRefused when it is none of PostgreSQL."""
    match = _URL.fullmatch(url.strip())
    # A password with an @ of its own would end up in the name of the host, which everybody sees.
    if match is None or match["scheme"].lower() not in _SCHEMES or "@" in (match["host"] or ""):
        raise StoreRefused(
            "DATABASE_URL is not a URL of PostgreSQL", remedy="Give postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    options: dict[str, str] = {}
    for key, value in parse_qsl(match["query"] or ""):
        options[key] = f"{options[key]},{value}" if key in options else value
    password = unquote(match["password"] or "")
    host = match["ipv6"] or match["host"] or options.get("host") or "localhost"
    port = f":{match['port']}" if match["port"] else ""
    name = f"postgresql://{host}{port}/{match['dbname'] or ''}"
    texts = [text for text in (password, *options.values()) if text and text not in name]
    secrets = {each for text in texts for each in (text, quote(text))}
    named = {
        "host": match["ipv6"] or match["host"],
        "port": match["port"],
        "user": unquote(match["user"] or ""),
        "password": password,
        "dbname": match["dbname"],
    }
    parameters = {key: value for key, value in named.items() if value} | options
    return ServerUrl(name, tuple(sorted(secrets, key=len, reverse=True)), parameters)
