"""What REDIS_URL says, read by one rule: the client's own would let the URL overrule time limits and certificates."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from cicd_agent.errors import ConfigError

_PORT = 6379
_DATABASE = re.compile(r"[0-9]{1,6}")
_REMEDY = "Give redis://[user:password@]host[:port][/database], with rediss:// for TLS, or unix:///path"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Redis is and who we are there. With a `path` it is a socket of this machine, else `host` has one."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    database: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    has_tls: bool = False

    @property
    def location(self) -> str:
        """Where it is, for a person: nothing of it is secret."""
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


def parse_address(url: str) -> Address:
    """The address in a URL. Raises ConfigError, in words that hold nothing of the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", _PORT if parts.port is None else parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=9)
        # What can be no name would fail in a way of the client's own.
        host.encode("idna")
    except ValueError:
        raise _refused("it is no URL") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise _refused("it begins with none of redis://, rediss:// and unix://")
    if parts.fragment or any(name != "db" for name, _ in options):
        raise _refused("it has options, which may hold secrets that nobody masks")
    path, is_local = unquote(parts.path), parts.scheme == "unix"
    database = next((value for _, value in options), "" if is_local else path.strip("/")) or "0"
    if not _DATABASE.fullmatch(database):
        raise _refused("its database is no number")
    if is_local and (host or "\0" in path or path.strip("/") == ""):
        raise _refused("it names no socket")
    if not is_local and not (host and port):
        raise _refused("it names no server")
    return Address(
        host=host,
        port=port,
        path=path if is_local else "",
        database=int(database),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        has_tls=parts.scheme == "rediss",
    )


def _refused(reason: str) -> ConfigError:
    return ConfigError("REDIS_URL cannot be used", why=reason, remedy=_REMEDY)
