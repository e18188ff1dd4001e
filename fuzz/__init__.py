"""Targets that are fed any bytes: each reads them as we would, and only what is declared may come of it."""
