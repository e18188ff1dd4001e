"""What can be set from outside."""

import os


def limit():
    """How many books fit."""
    return int(os.environ.get("SHELF_LIMIT", "100"))
