"""A registry of images and the service of Debian's snapshots, as far as they are read by anybody, on loopback.

As the specification has it: a challenge, a token for one repository, manifests by tag and by digest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.servers.serving import Serving

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PLATFORMS = ("linux/amd64", "linux/arm64", "unknown/unknown")
"""The last is that of an attestation, as indexes have it beside the images."""


def index(built: str, platforms: Sequence[str] = PLATFORMS) -> bytes:
    """The manifest of an image for several platforms; `built` makes one differ from another."""
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": f"sha256:{hashlib.sha256(f'{built} {each}'.encode()).hexdigest()}",
            "size": 1_000,
            "platform": dict(zip(("os", "architecture"), each.split("/"), strict=True)),
        }
        for each in platforms
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def digest(manifest: bytes) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


@dataclass
class Registry:
    """`tags` are manifests by `repository:tag`; `headers` replace those of an answer, `bodies` what a digest gives."""

    tags: dict[str, bytes] = field(default_factory=dict)
    states: Mapping[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    status: int = 0
    """The answer to everything but a question for a token, where it is not 0."""
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(target)
        self.requests.append((method, url.path))
        match url.path.strip("/").split("/"):
            case ["token"]:
                query = parse_qs(url.query)
                if query.get("service") != ["registry.test"]:
                    return 400, {}, b"no such service"
                return 200, {}, json.dumps({"token": f"for {query['scope'][0]}"}).encode()
            case _ if self.status:
                return self.status, {}, b"not today"
            case ["mr", "timestamp"]:
                return 200, {}, json.dumps({"_api": "0.3", "result": self.states}).encode()
            case ["v2", *name, "manifests", reference]:
                return self._manifest("/".join(name), reference, headers)
            case _:
                return 404, {}, b"not found"

    def _manifest(
        self, repository: str, reference: str, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        scope = f"repository:{repository}:pull"
        if headers.get("Authorization") != f"Bearer for {scope}":
            challenge = f'Bearer realm="{self.url}/token",service="registry.test",scope="{scope}"'
            return 401, {"WWW-Authenticate": challenge} | self.headers, b'{"errors": [{"code": "UNAUTHORIZED"}]}'
        own = {name: body for name, body in self.tags.items() if name.startswith(f"{repository}:")}
        by_reference = {name.partition(":")[2]: body for name, body in own.items()}
        by_reference |= {digest(body): body for body in own.values()} | self.bodies
        if (body := by_reference.get(reference)) is None:
            return 404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
        media_type = json.loads(body).get("mediaType", "") if body.startswith(b"{") else ""
        if media_type and media_type not in headers.get("Accept", ""):
            return 404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
        return 200, {"Docker-Content-Digest": digest(body), "Content-Type": media_type} | self.headers, body


@contextmanager
def registry() -> Iterator[Registry]:
    served = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = served.answer(self.command, self.path, dict(self.headers))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  the name is the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    with Serving(server):
        yield served
