"""Tools that a model may call, read-only."""
