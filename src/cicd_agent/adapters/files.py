"""Writing into a folder that others may have written to: whole files or none, and never through a link."""

import os
import secrets
from pathlib import Path


def write_file(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Put a file in place at once; a link that stands there is replaced, not followed. What UTF-8 lacks becomes `?`."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
