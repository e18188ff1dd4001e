"""Runs migrations on the connection that it is given; alembic loads this file by its name."""

from alembic import context

from cicd_agent.adapters.storage.sql.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
