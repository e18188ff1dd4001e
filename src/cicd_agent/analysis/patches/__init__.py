"""Patches proposed by a model: parsed, limited, applied, written."""
