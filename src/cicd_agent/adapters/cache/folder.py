"""Entries in files of a directory, which others may have filled, and may write to at the same time."""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cicd_agent.adapters.cache.blob_store import MAX_BLOB, Limits, Namespace
from cicd_agent.adapters.files import read_regular, write_file
from cicd_agent.errors import ConfigError

INSTALLATION: Final = "installation.key"

_SECRET = re.compile(rb"[0-9a-f]{64}\n")
_ABANDONED = 3600.0
"""Seconds after which a file that was never finished is a killed run's."""


def open_folder(folder: Path) -> Path:
    """The directory, made if need be. Raises ConfigError when there can be none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its path is not one"
        raise ConfigError(f"`cache-dir` {folder} cannot be used", why=why or "", remedy="Give a directory") from None
    return folder


def installation_secret(folder: Path, note: Callable[[str], None]) -> bytes:
    """What stands in for a key where the server wants none: random, made once, in the directory for its owner."""
    path = folder / INSTALLATION
    try:
        if secret := _secret(path):
            return secret
        damaged = os.path.lexists(path)
        if damaged and (secret := _secret(path)):
            return secret  # another run has made it meanwhile
        fresh = path.with_name(f".{INSTALLATION}.{secrets.token_hex(8)}")
        write_file(fresh, f"{secrets.token_hex(32)}\n", mode=0o600)
        try:
            if damaged:
                note(f"{path} is damaged and was made again: what was kept so far is asked for again")
                fresh.replace(path)
            else:
                os.link(fresh, path)
        except FileExistsError:
            pass  # another run was first: both take its secret
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"{path} cannot be written", why=why, remedy="Give another `cache-dir`") from None
    if secret := _secret(path):
        return secret
    raise ConfigError(f"{path} cannot be read", remedy="Give another `cache-dir`")


def _secret(path: Path) -> bytes:
    raw = _read(path) or b""
    return raw if _SECRET.fullmatch(raw) else b""


class FolderStore:
    """A BlobStore of files whose names are of one kind; others of the directory are left alone."""

    location = "`cache-dir`"

    def __init__(
        self,
        folder: Path,
        namespace: Namespace,
        limits: Limits,
        *,
        now: Callable[[], float],
        note: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._namespace = namespace
        self._limits = limits
        self._now = now
        self._note = note
        self._is_noted = False

    def read(self, name: str) -> bytes | None:
        return _read(self._folder / name)

    def write(self, name: str, blob: bytes) -> None:
        try:
            write_file(self._folder / name, blob.decode("utf-8", "replace"), mode=0o600)
        except OSError as error:
            self._failed(f"{self._namespace.title} could not be kept in {self._folder}", error)

    def touch(self, name: str) -> None:
        try:
            os.utime(self._folder / name, (self._now(), self._now()))
        except OSError as error:
            self._failed(f"{name} in {self.location} cannot be marked as used", error)

    def evict(self) -> None:
        """Remove files of this namespace: what is too old, too much, or was never finished."""
        try:
            self._evict()
        except OSError as error:
            self._failed(f"{self._namespace.title} could not be kept in {self._folder}", error)

    def _evict(self) -> None:
        pattern = self._namespace.pattern
        own, unfinished = re.compile(pattern), re.compile(rf"\.{pattern}\.[0-9a-f]{{16}}")
        entries = []
        for path in list(self._folder.iterdir()):
            with suppress(FileNotFoundError):  # another run was here
                status = path.lstat()
                age = self._now() - status.st_mtime
                if own.fullmatch(path.name):
                    entries.append((age, status.st_size, path))
                elif unfinished.fullmatch(path.name) and age > _ABANDONED:
                    path.unlink()
        size = 0
        for count, (age, length, path) in enumerate(sorted(entries), 1):
            size += length
            if count > self._limits.entries or size > self._limits.size or age > self._limits.seconds:
                path.unlink(missing_ok=True)

    def _failed(self, what: str, error: OSError) -> None:
        # A directory that is full or not ours would say so with every entry.
        if not self._is_noted:
            self._is_noted = True
            self._note(f"{what}: {error.strerror or error}")


def _read(path: Path) -> bytes | None:
    """A regular file of bearable size; None when nothing is there, empty when that is something else."""
    try:
        blob = read_regular(path, MAX_BLOB + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return b""
    return blob if len(blob) <= MAX_BLOB else b""
