"""A PostgreSQL that lets everybody in and never answers a question: the worst that a server can do to who waits."""

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_ASKS_FOR_ENCRYPTION = (struct.pack("!I", 80877103), struct.pack("!I", 80877104))
_WELCOME = b"R" + struct.pack("!II", 8, 0) + b"Z" + struct.pack("!I", 5) + b"I"


class SilentPostgres:
    """Listens until it is left; `url` is where."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listening]
        host, port = self._listening.getsockname()
        self.url = f"postgresql://agent:Hunter2Hunter2@{host}:{port}/fleet?sslmode=disable"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self) -> None:
        with suppress(OSError, struct.error):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                while True:
                    (size,) = struct.unpack("!I", connection.recv(4))
                    if connection.recv(size - 4)[:4] not in _ASKS_FOR_ENCRYPTION:
                        break
                    connection.send(b"N")
                connection.send(_WELCOME)
