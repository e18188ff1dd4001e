"""The account book in SQLite or PostgreSQL."""

from pathlib import Path

from cicd_agent.core.ports_store import Store


class SqlStore(Store):
    """The book in a database."""

    @classmethod
    def open(cls, place: str | Path) -> "SqlStore":
        """Open a database by its URL, or a SQLite file by its path; its schema is brought up to date."""
        raise NotImplementedError
