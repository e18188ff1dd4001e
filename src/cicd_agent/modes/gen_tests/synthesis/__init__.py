"""Tests written by rules, without a model."""
