"""Writing into a folder that others may have written to: whole files or none, and never through a link."""

import os
import secrets
import stat
from pathlib import Path

from cicd_agent.adapters.files.safe_open import NOFOLLOW
from cicd_agent.errors import ConfigError


def write_file(path: Path, text: str, *, mode: int = 0o644, exact: bool = False) -> None:
    """Put a file in place at once; a link that stands there is replaced, not followed. What UTF-8 lacks becomes `?`.

    The process's umask takes from `mode`, unless it is `exact`.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if exact and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            file.write(text.encode("utf-8", "replace"))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def is_writable(folder: Path) -> bool:
    """Whether this process may make files there, as far as that can be told without making one."""
    return os.access(folder, os.W_OK | os.X_OK)


def place_file(path: Path, text: str, remedy: str) -> None:
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
        wanted = before.encode()
        if status.st_size != len(wanted) or path.read_bytes() != wanted:
            return "it is not what was reviewed any more"
        write_file(path, after, mode=stat.S_IMODE(status.st_mode), exact=True)
    except FileNotFoundError:
        return "it is not there any more"
    except (OSError, ValueError) as error:
        return f"it cannot be written: {error}"
    return ""
