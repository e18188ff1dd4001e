"""git through its object database."""
