"""Versions as numbers: what is promised for so many minor versions is counted by them."""

import re

_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")


def minor(version: str) -> tuple[int, int]:
    """`0.2.1` is (0, 2). Raises ValueError when it does not begin with two numbers."""
    found = _VERSION.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    return int(found[1]), int(found[2])
