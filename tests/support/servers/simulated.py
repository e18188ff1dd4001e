"""A model server in simulated time: no socket is opened and nothing sleeps, and a day passes in a millisecond."""

import errno
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpcore2


class End(Enum):
    """How a connection ends."""

    CLOSED = "closed"
    RESET = "reset"
    DEAD = "dead"
    """Nobody answers the probes of TCP."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """No answer to the attempt to connect."""


# Seconds of silence, bytes, or the end.
Script = Iterable[float | bytes | End]


@dataclass
class Clock:
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Network(httpcore2.NetworkBackend):
    """Each request is answered by the next script."""

    def __init__(self, clock: Clock, *scripts: Script) -> None:
        self.clock = clock
        self.scripts = [list(script) for script in scripts]
        self.bodies: list[Any] = []
        self.limits: list[float | None] = []
        self.options: list[object] = []
        self.connected = 0

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  there is one server
        port: int,  # noqa: ARG002
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        self.connected += 1
        self.options = list(socket_options or ())
        if self.scripts and self.scripts[0] == [End.REFUSED]:
            self.scripts.pop(0)
            raise httpcore2.ConnectError("[Errno 111] Connection refused")
        if self.scripts and self.scripts[0] == [End.UNREACHABLE]:
            self.scripts.pop(0)
            assert timeout is not None
            self.clock.now += timeout
            raise httpcore2.ConnectTimeout("timed out")
        return _Stream(self)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, network: Network) -> None:
        self._network = network
        self._sent = b""
        self._left: list[float | bytes | End] = []

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  nothing waits here
        if not buffer:
            return
        self._sent += buffer
        head, _, body = self._sent.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) == length:
            self._sent = b""
            self._network.bodies.append(json.loads(body))
            self._left = self._network.scripts.pop(0)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        clock = self._network.clock
        self._network.limits.append(timeout)
        while True:
            step = self._left.pop(0) if self._left else End.CLOSED
            match step:
                case bytes():
                    self._left[:0] = [step[max_bytes:]] if step[max_bytes:] else []
                    return step[:max_bytes]
                case End.CLOSED:
                    return b""
                case End.DEAD:
                    raise httpcore2.ReadTimeout("timed out") from TimeoutError(errno.ETIMEDOUT, "Connection timed out")
                case End():
                    raise httpcore2.ReadError("[Errno 104] Connection reset by peer")
                case _:
                    pass
            if timeout is not None and timeout < step:
                clock.now += timeout
                self._left.insert(0, step - timeout)
                raise httpcore2.ReadTimeout("timed out") from TimeoutError("timed out")
            clock.now += step

    def close(self) -> None:
        self._left = []

    def get_extra_info(self, info: str) -> Any:  # noqa: ARG002  none of it
        return None


def whole(document: object, status: int = 200, **headers: str) -> bytes:
    """A response in one piece."""
    body = json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    head = {"content-type": "application/json", "content-length": str(len(body)), **named}
    return b"".join(
        [b"HTTP/1.1 %d X\r\n" % status, *(f"{k}: {v}\r\n".encode() for k, v in head.items()), b"\r\n", body]
    )


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)
