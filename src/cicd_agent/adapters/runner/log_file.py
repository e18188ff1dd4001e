"""A log that lies at hand: a file, a packed one, or what is piped in."""

import time
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, iterdecode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, RawIOBase
from itertools import chain
from pathlib import Path
from typing import IO, cast

from cicd_agent.errors import ConfigError

PIECE = 65_536
MAX_BYTES = 512_000_000
"""Bytes of a log that are read, unpacked; as many as of a log that GitHub has."""
MAX_SECONDS = 240.0
"""Seconds for which a log is read: its reader works on each piece before it takes the next."""
GZIP = b"\x1f\x8b"
_CONTROLS = bytes(sorted({*range(32), 127} - set(b"\t\n\v\f\r\x1b\b\a")))
_MOSTLY_CONTROLS, _SOME_CONTROLS, _UNDECODABLE = 0.2, 0.03, 0.25
"""Shares of a piece that is no text: a program or an image, and what is packed; other encodings have no controls."""


def chunks(
    path: str, standard_input: IO[bytes], note: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """The bytes of a log in pieces; "-" stands for what is piped in. Raises ConfigError, also while it is read.

    What begins as gzip does is unpacked, whatever the file is called; UTF-16, which PowerShell redirects to, becomes
    UTF-8. `note` is told, in a sentence, of a log that is too long to be read to its end.
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
            yield from _limited(_text(path, _unpacked(path, file)), note, clock)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "that is no path"
            raise ConfigError(f"the log `{path}` cannot be read", why=why) from None


def _text(path: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    if first.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        yield from (text.encode() for text in iterdecode(chain((first,), pieces), "utf-16", "replace"))
        return
    if _is_binary(first):
        remedy = "Name the log as text, or as text that is packed by gzip"
        raise ConfigError(f"the log `{path}` cannot be read", why="this is not text", remedy=remedy)
    yield first
    yield from pieces


def _is_binary(piece: bytes) -> bool:
    size = len(piece)
    controls = size - len(piece.translate(None, _CONTROLS))
    return controls > _MOSTLY_CONTROLS * size or (
        controls > _SOME_CONTROLS * size and piece.decode("utf-8", "replace").count("\ufffd") > _UNDECODABLE * size
    )


def _limited(pieces: Iterator[bytes], note: Callable[[str], None], clock: Callable[[], float]) -> Iterator[bytes]:
    ends, size = clock() + MAX_SECONDS, 0
    for piece in pieces:
        yield piece[: MAX_BYTES - size]
        size += len(piece)
        if size > MAX_BYTES or (is_late := clock() > ends):
            why = f"no more are read in {MAX_SECONDS:.0f} seconds" if size <= MAX_BYTES and is_late else "it is longer"
            note(f"Only the first {min(size, MAX_BYTES):,} bytes of the log were read: {why}.")
            return


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
