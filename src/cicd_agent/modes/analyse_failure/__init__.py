"""Explains a failed run: what failed, which lines prove it, whose fault it is, and what to do next."""
