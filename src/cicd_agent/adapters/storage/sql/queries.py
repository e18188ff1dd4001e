"""What is asked of the tables of the account book, and how their rows are read: they may hold anything."""

import json
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from cicd_agent.adapters.storage.records import MOST_NUMBER, fact_of
from cicd_agent.adapters.storage.sql.schema import ENTRIES, FACTS, HEADS
from cicd_agent.domain.audit_entry import Columns, Entry, Kind, Row, word
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import About, Wanted

_LAST: Final = "\U0010ffff"
"""Sorts after whatever else a word may go on with."""


def chain(repository: str, first: int) -> Select[Any]:
    """The entries of a repository by number. From the first on, also what no number should be."""
    asked = sa.select(ENTRIES).where(ENTRIES.c.repository == word(repository)).order_by(ENTRIES.c.seq)
    return asked.where(ENTRIES.c.seq >= min(first, MOST_NUMBER)) if first > 1 else asked


def end_of(repository: str) -> Select[Any]:
    """The head of a chain, held until the transaction ends, with the last of the entries beside it."""
    name = word(repository)
    last = sa.select(ENTRIES.c.seq).where(ENTRIES.c.repository == name).order_by(ENTRIES.c.seq.desc()).limit(1)
    beside = last.scalar_subquery().label("last"), last.with_only_columns(ENTRIES.c.hash).scalar_subquery()
    asked = sa.select(HEADS.c.seq, HEADS.c.hash, beside[0], beside[1].label("last_hash"))
    return asked.where(HEADS.c.repository == name).with_for_update(of=HEADS)


def found(wanted: Wanted) -> Select[Any]:
    """The entries that are asked for, newest first.

    One index serves each question: of what is asked, that of which there are the fewest leads, and the others are
    written so that no index fits them. A database without statistics would as soon read all of a repository.
    """
    table = ENTRIES.c
    words: tuple[tuple[ColumnElement[Any], str | int], ...] = (
        (table.event_id, wanted.event_id),
        (table.sha, wanted.sha),
        (table.pull, wanted.pull),
        (table.repository, wanted.repository),
        (table.decision, wanted.decision),
        (table.mode, wanted.mode),
        (table.kind, wanted.kind or ""),
    )
    given = [(column, value) for column, value in words if value]
    leading = next((column for column, _ in given if column is not table.kind), table.at)
    few = leading is table.event_id or leading is table.sha
    asked: list[ColumnElement[bool]] = []
    for column, value in given:
        served = column if column is leading or column is table.kind else _unserved(column)
        if column is table.sha:
            asked += [served >= word(wanted.sha), served < word(wanted.sha) + _LAST]
        else:
            asked.append(served == (word(value) if isinstance(value, str) else min(value, MOST_NUMBER)))
    at = _unserved(table.at) if few else table.at
    # Also where it says nothing: the index of what leads goes on with the time, and so begins at the newest.
    asked.append(at >= (min(wanted.since, MOST_NUMBER) or -MOST_NUMBER))
    if wanted.until:
        asked.append(at < min(wanted.until, MOST_NUMBER))
    order = at.desc(), table.seq.desc(), table.repository.desc()
    return sa.select(ENTRIES).where(*asked).order_by(*order).limit(min(max(wanted.most, 0), MOST_NUMBER))


def _unserved(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value, for which there is no index."""
    return column + 0 if isinstance(column.type, sa.BigInteger) else column + ""


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
