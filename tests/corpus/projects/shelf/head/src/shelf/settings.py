"""What can be set from outside."""

import os


def limit():
    """How many books fit, at least one."""
    wanted = int(os.environ.get("SHELF_LIMIT", "100"))
    if wanted < 1:
        raise ValueError("SHELF_LIMIT has to be positive")
    return wanted


def environment(prefix=""):
    """The variables whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in os.environ.items() if name.startswith(prefix)}
