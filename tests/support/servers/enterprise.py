"""A company's network on loopback: names that only its proxy knows, and a proxy that signs for all of them."""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import cast

from tests.support.servers.authority import certificate, speaking
from tests.support.servers.serving import Serving

_PART = 65_536


class Proxy(Serving):
    """Takes CONNECT for the names in `behind` (host to port on loopback) and reads along, as such proxies do.

    Outside it speaks TLS with certificates of `authority`, inside plain HTTP. `asked` are the names in order; what is
    not behind it is refused.
    """

    def __init__(self, place: Path, behind: Mapping[str, int]) -> None:
        self.authority = certificate(place, *behind)
        self.behind = dict(behind)
        self.asked: list[str] = []
        self.context = speaking(self.authority)
        self._listening = _Server(self)
        super().__init__(self._listening)

    @property
    def url(self) -> str:
        """What HTTPS_PROXY names."""
        return f"http://127.0.0.1:{self._listening.server_address[1]}"


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.proxy = proxy


class _Connection(BaseRequestHandler):
    def handle(self) -> None:
        proxy = cast("_Server", self.server).proxy
        head = b""
        while b"\r\n\r\n" not in head and (part := self.request.recv(_PART)):
            head += part
        verb, _, rest = head.decode("latin-1").partition(" ")
        name = rest.partition(":")[0]
        proxy.asked.append(name)
        if verb != "CONNECT" or name not in proxy.behind:
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # A client that does not know the authority hangs up, and that is the end of it.
        with (
            suppress(ssl.SSLError, ConnectionError),
            proxy.context.wrap_socket(self.request, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", proxy.behind[name])) as inside,
        ):
            back = threading.Thread(target=_pass_on, args=(inside, outside), daemon=True)
            back.start()
            _pass_on(outside, inside)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(_PART):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
