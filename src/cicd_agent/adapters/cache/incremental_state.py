"""What a run leaves for the next one on the same pull request: signed lines, in a blob beside the cached answers."""

import base64
import binascii
import zlib
from bisect import bisect
from collections.abc import Sequence
from typing import Final

from cicd_agent.adapters.cache.blob_store import (
    MAX_BLOB,
    SIGNATURE,
    LayeredStore,
    Namespace,
    Unusable,
    mac,
    sign,
    verify,
)

STATE: Final = Namespace("memory", "what was reviewed", r"memory-[0-9a-f]{64}\.json", 200)
MAX_TEXT: Final = 8_000_000
"""Bytes of the lines; without a limit a few characters could unpack to any number."""


class StateCache:
    """Lines for each thing that they are about, in a blob whose name only the key's owner can tell."""

    def __init__(self, store: LayeredStore, *, secret: bytes) -> None:
        self.store = store
        self._secret = secret

    def read(self, about: str) -> tuple[str, ...]:
        """The lines that were saved about this; none when there are none, and with a note when they are not ours."""
        name = self._name(about)

        def decode(blob: bytes) -> tuple[str, ...] | Unusable:
            body = verify(self._secret, name, blob)
            return (unpack(body) if body else ()) or Unusable.DAMAGED

        return self.store.load(name, decode) or ()

    def write(self, about: str, lines: Sequence[str]) -> None:
        name, body = self._name(about), pack(lines)
        self.store.save({name: sign(self._secret, name, body)} if body else {})

    def _name(self, about: str) -> str:
        return f"memory-{mac(self._secret, 'name', about.encode('utf-8', 'surrogatepass'))}.json"


def pack(lines: Sequence[str]) -> bytes:
    """As many of the first lines as a blob can hold, as text; empty for none."""
    count = bisect(range(1, len(lines) + 1), 0, key=lambda number: 0 if _fits(lines[:number]) else 1)
    return _packed(lines[:count]) if count else b""


def unpack(body: bytes) -> tuple[str, ...]:
    """The lines, none when it holds anything else."""
    try:
        decompressor = zlib.decompressobj()
        text = decompressor.decompress(base64.b64decode(body, validate=True), MAX_TEXT)
        whole = decompressor.eof and not decompressor.unused_data
        return tuple(text.decode().split("\n")) if whole else ()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ()


def _packed(lines: Sequence[str]) -> bytes:
    return base64.b64encode(zlib.compress("\n".join(lines).encode()))


def _fits(lines: Sequence[str]) -> bool:
    size = sum(len(line.encode()) + 1 for line in lines)
    return size <= MAX_TEXT and SIGNATURE + len(_packed(lines)) <= MAX_BLOB
