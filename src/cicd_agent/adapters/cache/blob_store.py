"""Where blobs lie between runs: what every store can do, several of them in layers, and who signed a blob."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

MAX_BLOB: Final = 2_000_000
"""Bytes of a blob: what is larger is not ours."""
SIGNATURE = 65
"""Bytes of a signature and the line feed after it."""
_SIZE = 50.0
"""Megabytes for which the number of entries of a namespace is meant."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Namespace:
    """Blobs of one kind: what they are called together, the pattern of their names, and how many 50 MB may hold."""

    name: str
    title: str
    pattern: str
    max_entries: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a blob lies there, how many bytes they may have together, and how many there may be."""

    seconds: float
    size: float
    entries: float

    @classmethod
    def of(cls, namespace: Namespace, max_mb: float, max_days: float) -> "Limits":
        """What the settings grant a namespace; where more bytes are granted, more entries are."""
        entries = namespace.max_entries * max(1.0, max_mb / _SIZE)
        return cls(max_days * 24 * 3600, max_mb * 1_000_000, entries)


class Unusable(StrEnum):
    """Why a blob is not used."""

    DAMAGED = "damaged"
    OLD = "old"


class BlobStore(Protocol):
    """Blobs of one namespace. Nothing is raised: what goes wrong is noted, once, and costs only time."""

    @property
    def location(self) -> str: ...

    def read(self, name: str) -> bytes | None:
        """The blob of this name, None when there is none; empty when what is there can be none."""

    def write(self, name: str, blob: bytes) -> None: ...

    def touch(self, name: str) -> None:
        """This blob was used: others go first."""

    def evict(self) -> None:
        """Remove what is too old or too much."""


class LayeredStore:
    """Several stores of the same namespace, the first of which is read first.

    Who can write there is not known: a blob is used when whoever looks for it says that it is ours.
    """

    def __init__(self, stores: Sequence[BlobStore], note: Callable[[str], None]) -> None:
        self.stores = tuple(stores)
        self._note = note

    def load(self, name: str, decode: Callable[[bytes], T | Unusable]) -> T | None:
        """What the first usable blob holds; the stores before its own get it, too."""
        missing: list[BlobStore] = []
        for store in self.stores:
            blob = store.read(name)
            value = Unusable.OLD if blob is None else decode(blob)
            if blob is not None and not isinstance(value, Unusable):
                store.touch(name)
                for other in missing:
                    other.write(name, blob)
                return value
            if value is Unusable.DAMAGED:
                self._note(f"{name} in {store.location} is damaged or not ours, and is not used: it is asked for again")
            missing.append(store)
        return None

    def save(self, blobs: Mapping[str, bytes]) -> None:
        for store in self.stores:
            for name, blob in blobs.items():
                store.write(name, blob)
            store.evict()


def sign(secret: bytes, name: str, body: bytes) -> bytes:
    """The blob of this name: a text that only who has the secret can have written, for this name alone."""
    return mac(secret, name, body).encode() + b"\n" + body


def verify(secret: bytes, name: str, blob: bytes) -> bytes | None:
    """The body of a blob that was signed with this secret for this name, None otherwise.

    Before it is unpacked: what others wrote is not given to anything that could stumble over it.
    """
    _, _, body = blob.partition(b"\n")
    return body if len(blob) <= MAX_BLOB and hmac.compare_digest(sign(secret, name, body), blob) else None


def mac(secret: bytes, name: str, body: bytes) -> str:
    """An HMAC of both. The length says where one ends: no two pairs are the same message."""
    encoded = name.encode("utf-8", "surrogatepass")
    return hmac.digest(secret, b"%d %b\n%b" % (len(encoded), encoded, body), "sha256").hex()
