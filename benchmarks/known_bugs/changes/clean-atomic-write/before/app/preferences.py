"""The user's preferences."""

import json
from pathlib import Path


def save(path: Path, preferences: dict[str, object]) -> None:
    path.write_text(json.dumps(preferences), "utf-8")


def load(path: Path) -> dict[str, object]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
