"""Entries in their chains, and the head of each chain."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "cicd_agent_entries",
        Column("repository", _word(), primary_key=True),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("prev", Text, nullable=False),
        Column("hash", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("kind", _word(), nullable=False),
        Column("event_id", _word(), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("mode", _word(), nullable=False),
        Column("sha", _word(), nullable=False),
        Column("pull", BigInteger, nullable=False),
        Column("decision", _word(), nullable=False),
        Column("risk_level", _word(), nullable=False),
    )
    op.create_index("cicd_agent_entries_sha", "cicd_agent_entries", ["sha"])
    op.create_index("cicd_agent_entries_at", "cicd_agent_entries", ["at"])
    op.create_index("cicd_agent_entries_repository", "cicd_agent_entries", ["repository", "at"])
    op.create_index("cicd_agent_entries_mode", "cicd_agent_entries", ["mode", "at"])
    op.create_index("cicd_agent_entries_decision", "cicd_agent_entries", ["decision", "at"])
    op.create_index("cicd_agent_entries_pull", "cicd_agent_entries", ["pull", "at"])
    op.create_table(
        "cicd_agent_heads",
        Column("repository", _word(), primary_key=True),
        Column("seq", BigInteger, nullable=False),
        Column("hash", Text, nullable=False),
    )


def downgrade() -> None:
    """Remove both; what they hold goes with them."""
    op.drop_table("cicd_agent_heads")
    op.drop_table("cicd_agent_entries")


def _word() -> Text:
    return Text().with_variant(Text(collation="C"), "postgresql")
