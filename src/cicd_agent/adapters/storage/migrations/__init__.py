"""How the tables of the account book change from version to version, as alembic reads it."""
