"""Chains of entries for tests: valid ones of any length, and hands that change them as somebody with the file could."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Row, canonical_json, entry_hash, parse_columns
from cicd_agent.domain.ports.storage import Removal
from tests.support.fakes.store import FakeStore

SHOP = "acme/shop"
START = 1_790_000_000
DAY = 86_400


def run(number: int, repository: str = SHOP, **more: Any) -> Entry:
    """What a review enters; `more` is put in place of its fields, or beside them."""
    told = {
        "kind": "run",
        "event_id": f"{number}.1",
        "at": START + number * DAY,
        "mode": "review",
        "decision": "approve",
        "sha": f"{number:08x}" * 5,
        "pull": number,
        "risk_level": "low",
    }
    return Entry.of(repository, told | more)


def receipts(number: int, of: object, repository: str = SHOP, **more: Any) -> Entry:
    """What became of it."""
    told = {"kind": "receipts", "of": of, "event_id": f"{number}.1", "at": START + number * DAY, "receipts": []}
    return Entry.of(repository, told | more)


def pruning(number: int) -> Any:
    """What makes the entry of a removal, as the command does."""

    def entry(pruned: Removal) -> Entry:
        told = {"first": pruned.first, "last": pruned.last, "hash": pruned.hash, "before": pruned.before}
        return Entry.of(pruned.repository, {"kind": "prune", "at": START + number * DAY, **told})

    return entry


def book(length: int = 12, repository: str = SHOP) -> FakeStore:
    """A chain of so many entries: each run is followed by what became of it."""
    store = FakeStore()
    for number in range(1, length + 1):
        entry = receipts(number, number - 1, repository) if number % 2 == 0 else run(number, repository)
        store.append(entry)
    return store


def edited(row: Row, **told: Any) -> Row:
    """Its text changed, with the columns that belong to it."""
    text = canonical_json({**_object(row), **told})
    return replace(row, text=text, columns=parse_columns(text))


def rehashed(row: Row) -> Row:
    """With the hash that it should have as it stands."""
    return replace(row, hash=entry_hash(row.repository, row.seq, row.prev, row.text))


def rewritten(rows: Sequence[Row], start: int = 0) -> list[Row]:
    """All rows from `start` on chained anew, as somebody who has read the source would do it."""
    made = list(rows[:start])
    for row in rows[start:]:
        prev = made[-1].hash if made else row.prev
        made.append(rehashed(replace(row, seq=made[-1].seq + 1 if made else row.seq, prev=prev)))
    return made


def forged(seq: int, prev: str = ZERO_HASH, decision: str = "approve") -> Row:
    """An entry that nobody has entered, with a hash that is right for where it pretends to be."""
    entry = run(900 + seq, decision=decision, risk_level="high")
    return rehashed(Row(SHOP, seq, prev, "", entry.text, entry.columns))


def _object(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.text)
    return found
