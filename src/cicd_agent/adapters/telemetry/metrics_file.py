"""A Prometheus text file that runs add their counts to, as node exporter's textfile collector reads it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import NOFOLLOW, NONBLOCK, read_regular, write_file
from cicd_agent.domain.metric import ForeignTextError
from cicd_agent.errors import ConfigError

MAX_BYTES: Final = 5_000_000
_PATIENCE: Final = 3.0
"""Seconds to wait for another run, which needs a few milliseconds."""
_PAUSE: Final = 0.01


def add_to(
    path: Path,
    update: Callable[[str], str],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Replace the text of the file, "" without one, by its `update`, at once; everybody may read it.

    Runs at the same time wait for each other. Raises ConfigError when that cannot be: what is not ours, of which
    `update` raises ForeignTextError, is never replaced, and no link is followed.
    """
    remedy = "Give `metrics-file` another path"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_name(f".{path.name}.lock"), clock, sleep):
            write_file(path, update(_read(path)), mode=0o644, exact=True)
    except ForeignTextError as error:
        why, remedy = f"it holds something else: {error}", "Remove the file, or give `metrics-file` another path"
    except UnicodeDecodeError:
        why = "it is no text"
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    else:
        return
    raise ConfigError(f"`metrics-file` {path} was not added to", why=why, remedy=remedy)


def _read(path: Path) -> str:
    try:
        raw = read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    if len(raw) > MAX_BYTES:
        raise ForeignTextError(f"more than {MAX_BYTES:,} bytes")
    return raw.decode()


@contextmanager
def _alone(path: Path, clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock; ValueError when somebody else keeps it too long. The lock's file stays where it is."""
    # Reading is enough to lock it: runs of several accounts may share a folder.
    # A pipe in its place would let nobody in before somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | NOFOLLOW | NONBLOCK, 0o644)
    try:
        until = clock() + _PATIENCE
        while not _locked(descriptor):
            if clock() >= until:
                raise ValueError("another run keeps it locked")
            sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415  POSIX only
    except ImportError:
        raise ValueError("this system has no file locks") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
