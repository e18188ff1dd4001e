"""Flaky tests: detection, diagnosis, fix."""
