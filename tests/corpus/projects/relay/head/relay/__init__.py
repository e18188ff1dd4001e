"""Passes on what others say."""
