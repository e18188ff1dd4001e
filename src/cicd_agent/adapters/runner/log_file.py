"""A log that lies at hand: a file, a packed one, or what is piped in."""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from cicd_agent.errors import ConfigError

PIECE = 65_536
MAX_BYTES = 2_000_000_000
"""Bytes of a log, unpacked: more is no log that anybody wrote."""
GZIP = b"\x1f\x8b"
WINDOW = 31
"""zlib's word for gzip's header and the largest window."""


def chunks(path: str, standard_input: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a log in pieces; "-" stands for what is piped in. Raises ConfigError, also while it is read.

    What begins as gzip does is unpacked, whatever the file is called.
    """
    with ExitStack() as closing:
        try:
            if path == "-":
                file = standard_input
            elif not Path(path).is_file():
                raise ConfigError(
                    f"the log `{path}` cannot be read",
                    why="it is not a regular file" if Path(path).exists() else "there is no such file",
                    remedy='Name a file, or "-" for what is piped in',
                )
            else:
                file = closing.enter_context(Path(path).open("rb"))
            yield from _limited(path, _unpacked(path, file))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "that is no path"
            raise ConfigError(f"the log `{path}` cannot be read", why=why) from None


def _limited(path: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = MAX_BYTES
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise ConfigError(f"the log `{path}` is too long", why=f"more than {MAX_BYTES:,} bytes")
        yield piece


def _unpacked(path: str, file: IO[bytes]) -> Iterator[bytes]:
    """The content, unpacked where it is packed: at most 64 KiB at a time, so that a bomb costs no memory."""
    piece = file.read(PIECE)
    if not piece.startswith(GZIP):
        while piece:
            yield piece
            piece = file.read(PIECE)
        return
    member = zlib.decompressobj(WINDOW)
    try:
        while piece:
            if unpacked := member.decompress(piece, PIECE):
                yield unpacked
            piece = member.unconsumed_tail
            if member.eof:
                # A gzip file may be several, one after the other.
                piece = member.unused_data or file.read(PIECE)
                member = zlib.decompressobj(WINDOW)
            elif not piece:
                piece = file.read(PIECE)
                if not piece:
                    raise ConfigError(f"the log `{path}` cannot be read", why="it is packed by gzip and cut off")
    except zlib.error:
        raise ConfigError(f"the log `{path}` cannot be read", why="it begins as gzip does, and is broken") from None
