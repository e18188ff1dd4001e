"""Queries for the tables of the audit log, what their rows can hold, and how they are read: they may hold anything."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, Strict

from cicd_agent.domain.audit_entry import MAX_KEY, ZERO_HASH, Columns, Entry, Kind, Link, Row, fact_key, key_text
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import EntryQuery, FactQuery
from cicd_agent.errors import StoreRefused

MAX_NUMBER: Final = 2**53
"""Whole numbers below are stored."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def _quoted(names: Sequence[str], table: str = "") -> str:
    return ", ".join(f'{table}"{name}"' for name in names)


ENTRY_COLUMNS: Final = (
    *("repository", "seq", "prev", "hash", "text", "kind", "event_id"),
    *("at", "mode", "sha", "pull", "decision", "risk_level"),
)
FACT_COLUMNS: Final = ("key", "repository", "kind", "subject", "at", "mode", "sha", "ref", "event_id", "values")
_ENTRIES: Final = f"SELECT {', '.join(ENTRY_COLUMNS)} FROM cicd_agent_entries"
_FACTS: Final = f"SELECT {_quoted(FACT_COLUMNS)} FROM cicd_agent_facts"
_LAST: Final = "\U0010ffff"
"""Sorts after whatever else a word may go on with."""
_KINDS: Final = frozenset(kind.value for kind in Kind)

INSERT_ENTRY: Final = (
    f"INSERT INTO cicd_agent_entries ({', '.join(ENTRY_COLUMNS)}) VALUES ({', '.join('?' * len(ENTRY_COLUMNS))})"
)
MOVE_HEAD: Final = "UPDATE cicd_agent_heads SET seq = ?, hash = ? WHERE repository = ?"
INSERT_HEAD: Final = "INSERT INTO cicd_agent_heads (repository, seq, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
SELECT_HEAD: Final = "SELECT seq, hash FROM cicd_agent_heads WHERE repository = ?"
_LAST_ENTRY: Final = "FROM cicd_agent_entries WHERE repository = ? ORDER BY seq DESC LIMIT 1"
CHAIN_END: Final = (
    f"SELECT seq, hash, (SELECT seq {_LAST_ENTRY}), (SELECT hash {_LAST_ENTRY})"
    " FROM cicd_agent_heads WHERE repository = ?"
)
"""The head of a chain, with the last of its entries beside it; the repository three times."""
REPOSITORIES: Final = """
    WITH RECURSIVE known (name) AS (
        SELECT min(repository) FROM cicd_agent_entries
        UNION ALL
        SELECT (SELECT min(repository) FROM cicd_agent_entries WHERE repository > known.name)
        FROM known WHERE known.name IS NOT NULL
    )
    SELECT name FROM (SELECT name FROM known UNION SELECT repository FROM cicd_agent_heads) AS names
    WHERE name IS NOT NULL ORDER BY name
"""
"""Every repository that has entries or a head, in order; entries of one are stepped over at once."""
_REPLACED: Final = ("at", "ref", "event_id", "values")
UPSERT_FACT: Final = (
    f"INSERT INTO cicd_agent_facts ({_quoted(FACT_COLUMNS)}) VALUES ({', '.join('?' * len(FACT_COLUMNS))})"
    f' ON CONFLICT ("key") DO UPDATE SET ({_quoted(_REPLACED)}) = ({_quoted(_REPLACED, "excluded.")})'
)

Statement = tuple[str, Sequence[str | int]]
"""SQL with its parameters marked by `?`, and these."""


def select_chain(repository: str, first: int) -> Statement:
    """The entries of a repository by number. From the first on, also what no number should be."""
    if first > 1:
        parameters = (key_text(repository), min(first, MAX_NUMBER))
        return f"{_ENTRIES} WHERE repository = ? AND seq >= ? ORDER BY seq", parameters
    return f"{_ENTRIES} WHERE repository = ? ORDER BY seq", (key_text(repository),)


def select_entry(repository: str, seq: int) -> Statement:
    return f"{_ENTRIES} WHERE repository = ? AND seq = ?", (key_text(repository), clamp(seq))


def select_entries(query: EntryQuery) -> Statement:
    """The entries that match, newest first.

    One index serves each query: of the columns that are given, the one with the fewest entries of a value leads, and
    the others are written so that no index fits them. A database without statistics would as soon read all of a
    repository.
    """
    values: tuple[tuple[str, str | int], ...] = (
        ("event_id", query.event_id),
        ("sha", query.sha),
        ("pull", query.pull),
        ("repository", query.repository),
        ("decision", query.decision),
        ("risk_level", query.risk_level),
        ("mode", query.mode),
        ("kind", query.kind or ""),
    )
    given = [(column, value) for column, value in values if value]
    leading = next((column for column, _ in given if column not in {"kind", "risk_level"}), "at")
    conditions: list[str] = []
    parameters: list[str | int] = []
    for column, value in given:
        # An expression has no index.
        unindexed = f"{column} + 0" if isinstance(value, int) else f"{column} || ''"
        served = column if column in {leading, "kind"} else unindexed
        if column == "sha":
            conditions.append(f"{served} >= ? AND {served} < ?")
            parameters += [key_text(query.sha), key_text(query.sha) + _LAST]
        else:
            conditions.append(f"{served} = ?")
            parameters.append(key_text(value) if isinstance(value, str) else min(value, MAX_NUMBER))
    at = "at + 0" if leading in {"event_id", "sha"} else "at"
    # Also where it excludes nothing: the index of what leads goes on with the time, and so begins at the newest.
    conditions.append(f"{at} >= ?")
    parameters.append(min(query.since, MAX_NUMBER) or -MAX_NUMBER)
    if query.until:
        conditions.append(f"{at} < ?")
        parameters.append(min(query.until, MAX_NUMBER))
    parameters.append(min(max(query.limit, 0), MAX_NUMBER))
    order = f"{at} DESC, seq DESC, repository DESC"
    return f"{_ENTRIES} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?", parameters


