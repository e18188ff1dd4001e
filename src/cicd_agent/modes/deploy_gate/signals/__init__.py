"""Signals that the gate scores, each with its source."""
