"""Takes the tables of the account book from one version to another, with alembic."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from cicd_agent.adapters.storage.sql.schema import BASE, REVISIONS, version

_SCRIPTS: Final = Path(__file__).parents[1] / "migrations"


def migrate(connection: Connection, revision: str) -> None:
    """Go up or down to a version, in the transaction of the connection: all of the way or none of it."""
    config = Config()
    # alembic reads a `%` as the beginning of a name.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    order = ("", BASE, *REVISIONS)
    if order.index(version(connection)) > order.index(revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
