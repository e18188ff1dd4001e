"""Audit logs of every kind for the same tests, and what holds of a chain in any of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cicd_agent.adapters.storage.database import Database, parse_url
from cicd_agent.adapters.storage.postgres import PostgresServer
from cicd_agent.adapters.storage.sqlite import SqliteFile
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Row, entry_hash, parse_columns
from cicd_agent.domain.ports.storage import Removal, Store

REPOSITORY = "acme/shop"
SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Book:
    """Where one is kept: `place` is the path of a file or a URL."""

    kind: str
    place: str

    def open(self, patience: float = 20.0) -> Store:
        match self.kind:
            case "sqlite":
                return SqlStore.open(Path(self.place), patience=patience)
            case _:
                return SqlStore.open(self.place, patience=patience)

    @property
    def file(self) -> Path:
        """What holds the entries, where that is a file."""
        return Path(self.place)


def database_of(book: Book) -> Database:
    return SqliteFile(Path(book.place), 20) if book.kind == "sqlite" else PostgresServer(parse_url(book.place), 20)


def run(number: int = 0, repository: str = REPOSITORY, **told: Any) -> Entry:
    """What is entered of a run."""
    usual = {"kind": "run", "event_id": f"{number}.1", "at": 1_790_000_000 + number, "mode": "review", "sha": SHA}
    return Entry.of(repository, {**usual, "pull": 5, "decision": "approve", "risk_level": "low", **told})


def removal(pruned: Removal) -> Entry:
    told = {"kind": "prune", "at": pruned.before, "first": pruned.first, "last": pruned.last, "hash": pruned.hash}
    return Entry.of(pruned.repository, {**told, "before": pruned.before})


def unbroken(rows: Iterable[Row], prev: str = ZERO_HASH, seq: int = 0) -> int:
    """The number of entries of a chain, each tied to the one before and saying what its columns say."""
    count = 0
    for row in rows:
        seq += 1
        count += 1
        assert row.seq == seq
        assert row.prev == prev
        assert row.hash == entry_hash(row.repository, seq, prev, row.text)
        assert row.columns == parse_columns(row.text)
        prev = row.hash
    return count
