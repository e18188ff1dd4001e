"""Makes a large audit log at once: the same entries and the same chains that one call after the other would make."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from cicd_agent.adapters.storage.queries import ENTRY_COLUMNS, entry_values
from cicd_agent.domain.audit_entry import VERSION, ZERO_HASH, Columns, Entry, Kind, canonical_json, entry_hash
from tests.adapters.storage.books import Book

REPOSITORIES = tuple(f"acme/project-{number}" for number in range(10))
ENTRIES, HEADS = "cicd_agent_entries", "cicd_agent_heads"
_MODES = (
    ("review", ("approve", "comment", "request_changes")),
    ("route", ("none", "affected", "full")),
    ("deploy-gate", ("proceed", "hold", "rollback")),
    ("analyse-failure", ("flaky", "regression", "infrastructure")),
)
_RUN: dict[str, Any] = {
    "kind": "run",
    "stages": {"ask": "2.10", "gather": "0.51", "verify": "0.02"},
    "usage": {"cached": 0, "input": 1200, "output": 300, "reasoning": 0, "requests": 2},
    "prompts": {"findings": "3"},
    "models": ["gpt-5.5"],
    "exit": 0,
    "output": {"verdict": "lorem ipsum dolor sit amet " * 12},
}
_RECEIPTS: dict[str, Any] = {
    "kind": "receipts",
    "exit": 0,
    "receipts": [{"detail": "", "key": "review-summary", "kind": "comment", "state": "done", "url": ""}],
}


def sha_of(run: int) -> str:
    """The commit that a run is about, and what became of it."""
    return hashlib.sha256(str(run).encode()).hexdigest()[:40]


def event_of(run: int) -> str:
    """What names the run, and what became of it."""
    return f"{run}.1"


def place_of(run: int) -> tuple[str, int]:
    """The repository of a run, ten of them by turns, and its number there: the next one is what became of it."""
    return REPOSITORIES[run % 10], run // 10 * 2 + 1


def pull_of(run: int) -> int:
    """Each repository has some thousands."""
    return run // 10 % 5_000 + 1


def entries(count: int) -> Iterator[tuple[Any, ...]]:
    """Entries at their places, by column: after each run what became of it, in the same chain."""
    ends = dict.fromkeys(REPOSITORIES, ZERO_HASH)
    for number in range(count):
        entry, seq = entry_of(number)
        prev = ends[entry.repository]
        ends[entry.repository] = entry_hash(entry.repository, seq, prev, entry.text)
        yield entry_values(entry, seq, prev, ends[entry.repository])


def entry_of(number: int) -> tuple[Entry, int]:
    """One of them with its number in its chain, the same as `Entry.of` makes of `told_of`, in a fifth of the time."""
    run, follows = divmod(number, 2)
    repository, of = place_of(run)
    kind, mode = Kind.RECEIPTS if follows else Kind.RUN, _mode(run)
    decision, risk = ("", "") if follows else (_decision(run), _risk(run))
    columns = Columns(kind, event_of(run), _at(run), mode, sha_of(run), pull_of(run), decision, risk)
    filled = {"at": columns.at, "event_id": columns.event_id, "of": of, "pull": columns.pull, "sha": columns.sha}
    text = _form(kind, mode, decision, risk) % {**filled, "repository": repository}
    return Entry(repository, text, columns), of + follows


def told_of(number: int) -> dict[str, Any]:
    """What an entry says, without its repository."""
    run, follows = divmod(number, 2)
    about = {"at": _at(run), "event_id": event_of(run), "mode": _mode(run), "pull": pull_of(run), "sha": sha_of(run)}
    if follows:
        return {**about, **_RECEIPTS, "of": place_of(run)[1]}
    return {**about, **_RUN, "decision": _decision(run), "risk_level": _risk(run)}


@cache
def _form(kind: Kind, mode: str, decision: str, risk: str) -> str:
    """The text of such entries, less what each has of its own."""
    words = {name: f"%({name})s" for name in ("event_id", "repository", "sha")}
    numbers = {name: f"%({name})d" for name in ("at", "of", "pull")}
    same = {**_RECEIPTS, "mode": mode} if kind is Kind.RECEIPTS else {**_RUN, "mode": mode, "decision": decision}
    if kind is Kind.RUN:
        same["risk_level"] = risk
        del numbers["of"]
    text = canonical_json({**same, **words, **numbers, "version": VERSION})
    for mark in numbers.values():
        text = text.replace(f'"{mark}"', mark)
    return text


def _at(run: int) -> int:
    return 1_700_000_000 + run * 60


def _mode(run: int) -> str:
    """All of them by turns in each repository, too."""
    return _MODES[(run + run // 10) % 4][0]


def _decision(run: int) -> str:
    return _MODES[(run + run // 10) % 4][1][run // 4 % 3]


def _risk(run: int) -> str:
    return ("low", "medium", "high")[run % 3]


def fill(book: Book, count: int) -> None:
    """Put so many entries into an empty book; indexes are made when all of them are there."""
    match book.kind:
        case "sqlite":
            _fill_sqlite(book, count)
        case _:
            _fill_postgres(book, count)


def _fill_sqlite(book: Book, count: int) -> None:
    """Without a log, and without waiting for the disk: what is half made is thrown away."""
    heads: dict[str, tuple[int, str]] = {}
    with closing(sqlite3.connect(book.place, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        made = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql > ''").fetchall()
        connection.execute("BEGIN")
        for name, _ in made:
            connection.execute(f'DROP INDEX "{name}"')
        marks = ", ".join("?" * len(ENTRY_COLUMNS))
        connection.executemany(f"INSERT INTO {ENTRIES} VALUES ({marks})", _rows(count, heads))  # noqa: S608
        connection.executemany(f"INSERT INTO {HEADS} VALUES (?, ?, ?)", _ends(heads))  # noqa: S608
        for _, statement in made:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()


def _fill_postgres(book: Book, count: int) -> None:
    heads: dict[str, tuple[int, str]] = {}
    with psycopg.connect(book.place) as connection, _later(connection), connection.cursor() as cursor:
        columns = sql.SQL(", ").join(map(sql.Identifier, ENTRY_COLUMNS))
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(ENTRIES), columns)
        with cursor.copy(into) as copy:
            for row in _rows(count, heads):
                copy.write_row(row)
        cursor.executemany(sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(sql.Identifier(HEADS)), _ends(heads))


@contextmanager
def _later(connection: psycopg.Connection) -> Iterator[None]:
    """Without the indexes until the end, but for that of the key, which is no index alone."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE %s",
        (ENTRIES, "%pkey"),
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for _, statement in found:
        connection.execute(statement.encode())


def analyse(book: Book) -> str:
    """Have a server look at what it holds, as it does by itself a minute after so much was written; says so."""
    if book.kind != "postgresql":
        return ""
    with psycopg.connect(book.place, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return "VACUUM ANALYZE was run, as autovacuum does after so much was written"


def _rows(count: int, heads: dict[str, tuple[int, str]]) -> Iterator[tuple[Any, ...]]:
    """The entries as rows; in the end, what the heads are."""
    for entry in entries(count):
        repository, seq, _, digest, *_ = entry
        heads[repository] = (seq, digest)
        yield entry


def _ends(heads: dict[str, tuple[int, str]]) -> Iterator[tuple[str, int, str]]:
    """Looked at once the rows are there."""
    return ((name, *end) for name, end in heads.items())


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
