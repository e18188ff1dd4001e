"""Test tools' reports as cases and coverage."""
