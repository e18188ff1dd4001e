"""Seals a text that is left where others can write: what comes back is believed only when we wrote it ourselves."""

import base64
import binascii
import hmac
import re
import zlib
from collections.abc import Sequence

MOST = 20_000
"""Characters of a sealed text: a third of a comment."""

_VERSION = "v1"
_LARGEST = 1_000_000
"""Bytes of what is sealed; a few thousand characters could hold a thousand times as much."""
_SEALED = re.compile(rf"{_VERSION}:([A-Za-z0-9+/]{{4,{MOST}}}={{0,2}}):([0-9a-f]{{64}})")
_OPENING, _CLOSING = "<!-- cicd-agent-memory:", " -->"


def seal(lines: Sequence[str], key: bytes, about: str) -> str:
    """As many of the first lines as there is room for, sealed for what they are about; "" for none."""
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(lines[:middle]) else (low, middle - 1)
    if not low:
        return ""
    packed = _packed(lines[:low]).decode()
    return f"{_VERSION}:{packed}:{_mac(packed, key, about)}"


def is_sealed(sealed: str, key: bytes, about: str) -> bool:
    """Whether it was sealed with this key for this purpose, and can be read."""
    parts = _SEALED.fullmatch(sealed)
    if parts is None or not hmac.compare_digest(_mac(parts[1], key, about), parts[2]):
        return False
    return bool(unsealed(sealed))


def unsealed(sealed: str) -> tuple[str, ...]:
    """The lines, whoever has sealed them; none when that is no sealed text."""
    parts = _SEALED.fullmatch(sealed)
    if parts is None:
        return ()
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.b64decode(parts[1], validate=True), _LARGEST)
        if not unpacking.eof or unpacking.unused_data:
            return ()
        return tuple(text.decode().split("\n"))
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ()


def hidden(sealed: str) -> str:
    """The line of Markdown that carries it and shows nothing; "" for what is no sealed text."""
    return f"{_OPENING}{sealed}{_CLOSING}" if len(sealed) <= MOST and _SEALED.fullmatch(sealed) else ""


def carried(body: str) -> str:
    """What the second line of a comment carries, sealed or not; "" when nothing there claims to be that."""
    line = body.split("\n", 2)[1].rstrip("\r") if "\n" in body else ""
    if not (line.startswith(_OPENING) and line.endswith(_CLOSING)):
        return ""
    return line[len(_OPENING) : -len(_CLOSING)] or "nothing"


def _mac(packed: str, key: bytes, about: str) -> str:
    # The length says where one part ends: no two pairs of parts are the same message.
    message = f"{_VERSION} {len(about)} {about} {packed}"
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), "sha256").hex()


def _packed(lines: Sequence[str]) -> bytes:
    return base64.b64encode(zlib.compress("\n".join(lines).encode(), 9))


def _fits(lines: Sequence[str]) -> bool:
    size = sum(len(line) + 1 for line in lines)
    return size <= _LARGEST and len(_packed(lines)) + len(_VERSION) + 66 <= MOST
