"""Candidate tests tried alone and together."""
