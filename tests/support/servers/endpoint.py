"""An endpoint of a fleet on loopback: it may speak https, refuse, redirect, hang, or be a proxy."""

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.servers.serving import Serving


@dataclass(frozen=True, slots=True)
class Posted:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


class Endpoint(Serving):
    """`status` is what it answers; with `hangs` nothing, until it is closed. `posted` is all that came."""

    def __init__(
        self, status: int = 204, *, hangs: bool = False, location: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self.posted: list[Posted] = []
        closing = self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.posted.append(Posted(self.command, self.path, headers, body))
                if hangs:
                    closing.wait(30)
                    return
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_CONNECT(self) -> None:
                self.do_POST()

            def do_GET(self) -> None:
                self.do_POST()

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        super().__init__(self._http)
        self.host = f"127.0.0.1:{self._http.server_port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}/runs"

    def close(self) -> None:
        """End it, also where it hangs."""
        self._closing.set()
        super().close()
