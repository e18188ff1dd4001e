"""Metrics: registry, samples, Prometheus text."""
