"""A database over DB-API 2: its connections, its transactions, and what its errors mean for who keeps the log there."""

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from typing import Any, Final, Protocol

from cicd_agent.errors import BudgetExhausted, StoreRefused

ERRORS: Final[dict[str, dict[str, tuple[str, str]]]] = tomllib.loads(
    files(__package__).joinpath("errors.toml").read_text("utf-8")
)
"""The reason of an error and its remedy, by kind and code."""
_MAX_MESSAGE: Final = 200
_MAX_CAUSES: Final = 20
_POOLED: Final = 2


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
        return statement.replace(" KEY NOT", f" {self.key_type} NOT")

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
