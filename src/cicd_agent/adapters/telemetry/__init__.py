"""Metrics and traces sent to collectors."""
