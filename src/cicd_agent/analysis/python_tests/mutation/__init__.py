"""Mutants of changed lines."""
