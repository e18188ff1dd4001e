"""Makes a large account book at once: the same entries and the same chain that one call after the other would make."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine

from cicd_agent.adapters.store_lines_file import told
from cicd_agent.adapters.store_sql_engine import postgres_place
from cicd_agent.adapters.store_sql_queries import entry_values
from cicd_agent.adapters.store_sql_schema import ENTRIES
from cicd_agent.core.audit import ZERO, Columns, Entry, Kind, Link, canonical, chained
from tests.stores.books import Book

REPOSITORIES = tuple(f"acme/project-{number}" for number in range(10))
_NAMES = tuple(column.name for column in ENTRIES.columns)
_MODES = (
    ("review", ("approve", "comment", "request_changes")),
    ("route", ("none", "affected", "full")),
    ("deploy-gate", ("proceed", "hold", "rollback")),
    ("analyse-failure", ("flaky", "regression", "infrastructure")),
)
_BODY = {
    "stages": {"ask": "2.10", "gather": "0.51", "verify": "0.02"},
    "usage": {"cached": 0, "input": 1200, "output": 300, "reasoning": 0, "requests": 2},
    "prompts": {"findings": "3"},
    "models": ["gpt-5.5"],
    "output": {"verdict": "lorem ipsum dolor sit amet " * 12},
}


def sha_of(number: int) -> str:
    """The commit that entry `number` is about: a run and what became of it are about the same."""
    return hashlib.sha256(str(number // 2).encode()).hexdigest()[:40]


def repository_of(number: int) -> str:
    """Ten of them by turns, a run and what became of it in the same."""
    return REPOSITORIES[number // 2 % 10]


def entries(count: int) -> Iterator[dict[str, Any]]:
    """Entries at their places, by column; ten chains by turns, every other entry the receipts of a run."""
    ends = {name: Link(name, 0, ZERO) for name in REPOSITORIES}
    for number in range(count):
        mode, decisions = _MODES[number // 2 % 4]
        repository = repository_of(number)
        columns = Columns(
            Kind.RECEIPTS if number % 2 else Kind.RUN,
            f"{number // 2 * 2}.1",
            1_700_000_000 + number * 30,
            mode,
            sha_of(number),
            number % 5_000 + 1,
            "" if number % 2 else decisions[number // 8 % 3],
            "" if number % 2 else ("low", "medium", "high")[number % 3],
        )
        words = {name: getattr(columns, name) for name in columns.__slots__}
        text = canonical({**words, **({} if number % 2 else _BODY), "repository": repository, "version": 1})
        end = ends[repository]
        digest = chained(repository, end.seq + 1, end.hash, text)
        ends[repository] = Link(repository, end.seq + 1, digest)
        yield entry_values(Entry(repository, text, columns), end.seq + 1, end.hash, digest)
    yield from ({"head": link} for link in ends.values() if link.seq)


def fill(book: Book, count: int) -> None:
    """Put so many entries into an empty book; indexes are made when all of them are there."""
    match book.kind:
        case "lines":
            _fill_lines(book, count)
        case "sqlite":
            _fill_sqlite(book, count)
        case _:
            _fill_postgres(book, count)


def _fill_lines(book: Book, count: int) -> None:
    with book.file.open("wb") as file:
        for entry in entries(count):
            if "head" not in entry:
                link = Link(entry["repository"], entry["seq"], entry["hash"])
                file.write(told(link, entry["prev"], entry["text"]))


def _fill_sqlite(book: Book, count: int) -> None:
    marks = ", ".join("?" * len(_NAMES))
    heads: list[tuple[Any, ...]] = []
    with _without_indexes(create_engine(f"sqlite:///{book.place}")), closing(sqlite3.connect(book.place)) as connection:
        connection.executemany(f"INSERT INTO {ENTRIES.name} VALUES ({marks})", _rows(count, heads))  # noqa: S608
        connection.executemany("INSERT INTO cicd_agent_heads VALUES (?, ?, ?)", heads)
        connection.commit()


def _fill_postgres(book: Book, count: int) -> None:
    heads: list[tuple[Any, ...]] = []
    with _without_indexes(create_engine(postgres_place(book.place)[0])), psycopg.connect(book.place) as connection:
        names = ", ".join(f'"{name}"' for name in _NAMES)
        with connection.cursor().copy(f"COPY {ENTRIES.name} ({names}) FROM STDIN".encode()) as copy:
            for row in _rows(count, heads):
                copy.write_row(row)
        connection.cursor().executemany("INSERT INTO cicd_agent_heads VALUES (%s, %s, %s)", heads)


def _rows(count: int, heads: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The entries as rows; in the end, what the heads are."""
    for entry in entries(count):
        if "head" in entry:
            heads.append((entry["head"].repository, entry["head"].seq, entry["head"].hash))
        else:
            yield tuple(entry[name] for name in _NAMES)


@contextmanager
def _without_indexes(engine: Engine) -> Iterator[None]:
    with engine.begin() as connection:
        for index in ENTRIES.indexes:
            index.drop(connection)
    yield
    with engine.begin() as connection:
        for index in ENTRIES.indexes:
            index.create(connection)
    engine.dispose()


def sizes(book: Book) -> str:
    """What it takes on the disk."""
    if book.kind != "postgresql":
        return f"{sum(path.stat().st_size for path in _files(book)) / 1e6:,.0f} MB"
    with psycopg.connect(book.place) as connection:
        found = connection.execute(
            "SELECT pg_total_relation_size('cicd_agent_entries'), pg_indexes_size('cicd_agent_entries')"
        ).fetchone()
    total, indexes = found or (0, 0)
    return f"{total / 1e6:,.0f} MB, {indexes / 1e6:,.0f} MB of it indexes"


def _files(book: Book) -> list[Path]:
    return [path for path in book.file.parent.glob(f"{book.file.name}*") if path.is_file()]
