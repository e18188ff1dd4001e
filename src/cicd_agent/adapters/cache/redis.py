"""Entries in a Redis that many machines share: it may be slow, full, gone or somebody else's, and only costs time."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004  the library's name
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004  the library's name
)
from redis.retry import Retry

from cicd_agent.adapters.cache.blob_store import MAX_BLOB, Limits, Namespace
from cicd_agent.adapters.cache.redis_url import Address

SECONDS: Final = 1.0
"""How long a connection, or an answer, is waited for."""

_CODE = re.compile(r"[A-Z]{3,20}(?= |$)")
_REASONS: Final = (
    (AuthenticationError, "it wants another user or password"),
    (BusyLoadingError, "it is still starting"),
    (TimeoutError, f"no answer within {SECONDS:.0f} s"),
    (NoPermissionError, "this user may not do that"),
    (OutOfMemoryError, "it is full"),
    (ReadOnlyError, "it can only be read"),
)


class RedisServer:
    """One run's line to a Redis. The first failure ends it for the rest of the run, with the only note about it.

    `max_bytes` is the number of bytes that the run may write there.
    """

    def __init__(self, address: Address, *, ca_bundle: str, max_bytes: float, note: Callable[[str], None]) -> None:
        self.location: Final = f"Redis at {address.location}"
        self._note = note
        self._budget = max_bytes
        self._lock = threading.Lock()
        self._is_down = False
        self._is_full = False
        # Said in full: the library's defaults try again for seconds, and differ between its versions.
        self._client: Any = redis.Redis(
            host=address.host,
            port=address.port,
            unix_socket_path=address.path or None,
            db=address.database,
            username=address.user or None,
            password=address.password or None,
            socket_timeout=SECONDS,
            socket_connect_timeout=SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            ssl=address.has_tls,
            ssl_cert_reqs="required",
            ssl_check_hostname=True,
            ssl_ca_certs=ca_bundle or None,
        )

    def read(self, key: str) -> bytes | None:
        """What lies under a key, None for nothing; empty when that is too large, or no text at all."""
        if self._is_down:
            return None
        try:
            # Whatever lies there, no more than this is sent. An empty text is the same as none.
            raw = self._client.execute_command("GETRANGE", key, 0, MAX_BLOB)
        except (RedisError, OSError, ValueError) as error:
            if isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE"):
                return b""
            self._down(error)
            return None
        if not isinstance(raw, bytes) or len(raw) > MAX_BLOB:
            return b""
        return raw or None

    def write(self, key: str, blob: bytes, seconds: float) -> None:
        """Put an entry under a key for so long, whatever lies there."""
        if self._is_down or self._is_full:
            return
        with self._lock:
            self._budget -= len(blob)
            is_left = self._budget >= 0
        if not is_left:
            self._close_for_more("this run has written `cache-max-mb`")
            return
        try:
            self._client.execute_command("SET", key, blob, "EX", max(1, int(seconds)))
        except (NoPermissionError, OutOfMemoryError, ReadOnlyError) as error:
            self._close_for_more(_reason(error))
        except (RedisError, OSError, ValueError) as error:
            self._down(error)

    def close(self) -> None:
        self._is_down = True
        with suppress(RedisError, OSError):  # it may be gone already
            self._client.close()

    def _down(self, error: Exception) -> None:
        with self._lock:
            is_first, self._is_down = not self._is_down, True
        if is_first:
            self._note(f"{self.location} cannot be used ({_reason(error)}): answers are asked for again")

    def _close_for_more(self, reason: str) -> None:
        with self._lock:
            is_first, self._is_full = not self._is_full, True
        if is_first:
            self._note(f"{self.location} takes nothing more ({reason}): others will ask again")


class RedisStore:
    """A BlobStore of a Redis. How much it holds, and what goes first, is the server's business."""

    def __init__(self, server: RedisServer, namespace: Namespace, limits: Limits) -> None:
        self._server = server
        self._namespace = namespace
        self._limits = limits

    @property
    def location(self) -> str:
        return self._server.location

    def read(self, name: str) -> bytes | None:
        return self._server.read(self._key(name))

    def write(self, name: str, blob: bytes) -> None:
        self._server.write(self._key(name), blob, self._limits.seconds)

    def touch(self, _name: str) -> None:
        """The server has seen for itself that the entry was read."""

    def evict(self) -> None:
        """The server forgets by itself."""

    def _key(self, name: str) -> str:
        return f"cicd-agent:{self._namespace.name}:{name}"


def _reason(error: Exception) -> str:
    """What went wrong, in words of ours: those of the other side could hold anything, such as what it was sent."""
    if known := next((reason for kind, reason in _REASONS if isinstance(error, kind)), ""):
        return known
    if isinstance(error, ResponseError):
        code = _CODE.match(str(error))
        return f"it refused with {code[0]}" if code else "it refused"
    if not isinstance(error, ConnectionError | OSError):
        return "what answers there is no Redis"
    # What the system said of the connection.
    cause: BaseException | None = error
    for _ in range(4):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause and (cause.__cause__ or cause.__context__)
    return "no connection"
