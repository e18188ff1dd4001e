"""The audit log: entries, their hash chain, and queries."""
