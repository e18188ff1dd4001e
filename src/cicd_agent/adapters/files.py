"""Files in folders that others may write to: read with a limit, written whole or not at all, never through a link."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from cicd_agent.errors import ConfigError

# Windows has none of these: there a link is followed, which only who may make links there can use.
NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)
CLOEXEC: Final[int] = getattr(os, "O_CLOEXEC", 0)


def read_file(path: Path, title: str, max_bytes: int) -> bytes:
    """Content of a regular file of at most so many bytes; ConfigError otherwise."""
    remedy = "Give the path of a file that exists and can be read"
    try:
        if not path.is_file():
            raise ConfigError(f"{title} is not a file", why=str(path), remedy=remedy)
        if path.stat().st_size > max_bytes:
            raise ConfigError(f"{title} is too large", why=f"over {max_bytes:,} bytes", remedy="Give a smaller one")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{title} cannot be read", why=error.strerror or str(error), remedy=remedy) from None
    except ValueError:
        raise ConfigError(f"{title} cannot be read", why="its path is not one", remedy=remedy) from None


def read_regular(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a file that anybody may have put there. Raises OSError; ValueError for anything else.

    No link is followed, and a pipe keeps nobody waiting.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | NOFOLLOW | NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        return file.read(limit)


@contextmanager
def streamed_file(path: Path, *, mode: int = 0o600, exact: bool = False) -> Iterator[Callable[[str], None]]:
    """What writes text to a file that is in place at once when it is whole: for what memory cannot hold.

    A link that stands there is replaced, not followed; nothing is left of what failed. What UTF-8 lacks becomes `?`.
    The process's umask takes from `mode`, unless it is `exact`. Raises OSError.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if exact and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            yield lambda text: _write(file, text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_file(path: Path, text: str, *, mode: int = 0o644, exact: bool = False) -> None:
    """Put a file in place at once, by the rules of `streamed_file`."""
    with streamed_file(path, mode=mode, exact=exact) as write:
        write(text)


def save_file(path: Path, text: str, remedy: str) -> None:
    """Put a file in place, and make the folders above it. Raises ConfigError, which ends with the remedy."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be written", why=str(error), remedy=remedy) from None


def replace_text(root: Path, name: str, before: str, after: str) -> str:
    """Replace the text of a regular file below `root`, its mode kept; why that was not done, "" when it was.

    It is done only if the file holds exactly `before`, and no folder on the way to it is a link.
    """
    root = root.resolve()
    path = root / name
    try:
        if not path.is_relative_to(root) or path.parent.resolve() != path.parent or ".git" in path.parts:
            return "it does not lie in this checkout"
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return "it is not a regular file"
        expected = before.encode()
        if status.st_size != len(expected) or path.read_bytes() != expected:
            return "it is not what was reviewed any more"
        write_file(path, after, mode=stat.S_IMODE(status.st_mode), exact=True)
    except FileNotFoundError:
        return "it is not there any more"
    except (OSError, ValueError) as error:
        return f"it cannot be written: {error}"
    return ""


def is_writable(folder: Path) -> bool:
    """Whether this process may make files there, as far as that can be told without making one."""
    return os.access(folder, os.W_OK | os.X_OK)


def _write(file: BinaryIO, text: str) -> None:
    file.write(text.encode("utf-8", "replace"))
