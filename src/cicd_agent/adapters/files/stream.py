"""A file that grows while it is written, and is in place at once when it is whole: for what memory cannot hold."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cicd_agent.adapters.files.safe_open import NOFOLLOW


@contextmanager
def streamed_file(path: Path, *, mode: int = 0o600) -> Iterator[Callable[[str], None]]:
    """What writes text to it. A link that stands there is replaced, not followed; nothing is left of what failed.

    Raises OSError.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:

            def write(text: str) -> None:
                file.write(text.encode("utf-8", "replace"))

            yield write
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
