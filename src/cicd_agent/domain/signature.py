"""Seals a text that is left where others can write: what comes back is believed only when we wrote it ourselves."""

import base64
import binascii
import hmac
import re
import zlib
from collections.abc import Sequence
from typing import Final

MOST: Final = 2_000_000
"""Characters of a sealed text."""
LARGEST: Final = 8_000_000
"""Bytes of what is sealed; without a limit a few characters could unpack to any number."""

_VERSION = "v1"
_SEALED = re.compile(rf"{_VERSION}:([A-Za-z0-9+/]+={{0,2}}):([0-9a-f]{{64}})")


def seal(lines: Sequence[str], key: bytes, about: str) -> str:
    """As many of the first lines as there is room for, sealed for what they are about; "" for none."""
    low, high = 0, len(lines)
    if _fits(lines):
        low = high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(lines[:middle]) else (low, middle - 1)
    if not low:
        return ""
    packed = _packed(lines[:low])
    return f"{_VERSION}:{packed}:{_mac(packed, key, about)}"


def unseal(sealed: str, key: bytes, about: str) -> tuple[str, ...]:
    """The lines, when they were sealed with this key for this purpose; none otherwise."""
    parts = _SEALED.fullmatch(sealed) if len(sealed) <= MOST else None
    # Before it is unpacked: what others wrote is not given to anything that could stumble over it.
    if parts is None or not hmac.compare_digest(_mac(parts[1], key, about), parts[2]):
        return ()
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.b64decode(parts[1], validate=True), LARGEST)
        return tuple(text.decode().split("\n")) if unpacking.eof and not unpacking.unused_data else ()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ()


def _mac(packed: str, key: bytes, about: str) -> str:
    # The length says where one part ends: no two pairs of parts are the same message.
    message = f"{_VERSION} {len(about)} {about} {packed}"
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), "sha256").hex()


def _packed(lines: Sequence[str]) -> str:
    return base64.b64encode(zlib.compress("\n".join(lines).encode())).decode()


def _fits(lines: Sequence[str]) -> bool:
    if sum(len(line.encode()) + 1 for line in lines) > LARGEST:
        return False
    return len(_packed(lines)) + len(_VERSION) + 66 <= MOST
