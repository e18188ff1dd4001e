"""A real Redis on a free port of this machine, which keeps nothing on disk and ends with the test.

with local_redis(folder, password="open sesame") as server:
    use(server.url)
    server.kill()      # or pause() and resume(), or tell("CONFIG", "SET", …)
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004  the library's names

PROGRAM = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed (apt-get install redis-server)")

_PATIENCE = 30.0


@dataclass
class LocalRedis:
    """A server that runs; `seen` is how somebody looks at it who may do anything."""

    port: int
    password: str
    process: "subprocess.Popen[bytes]"
    seen: Any = field(repr=False)

    @property
    def url(self) -> str:
        """What a run is told."""
        secret = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    @property
    def keys(self) -> list[str]:
        return sorted(key.decode() for key in self.tell("KEYS", "*"))

    @property
    def contents(self) -> bytes:
        """Everything that stands in it."""
        return b"\n".join(key.encode() + b"=" + self.tell("GET", key) for key in self.keys)

    def tell(self, *words: str | bytes | int) -> Any:
        return self.seen.execute_command(*words)

    def clear(self) -> None:
        """As it was at first, between two tests."""
        self.tell("FLUSHALL")
        self.tell("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")

    def pause(self) -> None:
        """It takes connections, as the system does that for it, and never answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def local_redis(folder: Path, *options: str, password: str = "") -> Iterator[LocalRedis]:
    """A server that listens; `options` are its own."""
    assert PROGRAM, "needs_redis was forgotten"
    given = (*options, "--requirepass", password) if password else options
    port = free_port()
    quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder), "--logfile", os.devnull]
    process = subprocess.Popen([PROGRAM, *quiet, "--port", str(port), *given], stdout=subprocess.DEVNULL)
    seen = redis.Redis(host="127.0.0.1", port=port, password=password or None, protocol=2, socket_timeout=_PATIENCE)
    try:
        server = LocalRedis(port, password, process, seen)
        _await(server)
        yield server
    finally:
        seen.close()
        process.kill()
        process.wait()


def _await(server: LocalRedis) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            server.tell("PING")
        except (ConnectionError, TimeoutError):
            assert server.process.poll() is None, "redis-server has ended: is its port taken?"
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.01)
        else:
            return


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
