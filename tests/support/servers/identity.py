"""GitHub's and OpenAI's token services on 127.0.0.1: an identity for a request token, a token for an identity."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs, urlsplit

from tests.support.servers.serving import Serving

REQUEST_TOKEN = "request-token-0123456789"
IDENTITY = "header.identity-of-the-job.signature"
ACCESS_TOKEN = "access-token-9876543210"


class IdentityServer(Serving):
    """Both services; `github` and `exchange` are the statuses with which they answer."""

    def __init__(self, *, github: int = 200, exchange: int = 200, expires_in: float = 3_600) -> None:
        self.github = github
        self.exchange = exchange
        self.expires_in = expires_in
        self.heard: list[tuple[str, str, str]] = []
        """Path with its query, Authorization, body."""
        self._http = _Http(self)
        super().__init__(self._http)

    @property
    def request_url(self) -> str:
        """Where GitHub's identity is asked for."""
        return f"http://127.0.0.1:{self._http.server_port}/idtoken?api-version=2.0"

    @property
    def exchange_url(self) -> str:
        """Where it is exchanged."""
        return f"http://127.0.0.1:{self._http.server_port}/oauth/token"


class _Http(ThreadingHTTPServer):
    def __init__(self, script: IdentityServer) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.script = script


class _Exchange(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        script = self._heard("")
        address = urlsplit(self.path)
        known = self.headers.get("Authorization") == f"Bearer {REQUEST_TOKEN}" and "audience" in parse_qs(address.query)
        status = script.github if known else 401
        self._send(status, {"value": IDENTITY} if status == 200 else {"message": f"no {REQUEST_TOKEN}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        script = self._heard(body)
        known = json.loads(body).get("subject_token") == IDENTITY
        status = script.exchange if known else 401
        granted = {"access_token": ACCESS_TOKEN, "expires_in": script.expires_in, "token_type": "Bearer"}
        refused = {"error": "invalid_grant", "error_description": f"{IDENTITY} is not welcome"}
        self._send(status, granted if status == 200 else refused)

    def _heard(self, body: str) -> IdentityServer:
        script = cast("_Http", self.server).script
        script.heard.append((self.path, self.headers.get("Authorization", ""), body))
        return script

    def _send(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if status in {301, 302, 307}:
            self.send_header("Location", f"http://localhost:{cast('_Http', self.server).server_port}/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: a test that fails shows what it needs."""
