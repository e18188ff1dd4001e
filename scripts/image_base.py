"""What the image is built on, as the services that serve it say: the digest of its base, a state of Debian's archive.

The registry is asked as docker does (https://github.com/opencontainers/distribution-spec/blob/main/spec.md), with a
token that anybody gets (https://distribution.github.io/distribution/spec/auth/token/); snapshot.debian.org lists its
states. Both are lines of the Dockerfile: a name and nothing, until a release resolves them.
"""

import hashlib
import ipaddress
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

DOCKERFILE = "Dockerfile"
SNAPSHOTS = "https://snapshot.debian.org"
ARCHIVES = ("debian", "debian-security")
PLATFORMS = frozenset({"linux/amd64", "linux/arm64"})
"""What the image is built for; a base without one of them is none."""
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
ACCEPTED = (
    *INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
NAME = re.compile(
    r"(?:(?P<host>localhost(?::[0-9]+)?|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)/)?"
    r"(?P<repository>[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
)
ARGUMENTS = {"name": "PYTHON_IMAGE", "snapshot": "SNAPSHOT"}
MANIFEST_BYTES = 4 << 20
"""As much as the specification has a registry take."""
LISTING_BYTES = 32 << 20
SECONDS = 30
NO_HEADERS: Mapping[str, str] = {}


class NotResolved(Exception):
    """Why a base is not known, in one line."""


@dataclass(frozen=True)
class Base:
    """`digest` is "" where the base is a name alone, `snapshot` where the archive is that of the day."""

    name: str
    digest: str = ""
    snapshot: str = ""

    @classmethod
    def read(cls, root: Path) -> "Base":
        """What the Dockerfile names. Raises NotResolved where that is neither a name nor one with a digest."""
        values = {key: _line(root, argument)[1] for key, argument in ARGUMENTS.items()}
        name, at, digest = values["name"].partition("@")
        if not NAME.fullmatch(name) or (at and not DIGEST.fullmatch(digest)):
            raise NotResolved(f"{DOCKERFILE} names no base: PYTHON_IMAGE={values['name'][:200]}")
        if values["snapshot"] and not STAMP.fullmatch(values["snapshot"]):
            raise NotResolved(f"{DOCKERFILE} names no state of the archive: SNAPSHOT={values['snapshot'][:200]}")
        return cls(name, digest, values["snapshot"])

    def write(self, root: Path) -> None:
        """Name it in the Dockerfile."""
        for argument, value in zip(ARGUMENTS.values(), (self.reference, self.snapshot), strict=True):
            line, _ = _line(root, argument)
            text = (root / DOCKERFILE).read_text("utf-8")
            (root / DOCKERFILE).write_text(text.replace(f"{line}\n", f"ARG {argument}={value}\n", 1), "utf-8")

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else self.name

    @property
    def is_resolved(self) -> bool:
        return bool(DIGEST.fullmatch(self.digest) and STAMP.fullmatch(self.snapshot))


def _line(root: Path, argument: str) -> tuple[str, str]:
    found: list[tuple[str, str]] = re.findall(
        rf"^(ARG {argument}=(\S*))$", (root / DOCKERFILE).read_text("utf-8"), re.MULTILINE
    )
    if len(found) != 1:
        raise NotResolved(f"{DOCKERFILE} has no line `ARG {argument}=`, or several")
    return found[0]


def resolve(name: str, snapshots: str = SNAPSHOTS) -> Base:
    """A base by its name, as it is now. Raises NotResolved."""
    return Base(name, Registry(name).digest(), max_common(states(snapshots)))


def verify(base: Base, snapshots: str = SNAPSHOTS) -> None:
    """Raises NotResolved unless the registry says now that this is the base, and the archive has had this state."""
    if not base.is_resolved:
        raise NotResolved(f"the base {base.reference[:200]} has no digest, or no state of the archive")
    if (digest := Registry(base.name).digest()) != base.digest:
        raise NotResolved(f"{base.name} is {digest} now, not {base.digest}: build on that, from the beginning")
    if base.snapshot not in {each for listed in states(snapshots).values() for each in listed}:
        raise NotResolved(f"{snapshots} has no state {base.snapshot}")


def max_common(states: dict[str, list[str]]) -> str:
    """The newest state up to which each archive is complete: a later one could still turn out otherwise."""
    return min(max(listed) for listed in states.values())


def states(snapshots: str) -> dict[str, list[str]]:
    """The time stamps of each archive."""
    url = f"{snapshots.rstrip('/')}/mr/timestamp/"
    result = _object(_open(url, LISTING_BYTES)[1], url).get("result")
    listed = {name: result.get(name) if isinstance(result, dict) else None for name in ARCHIVES}
    for name, stamps in listed.items():
        if not isinstance(stamps, list) or not stamps or not all(STAMP.fullmatch(str(each)) for each in stamps):
            raise NotResolved(f"{url} lists no states of {name}")
    return {name: list(stamps or ()) for name, stamps in listed.items()}


class Registry:
    """The registry of one image, named with its tag. Raises NotResolved for another name."""

    def __init__(self, name: str) -> None:
        match = NAME.fullmatch(name)
        if match is None:
            raise NotResolved(f"`{name[:200]}` is no image with a tag")
        host, repository = match["host"] or "docker.io", match["repository"]
        if host == "docker.io":
            host, repository = "registry-1.docker.io", repository if "/" in repository else f"library/{repository}"
        scheme = "http" if _is_here(host) else "https"
        self._manifests = f"{scheme}://{host}/v2/{repository}/manifests"
        self._name, self._repository, self._tag, self._token = name, repository, match["tag"], ""

    def digest(self) -> str:
        """The digest of the image for all platforms. Raises NotResolved unless its bytes are those of that digest."""
        headers, _ = self._ask("HEAD", self._tag)
        digest = headers.get("Docker-Content-Digest", "")
        if not DIGEST.fullmatch(digest):
            raise NotResolved(f"the registry names no digest of {self._name}")
        _, body = self._ask("GET", digest)
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise NotResolved(f"what the registry gives as {digest} is something else")
        index = _object(body, self._name)
        if index.get("mediaType", INDEXES[0]) not in INDEXES or not isinstance(index.get("manifests"), list):
            raise NotResolved(f"{self._name} is for one platform only, not for {' and '.join(sorted(PLATFORMS))}")
        platforms = [each.get("platform") for each in index["manifests"] if isinstance(each, dict)]
        named = {f"{each.get('os')}/{each.get('architecture')}" for each in platforms if isinstance(each, dict)}
        if missing := PLATFORMS - named:
            raise NotResolved(f"{self._name} is not there for {' and '.join(sorted(missing))}")
        return digest

    def _ask(self, method: str, reference: str) -> tuple[Message, bytes]:
        try:
            return self._send(method, reference)
        except Unauthorised as refusal:
            if self._token:
                raise
            self._token = _token(refusal.challenge, self._repository)
            return self._send(method, reference)

    def _send(self, method: str, reference: str) -> tuple[Message, bytes]:
        headers = {"Accept": ", ".join(ACCEPTED), **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        return _open(f"{self._manifests}/{reference}", MANIFEST_BYTES, method, headers)


class Unauthorised(NotResolved):
    """A registry wants a token; `challenge` says where it is to be had."""

    def __init__(self, url: str, challenge: str) -> None:
        super().__init__(f"{url} answered 401")
        self.challenge = challenge


def _token(challenge: str, repository: str) -> str:
    """A token that anybody may have. Raises NotResolved."""
    scheme, _, rest = challenge.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme.lower() != "bearer" or "realm" not in fields:
        raise NotResolved("the registry has no token for anybody")
    scope = fields.get("scope") or f"repository:{repository}:pull"
    url, query = fields["realm"], urlencode({"service": fields.get("service", ""), "scope": scope})
    answer = _object(_open(f"{url}?{query}", MANIFEST_BYTES)[1], url)
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise NotResolved(f"{url} gives no token")
    return token


def _open(url: str, limit: int, method: str = "GET", headers: Mapping[str, str] = NO_HEADERS) -> tuple[Message, bytes]:
    """What is answered at an address, which is of https unless it is on this machine: so does docker."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.netloc)):
        raise NotResolved(f"`{url[:200]}` is no address of https")
    request = urllib.request.Request(url, method=method, headers=dict(headers))  # noqa: S310  see above
    url = url.partition("?")[0]
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  see above
            body: bytes = answer.read(limit + 1)
            received: Message = answer.headers
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.UNAUTHORIZED:
            raise Unauthorised(url, error.headers.get("WWW-Authenticate", "")) from error
        raise NotResolved(f"{url} answered {error.code}") from error
    except (OSError, ValueError, HTTPException) as error:
        raise NotResolved(f"{url} cannot be reached ({getattr(error, 'reason', error)})") from error
    if len(body) > limit:
        raise NotResolved(f"{url} answers with more than {limit} bytes")
    return received, body


def _object(body: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotResolved(f"the answer for {what} is no JSON") from error
    if not isinstance(value, dict):
        raise NotResolved(f"the answer for {what} is no JSON object")
    return value


def _is_here(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
