"""The URL of a PostgreSQL server, read without its driver."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from cicd_agent.errors import StoreRefused

_SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})
_URL: Final = re.compile(
    r"(?P<scheme>[\w+]+)://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[0-9]*))?"
    r"(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Where a URL points to: as people may see it, what of it nobody may see, and what psycopg connects by."""

    name: str
    secrets: tuple[str, ...] = field(repr=False)
    parameters: dict[str, str] = field(repr=False)


def parse_url(url: str) -> ServerUrl:
    """Raises StoreRefused when it is none of PostgreSQL."""
    match = _URL.fullmatch(url.strip())
    # A password with an @ of its own would end up in the name of the host, which everybody sees.
    if match is None or match["scheme"].lower() not in _SCHEMES or "@" in (match["host"] or ""):
        raise StoreRefused(
            "DATABASE_URL is not a URL of PostgreSQL", remedy="Give postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    options: dict[str, str] = {}
    for key, value in parse_qsl(match["query"] or ""):
        options[key] = f"{options[key]},{value}" if key in options else value
    password = unquote(match["password"] or "")
    host = match["ipv6"] or match["host"] or options.get("host") or "localhost"
    port = f":{match['port']}" if match["port"] else ""
    name = f"postgresql://{host}{port}/{match['dbname'] or ''}"
    texts = [text for text in (password, *options.values()) if text and text not in name]
    secrets = {each for text in texts for each in (text, quote(text))}
    named = {
        "host": match["ipv6"] or match["host"],
        "port": match["port"],
        "user": unquote(match["user"] or ""),
        "password": password,
        "dbname": match["dbname"],
    }
    parameters = {key: value for key, value in named.items() if value} | options
    return ServerUrl(name, tuple(sorted(secrets, key=len, reverse=True)), parameters)
