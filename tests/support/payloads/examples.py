"""GitHub's own example payloads, by event name."""

import copy
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("examples.json.gz")


@cache
def official_payloads() -> dict[str, list[dict[str, Any]]]:
    """All of them; nobody may change what comes back."""
    examples: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress(_FILE.read_bytes()))["examples"]
    return examples


def official(name: str, action: str = "") -> dict[str, Any]:
    """A copy, free to change, of the first example of an event (with this action)."""
    candidates = official_payloads()[name]
    return copy.deepcopy(next(payload for payload in candidates if not action or payload.get("action") == action))
