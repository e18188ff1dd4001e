"""FACTS: pure code over plain values; standard library and pydantic only."""
