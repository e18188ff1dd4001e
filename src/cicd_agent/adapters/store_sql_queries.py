"""What is asked of the tables of the account book, and how their rows are read: they may hold anything."""

import json
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from cicd_agent.adapters.store_shapes import MOST_NUMBER, fact_of
from cicd_agent.adapters.store_sql_schema import ENTRIES, FACTS, HEADS
from cicd_agent.core.audit import Columns, Entry, Kind, Row, word
from cicd_agent.core.facts import Fact
from cicd_agent.core.ports_store import About, Wanted

_LAST: Final = "\U0010ffff"
"""Sorts after whatever else a word may go on with."""


def chain(repository: str, first: int) -> Select[Any]:
    """The entries of a repository by number. From the first on, also what no number should be."""
    asked = sa.select(ENTRIES).where(ENTRIES.c.repository == word(repository)).order_by(ENTRIES.c.seq)
    return asked.where(ENTRIES.c.seq >= min(first, MOST_NUMBER)) if first > 1 else asked


def found(wanted: Wanted) -> Select[Any]:
    """The entries that are asked for, newest first."""
    table = ENTRIES.c
    words = (
        (table.repository, wanted.repository),
        (table.kind, wanted.kind or ""),
        (table.event_id, wanted.event_id),
        (table.mode, wanted.mode),
        (table.decision, wanted.decision),
    )
    asked: list[ColumnElement[bool]] = [column == word(text) for column, text in words if text]
    if wanted.sha:
        beginning = word(wanted.sha)
        asked += [table.sha >= beginning, table.sha < beginning + _LAST]
    if wanted.pull:
        asked.append(table.pull == min(wanted.pull, MOST_NUMBER))
    if wanted.since:
        asked.append(table.at >= min(wanted.since, MOST_NUMBER))
    if wanted.until:
        asked.append(table.at < min(wanted.until, MOST_NUMBER))
    # Of a commit or an event there are few: they are to be found and then sorted, not met while reading by time.
    newest = table.at + 0 if wanted.sha or wanted.event_id else table.at
    most = min(max(wanted.most, 0), MOST_NUMBER)
    return (
        sa.select(ENTRIES).where(*asked).order_by(newest.desc(), table.seq.desc(), table.repository.desc()).limit(most)
    )


def repositories() -> Select[Any]:
    """Every repository that has entries or a head, in order; entries of one are stepped over at once."""
    name = ENTRIES.c.repository
    known = sa.select(sa.func.min(name).label("name")).cte("known", recursive=True)
    following = sa.select(sa.func.min(name)).where(name > known.c.name).scalar_subquery()
    known = known.union_all(sa.select(following).where(known.c.name.is_not(None)))
    both = sa.union(sa.select(known.c.name), sa.select(HEADS.c.repository)).subquery()
    return sa.select(both.c.name).where(both.c.name.is_not(None)).order_by(both.c.name)


def known_facts(about: About) -> Select[Any]:
    """The facts that are asked for, newest first."""
    table = FACTS.c
    words = (
        (table.repository, about.repository),
        (table.kind, about.kind or ""),
        (table.subject, about.subject),
        (table.sha, about.sha),
    )
    asked = [column == word(text) for column, text in words if text or column is table.repository]
    most = min(max(about.most, 0), MOST_NUMBER)
    return sa.select(FACTS).where(*asked).order_by(table.at.desc(), table.key).limit(most)


def entry_values(entry: Entry, seq: int, prev: str, digest: str) -> dict[str, Any]:
    """An entry at its place, by column."""
    columns = entry.columns
    return {
        "repository": entry.repository,
        "seq": seq,
        "prev": prev,
        "hash": digest,
        "text": entry.text,
        "kind": columns.kind.value,
        "event_id": word(columns.event_id),
        "at": columns.at,
        "mode": word(columns.mode),
        "sha": word(columns.sha),
        "pull": columns.pull,
        "decision": word(columns.decision),
        "risk_level": word(columns.risk_level),
    }


def row_of(told: sa.Row[Any]) -> Row:
    """An entry as it stands. A number that is none is one that no entry has."""
    stands = dict(told._mapping)  # noqa: SLF001  the public name of it, says its documentation
    known = stands["kind"] in _KINDS
    columns = Columns(
        Kind(stands["kind"]) if known else Kind.RUN,
        _text(stands["event_id"]),
        # Of a kind that there is not: whatever the text says of itself, this is not it.
        _number(stands["at"]) if known else -1,
        _text(stands["mode"]),
        _text(stands["sha"]),
        _number(stands["pull"]),
        _text(stands["decision"]),
        _text(stands["risk_level"]),
    )
    seq = max(_number(stands["seq"]), 0)
    link = _text(stands["prev"]), _text(stands["hash"])
    return Row(_text(stands["repository"]), seq, *link, _text(stands["text"]), columns)


def stored_fact(told: sa.Row[Any]) -> Fact | None:
    """A fact as it stands, None when it is none."""
    stands = dict(told._mapping)  # noqa: SLF001
    try:
        values = json.loads(stands["values"])
    except (ValueError, TypeError, RecursionError):
        return None
    return fact_of({**stands, "values": values})


_KINDS: Final = frozenset(kind.value for kind in Kind)


def _text(value: Any) -> str:
    """SQLite keeps in a column of texts what it is given."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
