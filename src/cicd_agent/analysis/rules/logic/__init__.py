"""Slips of logic that ruff, eslint and staticcheck do not look for: the file before and after proves each."""
