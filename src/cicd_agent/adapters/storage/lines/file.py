"""A file of JSON lines that several processes write to: whole lines or none, and never through a link."""

import json
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from cicd_agent.adapters.files.safe_open import CLOEXEC, NOFOLLOW, NONBLOCK
from cicd_agent.adapters.storage.records import MOST_NUMBER, columns_of
from cicd_agent.domain.audit_entry import LONGEST, Columns, Link, Row
from cicd_agent.errors import StoreRefused

LOCK: Final = "state.lock"
_PAUSE: Final = 0.005
_LONGEST_LINE: Final = 8 * LONGEST
"""Bytes; what is longer was not written by us, and is read as its beginning."""
_LARGEST: Final = 1 << 34
"""Bytes of a file. A larger one may be nothing but a hole, which costs nobody anything but the run that reads it."""
_SHOWN: Final = 10_000
_BLOCK: Final = 1 << 16


@contextmanager
def locked(folder: Path, patience: float) -> Iterator[None]:
    """Hold the folder alone; it is let go when the process ends, however it ends.

    Raises OSError, StoreRefused where there are no such locks.
    """
    try:
        import fcntl  # noqa: PLC0415  POSIX only
    except ImportError:
        raise StoreRefused(
            f"{folder} cannot be used", why="this system has no file locks", remedy="Install cicd-agent[state]"
        ) from None
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | NOFOLLOW | CLOEXEC, 0o600)
    try:
        for left in range(int(patience / _PAUSE), -1, -1):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def opened(path: Path, largest: int = _LARGEST) -> BinaryIO | None:
    """A regular file for reading, None where there is none.

    Raises OSError, for a link, too, and StoreRefused for what is no file or larger than `largest` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC)
    except FileNotFoundError:
        return None
    return _regular(path, descriptor, _BLOCK, "rb", largest)


def lines_of(path: Path, offset: int = 0, largest: int = _LARGEST) -> Iterator[tuple[int, bytes]]:
    """The lines from a place in the file on, each with its own place; the last one may lack its end."""
    file = opened(path, largest)
    if file is None:
        return
    with file:
        file.seek(offset)
        while line := file.readline(_LONGEST_LINE):
            place, offset = offset, offset + len(line)
            while not line.endswith(b"\n") and (more := file.readline(_LONGEST_LINE)):
                offset += len(more)
                if more.endswith(b"\n"):
                    line = line[:_SHOWN] + b"\n"
            yield place, line


def rows_of(path: Path, offset: int = 0, only: str | None = None) -> Iterator[tuple[int, Row]]:
    """The entries in a file, each with its place; what is none has seq 0. The columns are read of one repository only.

    A last line without its end that is no entry is not there: its writer was killed, or is about to finish it.
    """
    for place, line in lines_of(path, offset):
        row = row_of(line, only)
        if row.seq or line.endswith(b"\n"):
            yield place, row


def told(link: Link, prev: str, text: str) -> bytes:
    """An entry as its line."""
    entry = {"repository": link.repository, "seq": link.seq, "prev": prev, "hash": link.hash, "text": text}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def row_of(line: bytes, only: str | None = None) -> Row:
    """The entry that a line tells; its columns are left out unless it is of the `only` repository."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        words = [found.get(name) for name in ("repository", "prev", "hash", "text")]
        seq: Any = found.get("seq")
        is_whole = isinstance(seq, int) and not isinstance(seq, bool)
        if is_whole and 0 < seq < MOST_NUMBER and all(isinstance(each, str) for each in words):
            repository, prev, digest, text = (str(each) for each in words)
            columns = columns_of(text) if only in {None, repository} else Columns()
            return Row(repository, seq, prev, digest, text, columns)
    return Row("", 0, "", "", line[:_SHOWN].decode("utf-8", "replace").rstrip("\n"), Columns())


def append_line(path: Path, line: bytes) -> int:
    """Write a line at the end, and say where; it is on the disk when this returns.

    Raises OSError, and then nothing was written.
    """
    with _regular(path, os.open(path, _MAKING, 0o600), 0) as file:
        size = _healed(file)
        try:
            _write(file, line)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise
    return size


def cut(path: Path, size: int) -> None:
    """Take back what was written from this place on."""
    with _regular(path, os.open(path, _MAKING, 0o600), 0) as file:
        file.truncate(size)


def replaced(path: Path, repository: str, count: int, line: bytes) -> None:
    """Put a file in place that lacks the first `count` entries of a repository and ends with a line, all at once."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with _regular(fresh, os.open(fresh, _MAKING | os.O_EXCL, 0o600), _BLOCK) as file:
            for _, kept in lines_of(path):
                row = row_of(kept, "")
                if count and row.seq and row.repository == repository:
                    count -= 1
                elif row.seq or kept.endswith(b"\n"):
                    file.write(kept.rstrip(b"\n") + b"\n")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


_MAKING: Final = os.O_RDWR | os.O_CREAT | NOFOLLOW | NONBLOCK | CLOEXEC


def _regular(path: Path, descriptor: int, buffering: int, mode: str = "r+b", largest: int = _LARGEST) -> BinaryIO:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
        os.close(descriptor)
        why = "it is larger than any account book" if stat.S_ISREG(status.st_mode) else "it is no file"
        raise StoreRefused(f"{path} cannot be used", why=why, remedy="Give another `state-dir`")
    return cast("BinaryIO", os.fdopen(descriptor, mode, buffering))


def _write(file: BinaryIO, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def _healed(file: BinaryIO) -> int:
    """Where the next line begins, with the file's position there.

    What follows the last end of a line is an entry that only lacks its own, or the part of one that was never entered.
    """
    size = file.seek(0, os.SEEK_END)
    start = _last_start(file, size)
    if start < size:
        file.seek(start)
        if size - start <= _LONGEST_LINE and row_of(file.read(), "").seq:
            _write(file, b"\n")
            return size + 1
        file.truncate(start)
    return file.seek(start)


def _last_start(file: BinaryIO, size: int) -> int:
    """Behind the last end of a line."""
    end = size
    while end:
        begin = max(0, end - _BLOCK)
        file.seek(begin)
        if (found := file.read(end - begin).rfind(b"\n")) >= 0:
            return begin + found + 1
        end = begin
    return 0
