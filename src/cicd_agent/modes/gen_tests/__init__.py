"""Writes tests for what a pull request changed, and keeps those alone that prove themselves."""
