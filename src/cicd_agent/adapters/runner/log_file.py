"""A log that lies at hand: a file, a packed one, or what is piped in."""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, cast

from cicd_agent.errors import ConfigError

PIECE = 65_536
MAX_BYTES = 2_000_000_000
"""Bytes of a log, unpacked: more is no log that anybody wrote."""
GZIP = b"\x1f\x8b"


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
    buffered = BufferedReader(cast("RawIOBase", file), PIECE)
    try:
        source = GzipFile(fileobj=buffered) if buffered.peek()[:2] == GZIP else buffered
        while piece := source.read(PIECE):
            yield piece
    except EOFError:
        raise ConfigError(f"the log `{path}` cannot be read", why="it is packed by gzip and cut off") from None
    except (BadGzipFile, zlib.error):
        raise ConfigError(f"the log `{path}` cannot be read", why="it begins as gzip does, and is broken") from None
    finally:
        with suppress(ValueError):  # whoever stops reading early may have closed the file
            buffered.detach()
