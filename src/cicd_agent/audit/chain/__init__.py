"""Verification of the hash chain of audit entries."""
