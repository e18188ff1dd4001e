"""The audit log in SQLite or PostgreSQL."""
