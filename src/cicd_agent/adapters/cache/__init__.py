"""Entries kept between runs: folder or Redis."""
