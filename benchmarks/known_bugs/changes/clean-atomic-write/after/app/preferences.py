"""The user's preferences."""

import json
import os
import tempfile
from pathlib import Path


def save(path: Path, preferences: dict[str, object]) -> None:
    """Replace the file as a whole: it is never seen half written. Raises OSError and leaves it as it was."""
    text = json.dumps(preferences, indent=2, sort_keys=True)
    # In the same folder, or it could not take the other's place.
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: Path) -> dict[str, object]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
