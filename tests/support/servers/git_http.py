"""A git server on loopback: git's own http-backend behind Python's HTTP server, which remembers who asked for what."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class GitServer:
    """Serves the repositories under `root`; with `token_header` it refuses whoever does not send exactly that."""

    root: Path
    token_header: str = ""
    redirect: str = ""
    url: str = ""
    authorizations: list[str] = field(default_factory=list)
    """The Authorization header of each request, "" when it had none."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request as CGI would."""
        authorization = handler.headers.get("Authorization", "")
        self.authorizations.append(authorization)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if self.redirect:
            handler.send_response(302)
            handler.send_header("Location", self.redirect + handler.path)
            handler.end_headers()
            return
        if self.token_header and authorization != self.token_header:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="git"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        path, _, query = handler.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": handler.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        handler.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def serving(root: Path, *, token_header: str = "", redirect: str = "") -> Iterator[GitServer]:
    """A server while the block runs."""
    git = GitServer(root, token_header, redirect)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            git.answer(self)

        def do_POST(self) -> None:
            git.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    git.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield git
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
