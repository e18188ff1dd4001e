"""The audit log as JSON lines."""
