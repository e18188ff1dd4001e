"""Tests compared with what the docstrings say."""
