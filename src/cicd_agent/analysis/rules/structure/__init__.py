"""Rules for how files, tables and code hang together."""
