"""A package index on loopback: the wheels of a directory, as PEP 503 has them listed."""

import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class PackageIndex:
    """`asked` lists every path that a client requested."""

    wheels: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[str, bytes] | None:
        self.asked.append(path)
        match path.strip("/").split("/"):
            case ["simple", project]:
                links = "".join(
                    f'<a href="/files/{html.escape(wheel.name)}">{html.escape(wheel.name)}</a>\n'
                    for wheel in sorted(self.wheels.glob("*.whl"))
                    if re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower() == project
                )
                return "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
            case ["files", name] if (wheel := self.wheels / Path(name).name).is_file():
                return "application/octet-stream", wheel.read_bytes()
            case _:
                return None


@contextmanager
def package_index(wheels: Path) -> Iterator[PackageIndex]:
    index = PackageIndex(wheels)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = index.answer(self.path)
            kind, body = answer or ("text/plain", b"not found")
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has read enough hangs up; that is no error of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