def select_facts(query: FactQuery) -> Statement:
    """The facts that match, newest first."""
    values = {"kind": query.kind or "", "subject": query.subject, "sha": query.sha}
    given = {"repository": query.repository} | {column: value for column, value in values.items() if value}
    conditions = " AND ".join(f"{column} = ?" for column in given)
    parameters: list[str | int] = [key_text(value) for value in given.values()]
    parameters.append(min(max(query.limit, 0), MAX_NUMBER))
    return f'{_FACTS} WHERE {conditions} ORDER BY at DESC, "key" LIMIT ?', parameters


def clamp(number: int) -> int:
    """A number that a database takes; none that it holds is as large."""
    return max(-1, min(number, MAX_NUMBER))


def entry_values(entry: Entry, seq: int, prev: str, digest: str) -> tuple[str | int, ...]:
    """An entry at its place, by ENTRY_COLUMNS."""
    columns = entry.columns
    key = (key_text(columns.event_id), columns.at, key_text(columns.mode), key_text(columns.sha), columns.pull)
    decision = (key_text(columns.decision), key_text(columns.risk_level))
    return (entry.repository, seq, prev, digest, entry.text, columns.kind.value, *key, *decision)


def parse_row(values: Sequence[Any]) -> Row:
    """An entry as it is stored. A number that is none is one that no entry has."""
    stored = dict(zip(ENTRY_COLUMNS, values, strict=True))
    texts = {name: _text(value) for name, value in stored.items()}
    # Of a kind that there is not: whatever the text says of itself, this is not it.
    is_known = stored["kind"] in _KINDS
    columns = Columns(
        Kind(stored["kind"]) if is_known else Kind.RUN,
        texts["event_id"],
        _number(stored["at"]) if is_known else -1,
        texts["mode"],
        texts["sha"],
        _number(stored["pull"]),
        texts["decision"],
        texts["risk_level"],
    )
    seq = max(_number(stored["seq"]), 0)
    return Row(texts["repository"], seq, texts["prev"], texts["hash"], texts["text"], columns)


def check_entry(entry: Entry) -> Entry:
    """The entry, if every store can hold it. Raises StoreRefused."""
    numbers = entry.columns.at, entry.columns.pull
    name = entry.repository
    if not name or name != key_text(name):
        reason = f"the name of its repository is empty, no text, or longer than {MAX_KEY} characters"
    elif entry.text.encode("utf-8", "replace") != entry.text.encode("utf-8", "surrogatepass") or "\0" in entry.text:
        reason = "it is no text"
    elif not all(0 <= number < MAX_NUMBER for number in numbers):
        reason = "its time or its pull request is no number of this world"
    else:
        return entry
    raise StoreRefused("an entry cannot be kept", why=reason)


def next_number(end: Link) -> int:
    """The number of the entry after the end of a chain. Raises StoreRefused where there is none."""
    if end.seq >= MAX_NUMBER - 1:
        raise StoreRefused(
            f"the chain of {end.repository} cannot go on",
            why=f"it has come to number {end.seq}, which it cannot have reached by itself",
            remedy="See what `cicd-agent audit verify` says, and give another place",
        )
    return end.seq + 1


def valid_hash(value: object) -> str:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else ZERO_HASH


def fact_values(fact: Fact) -> tuple[str | int, ...]:
    """A fact by FACT_COLUMNS; of a time that is no number nothing is left."""
    at = fact.at if 0 <= fact.at < MAX_NUMBER else 0
    texts = (key_text(text) for text in (fact.mode, fact.sha, fact.ref, fact.event_id))
    values = json.dumps({str(name): str(value) for name, value in fact.values.items()}, sort_keys=True)
    return (fact_key(fact), key_text(fact.repository), fact.kind.value, key_text(fact.subject), at, *texts, values)


class _StoredFact(BaseModel):
    """What the columns of a fact must be."""

    model_config = ConfigDict(strict=True, extra="ignore")

    repository: str
    kind: Annotated[FactKind, Strict(strict=False)]
    subject: str
    at: Annotated[int, Field(ge=0, lt=MAX_NUMBER)]
    mode: str
    sha: str
    ref: str
    event_id: str
    values: str


def parse_fact(values: Sequence[Any]) -> Fact | None:
    """A fact as it is stored; None when anything in it is not what a fact has."""
    try:
        stored = _StoredFact.model_validate(dict(zip(FACT_COLUMNS, values, strict=True)))
        texts = json.loads(stored.values)
    except (ValueError, RecursionError):
        return None
    if not isinstance(texts, dict):
        return None
    return Fact(**dict(stored) | {"values": {name: str(value) for name, value in texts.items()}})


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
