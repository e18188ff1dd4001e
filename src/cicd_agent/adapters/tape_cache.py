"""Answers kept between runs in a directory, so that a question that was asked before costs nothing.

An entry is a file named by everything that was sent, signed under a secret of whoever asks: a directory that somebody
else has filled holds no answers for us.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.tape import canonical
from cicd_agent.agent.turns import Model, Reply, Request, Stop, Usage
from cicd_agent.errors import ConfigError

INSTALLATION: Final = "installation.key"
MOST_SECONDS: Final = 30 * 24 * 3600.0
MOST_ENTRIES: Final = 1_000
MOST_BYTES: Final = 50_000_000
LARGEST_ENTRY: Final = 2_000_000

_NAME = r"[0-9a-f]{64}\.json"
_SECRET = re.compile(rb"[0-9a-f]{64}\n")
_FORGOTTEN = 3600.0
"""Seconds after which a file that was never finished is a killed run's."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`at` is when it was answered, in seconds since 1970."""

    at: float
    reply: Reply


_ENTRY: TypeAdapter[_Entry] = TypeAdapter(_Entry)


class _Fresh(threading.local):
    """What was answered to the question that this thread asks, by the name of its entry."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}


def open_folder(folder: Path) -> Path:
    """The directory, made if need be. Raises ConfigError when there can be none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its path is not one"
        raise ConfigError(f"`cache-dir` {folder} cannot be used", why=why or "", remedy="Give a directory") from None
    return folder


def installation_secret(folder: Path, note: Callable[[str], None]) -> bytes:
    """What stands in for a key where the server wants none: random, made once, kept in the directory for its owner."""
    path = folder / INSTALLATION
    try:
        if found := _secret(path):
            return found
        damaged = os.path.lexists(path)
        if damaged and (found := _secret(path)):
            # Another run made it between the two looks.
            return found
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
    if found := _secret(path):
        return found
    raise ConfigError(f"{path} cannot be read", remedy="Give another `cache-dir`")


def _secret(path: Path) -> bytes:
    raw = read_entry(path) or b""
    return raw if _SECRET.fullmatch(raw) else b""


class AnswerCache:
    """A Model that asks another one only what no earlier run has asked.

    What was answered in this run is kept by `keep`, when the question has come to a good end: an answer that was not
    accepted would be the same in every run. A question is asked in one thread: of others, `keep` knows nothing.
    """

    def __init__(
        self,
        model: Model,
        folder: Path,
        *,
        secret: bytes,
        scope: Mapping[str, str],
        redact: Callable[[str], str],
        now: Callable[[], float],
        note: Callable[[str], None],
    ) -> None:
        self._model = model
        self._folder = folder
        self._secret = secret
        self._scope = dict(scope)
        self._redact = redact
        self._now = now
        self._note = note
        self._fresh = _Fresh()

    @property
    def name(self) -> str:
        """The model asked for."""
        return self._model.name

    def complete(self, request: Request) -> Reply:
        """The kept answer, which cost nothing now; else the model's."""
        asked = json.dumps({"scope": self._scope, **canonical(request, self.name)})
        name = f"{self._mac('question', asked)}.json"
        if kept := self._kept(name):
            return replace(kept, usage=Usage(from_cache=1))
        reply = self._model.complete(request)
        # What holds a secret is not for keeping; what is not whole might be so the next time.
        text = _text(_Entry(0, reply))
        if reply.stop is Stop.DONE and len(text) < LARGEST_ENTRY and self._redact(text) == text:
            self._fresh.replies[name] = reply
        return reply

    def keep(self) -> None:
        """Write what was answered since the last time, and remove what is too old or too much."""
        try:
            for name, reply in self._fresh.replies.items():
                body = _text(_Entry(self._now(), reply))
                write_file(self._folder / name, f"{self._mac(name, body)}\n{body}", mode=0o600)
            evict(self._folder, _NAME, self._now(), MOST_ENTRIES)
        except OSError as error:
            self._note(f"answers could not be kept in {self._folder}: {error.strerror or error}")
        self._fresh.replies.clear()

    def drop(self) -> None:
        """Forget what was answered since the last time."""
        self._fresh.replies.clear()

    def _kept(self, name: str) -> Reply | None:
        path = self._folder / name
        raw = read_entry(path)
        if raw is None:
            return None
        mac, _, body = raw.decode("utf-8", "replace").partition("\n")
        signed = hmac.compare_digest(mac.encode(), self._mac(name, body).encode())
        entry = _entry(body) if signed else None
        if entry is None:
            self._note(f"{path.name} in `cache-dir` is damaged or not ours, and is not used")
            return None
        if not 0 <= self._now() - entry.at + _FORGOTTEN <= MOST_SECONDS:
            return None
        try:
            os.utime(path, (self._now(), self._now()))  # what is used stays longest
        except OSError:
            self._note(f"{path.name} in `cache-dir` cannot be marked as used")
        return entry.reply

    def _mac(self, name: str, text: str) -> str:
        return hmac.new(self._secret, f"{name}\n{text}".encode(), hashlib.sha256).hexdigest()


def _entry(text: str) -> _Entry | None:
    try:
        return _ENTRY.validate_json(text, strict=True)
    except ValueError:
        return None


def _text(entry: _Entry) -> str:
    return json.dumps(_ENTRY.dump_python(entry))


def evict(folder: Path, kind: str, now: float, most: int) -> None:
    """Remove files whose name is of this kind, a pattern: what is too old, too much, or was never finished."""
    own, unfinished = re.compile(kind), re.compile(rf"\.{kind}\.[0-9a-f]{{16}}")
    entries = []
    with os.scandir(folder) as files:
        names = [file.name for file in files]
    for name in names:
        path = folder / name
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # another run was here
        age = now - found.st_mtime
        if own.fullmatch(name):
            entries.append((age, found.st_size, path))
        elif unfinished.fullmatch(name) and age > _FORGOTTEN:
            path.unlink(missing_ok=True)
    size = 0
    for count, (age, length, path) in enumerate(sorted(entries), 1):
        size += length
        if count > most or size > MOST_BYTES or age > MOST_SECONDS:
            path.unlink(missing_ok=True)


def read_entry(path: Path) -> bytes | None:
    """A regular file of bearable size; None when there is none, or it is something else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_ENTRY:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_ENTRY)
    finally:
        os.close(descriptor)
