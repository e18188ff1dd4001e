"""Approvals and overrides by comment."""
