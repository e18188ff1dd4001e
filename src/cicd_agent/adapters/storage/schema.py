"""The tables of the audit log: numbered migrations, from an empty database to the newest version."""

from importlib.resources import files
from typing import Final

from cicd_agent.adapters.storage.database import Connection, Database
from cicd_agent.errors import StoreRefused

VERSION_TABLE: Final = "cicd_agent_schema"
_VERSIONS: Final = f"""CREATE TABLE {VERSION_TABLE} (
            version_num VARCHAR(32) NOT NULL,
            CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num)
        )"""


def _statements(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement for part in "\n".join(lines).split(";") if (statement := part.strip())]


MIGRATIONS: Final = {
    path.name.removesuffix(".sql"): _statements(path.read_text("utf-8"))
    for path in sorted(files(__package__).joinpath("migrations").iterdir(), key=lambda path: path.name)
}
"""The statements of each version, oldest first."""
NEWEST: Final = list(MIGRATIONS)[-1]


def schema_version(database: Database, connection: Connection) -> str | None:
    """The version of the tables: None where there are none, "" where the table of the version is empty."""
    if connection.execute(database.table_query, (VERSION_TABLE,)).fetchone() is None:
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
    """The statement that makes each table or view, on one line."""
    statements = [_VERSIONS, *(each for version in MIGRATIONS.values() for each in version)]
    lines = [
        " ".join(database.ddl(each).split()) for each in statements if each.startswith(("CREATE TABLE", "CREATE VIEW"))
    ]
    return {line.split()[2]: line for line in lines}
