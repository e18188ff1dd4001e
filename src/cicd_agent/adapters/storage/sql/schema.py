"""The tables of the account book, and how a database comes to have them in their newest version."""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Index, MetaData, String, Table, Text
from sqlalchemy.schema import CreateTable

from cicd_agent.errors import StoreRefused

REVISIONS: Final = ("0001", "0002")
"""Every version of the schema that was released, oldest first; each has its file in migrations/versions."""
BASE: Final = "base"
"""Before the oldest, as alembic calls it."""
VERSION_TABLE: Final = "cicd_agent_schema"
_TURNSTILE: Final = 4_927_301_118
"""The number of the lock under which PostgreSQL lets one process at a time change the tables: any would do."""


def word() -> Text:
    """Text that is searched for and sorted, by its bytes: an index serves the beginning of a word, everywhere alike."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def number() -> sa.BigInteger:
    """A whole number; in SQLite they are all of one kind."""
    return sa.BigInteger()


METADATA: Final = MetaData()
# A database of a fleet may hold other tables, those of other tools that use alembic among them.
ENTRIES: Final = Table(
    "cicd_agent_entries",
    METADATA,
    Column("repository", word(), primary_key=True),
    Column("seq", number(), primary_key=True, autoincrement=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("kind", word(), nullable=False),
    Column("event_id", word(), nullable=False),
    Column("at", number(), nullable=False),
    Column("mode", word(), nullable=False),
    Column("sha", word(), nullable=False),
    Column("pull", number(), nullable=False),
    Column("decision", word(), nullable=False),
    Column("risk_level", word(), nullable=False),
    Index("cicd_agent_entries_sha", "sha"),
    Index("cicd_agent_entries_at", "at"),
    Index("cicd_agent_entries_repository", "repository", "at"),
    Index("cicd_agent_entries_mode", "mode", "at"),
    Index("cicd_agent_entries_decision", "decision", "at"),
    Index("cicd_agent_entries_pull", "pull", "at"),
    Index("cicd_agent_entries_event", "event_id"),
)
HEADS: Final = Table(
    "cicd_agent_heads",
    METADATA,
    Column("repository", word(), primary_key=True),
    Column("seq", number(), nullable=False),
    Column("hash", Text, nullable=False),
)
FACTS: Final = Table(
    "cicd_agent_facts",
    METADATA,
    # What a fact replaces another one by, digested: the words together may be longer than an index holds.
    Column("key", word(), primary_key=True),
    Column("repository", word(), nullable=False),
    Column("kind", word(), nullable=False),
    Column("subject", word(), nullable=False),
    Column("at", number(), nullable=False),
    Column("mode", word(), nullable=False),
    Column("sha", word(), nullable=False),
    Column("ref", word(), nullable=False),
    Column("event_id", word(), nullable=False),
    Column("values", Text, nullable=False),
    Index("cicd_agent_facts_kind", "repository", "kind", "at"),
    Index("cicd_agent_facts_subject", "subject"),
    Index("cicd_agent_facts_sha", "sha"),
)
_VERSION: Final = Table(
    VERSION_TABLE,
    METADATA,
    # As alembic makes it.
    Column("version_num", String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


def statements(dialect: sa.Dialect) -> dict[str, str]:
    """What makes each table, by its name, on one line."""
    return {
        table.name: " ".join(str(CreateTable(table).compile(dialect=dialect)).split())
        for table in METADATA.sorted_tables
    }


def version(connection: Connection) -> str:
    """Of its tables, "" where there are none, BASE where all were taken away."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = connection.execute(sa.select(_VERSION.c.version_num).limit(2)).scalars().all()
    return (str(found[0]) if len(found) == 1 else "") or "unknown" if found else BASE


def bring_up_to_date(
    connection: Connection, place: str, migrate: Callable[[Connection, str], None] | None = None
) -> None:
    """Make the tables, or change older ones, in the transaction of a connection that writes.

    Raises StoreRefused when they are of a version that is not known here.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURNSTILE)))
    # Another process may have made them before this one had its turn.
    found = version(connection)
    if found == REVISIONS[-1]:
        return
    if not found:
        create(connection)
    elif found in {BASE, *REVISIONS}:
        (migrate or _migrated)(connection, REVISIONS[-1])
    else:
        raise StoreRefused(
            f"{place} is of a newer cicd-agent",
            why=f"its schema is {found[:32]!a}, the newest known here is {REVISIONS[-1]}",
            remedy="Update cicd-agent, or give another place",
        )


def create(connection: Connection) -> None:
    """Every table in its newest version, without alembic, which takes a second to load."""
    METADATA.create_all(connection, checkfirst=False)
    connection.execute(_VERSION.insert(), {"version_num": REVISIONS[-1]})


def _migrated(connection: Connection, revision: str) -> None:
    from cicd_agent.adapters.storage.sql.migrate import migrate  # noqa: PLC0415  it is slow, and hardly ever needed

    migrate(connection, revision)
