"""Posts one line to the fleet's endpoint, once and within two seconds; nothing of its address comes back."""

import base64
import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from cicd_agent.domain.parallel import begin
from cicd_agent.errors import NotifierRefused

MOST_SECONDS: Final = 2.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_WAY_OUT: Final = "Look at the way out: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE"


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the line, and the password, to where nobody sent them."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


def post_line(url: str, line: str, agent: str, ca_bundle: str = "", *, seconds: float = MOST_SECONDS) -> None:
    """Post a line of JSON; `user:password@` in the address becomes a header. Raises NotifierRefused.

    Proxies are found by the client itself, in the environment. `agent` is the name by which we come.
    """
    parts = _address(url)
    request = _request(parts, line, agent)

    def send() -> NotifierRefused | None:
        try:
            with _opener(parts, ca_bundle).open(request, timeout=seconds):
                return None
        except urllib.error.HTTPError as error:  # whatever is not 2xx
            error.close()
            return _refusal(f"it answered {error.code}", "Look at `fleet-url`, and at what stands between")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _refusal(_words(getattr(error, "reason", error)), _WAY_OUT)

    try:
        refusal = begin(send).result(seconds)
    except TimeoutError:
        refusal = _refusal(f"no answer within {seconds:g} s", _WAY_OUT)
    if refusal is not None:
        raise refusal


def _address(url: str) -> SplitResult:
    """The parts of an address that others cannot listen to, or that is this very machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    is_plain = url.isascii() and url.isprintable() and " " not in url and bool(host) and port != 0
    if is_plain and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        return parts
    raise _refusal("`fleet-url` is not an https address", "Give one; http only reaches this machine itself")


def _request(parts: SplitResult, line: str, agent: str) -> urllib.request.Request:
    headers = {"Content-Type": "application/x-ndjson", "User-Agent": agent}
    who, at, host = parts.netloc.rpartition("@")
    if at:
        user, _, password = who.partition(":")
        pair = f"{unquote(user)}:{unquote(password)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    plain = parts._replace(netloc=host, fragment="").geturl()
    return urllib.request.Request(plain, f"{line}\n".encode(), headers, method="POST")  # noqa: S310  its scheme was looked at


def _opener(parts: SplitResult, ca_bundle: str) -> urllib.request.OpenerDirector:
    if parts.scheme == "http":
        # What goes to this machine goes through no proxy, which would read along.
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), _Unredirected)
    context = ssl.create_default_context(cafile=ca_bundle or None)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Unredirected)


def _words(reason: object) -> str:
    """Why, in a few words of our own or of the system; those of the client hold the address."""
    if isinstance(reason, TimeoutError):
        return "it took too long"
    if isinstance(reason, ssl.SSLError):
        return "its certificate is not trusted"
    if isinstance(reason, OSError):
        return reason.strerror or type(reason).__name__
    return type(reason).__name__


def _refusal(why: str, remedy: str) -> NotifierRefused:
    return NotifierRefused("the fleet was not told of this run", why=why, remedy=remedy)
