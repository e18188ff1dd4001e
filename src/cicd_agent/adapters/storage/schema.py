"""The tables of the audit log: numbered migrations, from an empty database to the newest version."""

from typing import Final

from cicd_agent.adapters.storage.database import Connection, Database
from cicd_agent.errors import StoreRefused

VERSION_TABLE: Final = "cicd_agent_schema"
# KEY is text that is searched for and sorted by its bytes, so that an index serves the beginning of a word everywhere
# alike. A database of a fleet may hold other tables: ours have a prefix. What was released is never changed again; a
# SQLite file whose tables were made by other statements than these is refused.
MIGRATIONS: Final[dict[str, tuple[str, ...]]] = {
    "0001": (
        """CREATE TABLE cicd_agent_entries (
            repository KEY NOT NULL,
            seq BIGINT NOT NULL,
            prev TEXT NOT NULL,
            hash TEXT NOT NULL,
            text TEXT NOT NULL,
            kind KEY NOT NULL,
            event_id KEY NOT NULL,
            at BIGINT NOT NULL,
            mode KEY NOT NULL,
            sha KEY NOT NULL,
            pull BIGINT NOT NULL,
            decision KEY NOT NULL,
            risk_level KEY NOT NULL,
            PRIMARY KEY (repository, seq)
        )""",
        "CREATE INDEX cicd_agent_entries_sha ON cicd_agent_entries (sha)",
        "CREATE INDEX cicd_agent_entries_at ON cicd_agent_entries (at)",
        "CREATE INDEX cicd_agent_entries_repository ON cicd_agent_entries (repository, at)",
        "CREATE INDEX cicd_agent_entries_mode ON cicd_agent_entries (mode, at)",
        "CREATE INDEX cicd_agent_entries_decision ON cicd_agent_entries (decision, at)",
        "CREATE INDEX cicd_agent_entries_pull ON cicd_agent_entries (pull, at)",
        """CREATE TABLE cicd_agent_heads (
            repository KEY NOT NULL,
            seq BIGINT NOT NULL,
            hash TEXT NOT NULL,
            PRIMARY KEY (repository)
        )""",
    ),
    "0002": (
        "CREATE INDEX cicd_agent_entries_event ON cicd_agent_entries (event_id)",
        # `key` is what a fact replaces another one by, digested: the texts together may be longer than an index holds.
        """CREATE TABLE cicd_agent_facts (
            "key" KEY NOT NULL,
            repository KEY NOT NULL,
            kind KEY NOT NULL,
            subject KEY NOT NULL,
            at BIGINT NOT NULL,
            mode KEY NOT NULL,
            sha KEY NOT NULL,
            ref KEY NOT NULL,
            event_id KEY NOT NULL,
            "values" TEXT NOT NULL,
            PRIMARY KEY ("key")
        )""",
        "CREATE INDEX cicd_agent_facts_kind ON cicd_agent_facts (repository, kind, at)",
        "CREATE INDEX cicd_agent_facts_subject ON cicd_agent_facts (subject)",
        "CREATE INDEX cicd_agent_facts_sha ON cicd_agent_facts (sha)",
    ),
}
"""The statements of each version, oldest first."""
NEWEST: Final = list(MIGRATIONS)[-1]
_VERSIONS: Final = f"""CREATE TABLE {VERSION_TABLE} (
            version_num VARCHAR(32) NOT NULL,
            CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num)
        )"""


def schema_version(database: Database, connection: Connection) -> str | None:
    """The version of the tables: None where there are none, "" where the table of the version is empty."""
    if not database.has_table(connection, VERSION_TABLE):
        return None
    rows = connection.execute(f"SELECT version_num FROM {VERSION_TABLE} LIMIT 2").fetchall()
    if not rows:
        return ""
    return (str(rows[0][0]) if len(rows) == 1 else "") or "unknown"


def migrate(database: Database, connection: Connection, target: str = NEWEST) -> None:
    """Make the tables, or bring older ones up to date, in the transaction of a connection that writes.

    Raises StoreRefused when they are of a version that is not known here.
    """
    database.lock_schema(connection)
    # Another process may have made them before this one had its turn.
    current = schema_version(database, connection)
    if current and current not in MIGRATIONS:
        raise StoreRefused(
            f"{database.location} is of a newer cicd-agent",
            why=f"its schema is {current[:32]!a}, the newest known here is {NEWEST}",
            remedy="Update cicd-agent, or give another place",
        )
    if current is None:
        connection.execute(_VERSIONS)
    for version, statements in MIGRATIONS.items():
        if (current or "") < version <= target:
            for statement in statements:
                connection.execute(database.ddl(statement))
    if not current:
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('{target}')")
    elif current < target:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{target}'")


def table_statements(database: Database) -> dict[str, str]:
    """The statement that makes each table, on one line."""
    statements = [_VERSIONS, *(each for version in MIGRATIONS.values() for each in version)]
    lines = [" ".join(database.ddl(each).split()) for each in statements if each.startswith("CREATE TABLE")]
    return {line.split()[2]: line for line in lines}
