"""HTTP on loopback for the fake GitHub: threads, faults on demand, and a record of everything that came in."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.servers.github.routes import Answer, Json


@dataclass(frozen=True)
class Received:
    """A request as it came. The token itself is not kept, only whether there was one."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    authorized: bool
    token: str = field(repr=False)


@dataclass
class Fault:
    """What happens instead of (or, with `acts`, after) the real thing, to matching requests nth … nth + times - 1."""

    method: str
    path: str
    nth: int = 1
    times: int = 1
    acts: bool = False
    status: int = 0
    """0: no answer, the connection is dropped."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """A string is sent as HTML, bytes as they are, anything else as JSON."""
    hang: bool = False
    met: int = 0

    def strikes(self, request: Received) -> bool:
        """Whether it is this request's turn; counts those that match."""
        if request.method != self.method or not re.search(self.path, request.path):
            return False
        self.met += 1
        return self.nth <= self.met < self.nth + self.times


class Server:
    """Answers by `respond` on a port of its own until it is closed."""

    def __init__(self, respond: Callable[[Received], Answer], tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self._respond = respond
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """One connection."""

            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True  # the client went away, as some tests make it do

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                outer.serve(self)

            do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

        class Listener(ThreadingHTTPServer):
            """With room for many that come at once: one that is turned away comes again a second later only."""

            request_queue_size = 64

        self._http = Listener(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if tls is not None:
            # The handshake is left to the threads: one that fails must not stop the server.
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """Stop, and let go of requests that hang."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """One request: record it, then answer, or do what a fault says."""
        request = parsed(handler)
        with self._lock:
            self.received.append(request)
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
            answer = self._respond(request) if fault is None or fault.acts else None
        if fault is None and answer is not None:
            send(handler, answer)
            return
        if fault is not None and fault.hang:
            self.closing.wait(30)
        if fault is not None and fault.status and not fault.hang:
            send(handler, Answer(fault.status, fault.body, fault.headers))
            return
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


def parsed(handler: BaseHTTPRequestHandler) -> Received:
    """The request that the handler has read."""
    length = int(handler.headers.get("Content-Length") or 0)
    raw = handler.rfile.read(length)
    address = urlsplit(handler.path)
    authorization = handler.headers.get("Authorization", "")
    return Received(
        method=handler.command,
        path=address.path,
        query=dict(parse_qsl(address.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in handler.headers.items() if name.lower() != "authorization"},
        body=json.loads(raw) if raw else None,
        authorized=bool(authorization),
        token=authorization.partition(" ")[2],
    )


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Write the answer."""
    match answer.body:
        case bytes(data):
            kind = "application/octet-stream"
        case str(page):
            data, kind = page.encode(), "text/html"
        case whole:
            data, kind = json.dumps(whole).encode(), "application/json; charset=utf-8"
    headers = {"Content-Type": kind, "Content-Length": str(len(data)), **answer.headers}
    handler.send_response(answer.status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)
    if headers["Content-Length"] != str(len(data)):
        handler.close_connection = True  # cut off: the rest never comes
