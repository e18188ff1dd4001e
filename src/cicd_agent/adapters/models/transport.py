"""HTTP to a model server on httpcore2, two layers below the openai SDK, whose import alone costs 0.6 s of CPU.

Every operation on a socket is held to one deadline: a timeout for each read would never end a server that sends a byte
from time to time.
"""

import errno
import ipaddress
import math
import socket
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit, urlunsplit
from urllib.request import getproxies

import httpcore2

from cicd_agent.adapters.models.errors import ExchangeError, Trouble
from cicd_agent.errors import ModelUnavailable

CONNECT_SECONDS = 10.0

# A host that died sends no reset: without probes nobody notices before the run ends. They also keep the entry of a
# NAT alive, which the machines of GitHub lose after 4 minutes of silence:
# https://learn.microsoft.com/en-us/azure/load-balancer/load-balancer-outbound-connections#idle-timeout
# No TCP_USER_TIMEOUT: Linux then also gives up on a server that is alive but has not read the request yet, such as
# llama.cpp with all its threads at work (tcp_probe_timer in net/ipv4/tcp_timer.c).
_PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 8}

_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


@dataclass(slots=True)
class Deadline:
    """When all has to be over, by `clock`; `idle` is how many seconds the server may send nothing at all."""

    ends: float
    clock: Callable[[], float]
    idle: float = math.inf
    begun: float = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The next attempt begins."""
        self.idle, self.begun = math.inf, self.clock()

    def left(self, most: float = math.inf) -> float | None:
        """Seconds that the next operation may take, None without a bound. Raises ExchangeError when it is too late."""
        seconds = min(self.ends - self.clock(), most)
        if seconds <= 0:
            raise self.over()
        return seconds if math.isfinite(seconds) else None

    def over(self) -> ExchangeError:
        seconds = self.ends - self.begun
        words = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"  # noqa: PLR2004  no use for fractions
        return ExchangeError(Trouble.TIMEOUT, f"{words} s, all that was left of the time")


class _DeadlineStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  the deadline is what counts
        idle = self._deadline.idle
        seconds = self._deadline.left(idle)
        try:
            return self._stream.read(max_bytes, seconds)
        except httpcore2.ReadTimeout as error:
            # Python has one class for a wait that ended and for a connection whose probes nobody answered.
            if getattr(error.__cause__, "errno", None) == errno.ETIMEDOUT:
                raise ExchangeError(Trouble.BROKEN, "its host no longer responds") from None
            if seconds == idle:
                raise ExchangeError(Trouble.SILENT, f"nothing for {idle:.0f} s") from None
            raise self._deadline.over() from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  see read
        try:
            self._stream.write(buffer, self._deadline.left())
        except httpcore2.WriteTimeout:
            raise self._deadline.over() from None

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  see read
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(CONNECT_SECONDS))
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _DeadlineBackend(httpcore2.NetworkBackend):
    def __init__(self, backend: httpcore2.NetworkBackend, deadline: Deadline) -> None:
        self._backend = backend
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  see _DeadlineStream
        local_address: str | None = None,
        socket_options: Iterable[_Option] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = self._deadline.left(CONNECT_SECONDS)
        stream = self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        return _DeadlineStream(stream, self._deadline)


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose body is still to come; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Connection:
    """To one server, directly or by the proxy that the environment names. Closed at the end of its `with` block."""

    def __init__(
        self, base_url: str, tls: ssl.SSLContext, deadline: Deadline, backend: httpcore2.NetworkBackend | None = None
    ) -> None:
        address = urlsplit(base_url)
        self._address = address
        network = _DeadlineBackend(backend or httpcore2.SyncBackend(), deadline)
        options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *_probes()]
        proxy = proxy_of(address.scheme, address.hostname or "", address.port)
        if not proxy:
            self._pool = httpcore2.ConnectionPool(ssl_context=tls, network_backend=network, socket_options=options)
            return
        through = _http_proxy(proxy)
        self._pool = httpcore2.HTTPProxy(
            httpcore2.URL(scheme=through.scheme, host=_host(through.hostname or ""), port=through.port, target=b"/"),
            proxy_auth=_password(through),
            ssl_context=tls,
            proxy_ssl_context=tls if through.scheme == "https" else None,
            network_backend=network,
            socket_options=options,
        )

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    @contextmanager
    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> Iterator[Response]:
        """One request to a path below the base address, whose query is kept (Azure has `api-version` there).

        Raises ExchangeError, also from the chunks of the response.
        """
        address = self._address
        target = urlunsplit(("", "", f"{address.path.rstrip('/')}{path}", address.query, ""))
        host = _host(address.hostname or "")
        url = httpcore2.URL(
            scheme=address.scheme, host=host, port=address.port, target=quote(target, safe="/?%:@!$&'()*+,;=~")
        )
        with _explained(), self._pool.stream(method, url, headers=[*headers.items()], content=content) as response:
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            chunks = _decoded(response.iter_stream(), names.get("content-encoding", ""))
            yield Response(response.status, names, chunks)


def _http_proxy(url: str) -> SplitResult:
    proxy, usable = urlsplit(""), False
    try:
        proxy = urlsplit(url)
        usable = proxy.scheme in {"http", "https"} and bool(proxy.hostname) and proxy.port != 0
    except ValueError:
        pass
    if not usable:
        # Not the address itself, which may hold a password.
        raise ModelUnavailable(
            "the proxy of the environment is not an http(s) address",
            remedy="Correct HTTPS_PROXY or ALL_PROXY, or name the model server in NO_PROXY",
        )
    return proxy


def _password(proxy: SplitResult) -> tuple[bytes, bytes] | None:
    if proxy.username is None:
        return None
    return unquote_to_bytes(proxy.username), unquote_to_bytes(proxy.password or "")


def _host(name: str) -> bytes:
    return name.encode("idna") if not name.isascii() else name.encode()


def _probes() -> Iterator[_Option]:
    for name, value in _PROBES.items():
        if (option := getattr(socket, name, None)) is not None:
            yield socket.IPPROTO_TCP, option, value


@contextmanager
def _explained() -> Iterator[None]:
    """The transport's errors as ours, which hold nothing of the request."""
    try:
        yield
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.ProxyError) as error:
        trouble, message = Trouble.UNREACHABLE, str(error)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, zlib.error) as error:
        trouble, message = Trouble.BROKEN, str(error)
    else:
        return
    raise ExchangeError(trouble, message)


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body as it was before a gateway compressed it, which nobody had asked it to do."""
    with _explained():
        if encoding.lower() not in {"gzip", "x-gzip", "deflate"}:
            yield from chunks
            return
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        for chunk in chunks:
            rest = chunk
            while rest:
                # In pieces: a thousand times more than has arrived may come out.
                yield inflate.decompress(rest, 1_000_000)
                rest = inflate.unconsumed_tail


def proxy_of(scheme: str, host: str, port: int | None) -> str:
    """The proxy that the environment names for a server, "" for none: HTTP(S)_PROXY, ALL_PROXY and NO_PROXY."""
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    if not proxy or _excepted(host.lower(), port, proxies.get("no", "")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _excepted(host: str, port: int | None, exceptions: str) -> bool:
    """Whether NO_PROXY names a host: itself, a domain above it, its address or network, with or without a port."""
    for each in exceptions.lower().split(","):
        name = each.strip().rpartition("://")[2]
        if name == "*":
            return True
        name = name.removesuffix(f":{port}").strip("[]").lstrip("*.")
        if name and (host == name or host.endswith(f".{name}")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False
