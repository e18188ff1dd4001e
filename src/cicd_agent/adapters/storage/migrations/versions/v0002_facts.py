"""Facts that modes leave for each other, and entries found by the event of their run."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of facts, and the index."""
    op.create_index("cicd_agent_entries_event", "cicd_agent_entries", ["event_id"])
    op.create_table(
        "cicd_agent_facts",
        Column("key", _word(), primary_key=True),
        Column("repository", _word(), nullable=False),
        Column("kind", _word(), nullable=False),
        Column("subject", _word(), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("mode", _word(), nullable=False),
        Column("sha", _word(), nullable=False),
        Column("ref", _word(), nullable=False),
        Column("event_id", _word(), nullable=False),
        Column("values", Text, nullable=False),
    )
    op.create_index("cicd_agent_facts_kind", "cicd_agent_facts", ["repository", "kind", "at"])
    op.create_index("cicd_agent_facts_subject", "cicd_agent_facts", ["subject"])
    op.create_index("cicd_agent_facts_sha", "cicd_agent_facts", ["sha"])


def downgrade() -> None:
    """Remove both: facts are found again, entries stay."""
    op.drop_table("cicd_agent_facts")
    op.drop_index("cicd_agent_entries_event", "cicd_agent_entries")


def _word() -> Text:
    return Text().with_variant(Text(collation="C"), "postgresql")
