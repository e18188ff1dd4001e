"""Every secret that a process was given, so that none of them leaves it."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from cicd_agent.app.context import inputs
from cicd_agent.app.options import RunOptions
from cicd_agent.settings.environment import Environment

_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_WRITTEN_OUT = re.compile(r"//[^:/@]*:([^@\s]+)@")
"""A password with a slash, a question mark or a hash in it: who connects may read it so, who follows the rules not."""


def secrets(options: RunOptions, environment: Environment) -> list[str]:
    """Every secret that this process was given, whether or not anything else of the inputs makes sense."""
    given = {**environment.fallbacks, **inputs(options, environment)}
    secrets = [given.get(name, "") for name in ("github-token", "openai-api-key", "slack-token")]
    secrets += [environment.workload.request_token] if environment.workload else []
    secrets += [line.partition(":")[2].strip() for line in given.get("model-headers", "").splitlines()]
    for url in (given.get("index-url", ""), environment.database_url, environment.redis_url):
        secrets += _passwords(url)
    for name, value in environment.telemetry.items():
        if name.endswith("ENDPOINT"):
            secrets += _passwords(value)
        elif name.endswith("HEADERS"):  # what authenticates at a collector stands in a header
            values = [part.partition("=")[2] for part in value.split(",")]
            secrets += [form.strip() for each in values for form in (each, unquote(each))]
    secrets += _secret_parts(given.get("slack-webhook-url", ""))
    return list(filter(None, secrets))


def _passwords(url: str) -> list[str]:
    """What of a URL is a password: before the host, where it may hold what a URL should not, or among the options."""
    try:
        parts = urlsplit(url)
        passwords = [parts.password or "", *(value for name, value in parse_qsl(parts.query) if _SECRET.search(name))]
    except ValueError:
        return [url]
    if "@" not in parts.netloc and (match := _WRITTEN_OUT.search(url)):
        passwords.append(match[1])
    return [form for each in dict.fromkeys(passwords) for form in (each, unquote(each))]


def _secret_parts(url: str) -> list[str]:
    """The secret parts of a webhook's address, which as a whole holds words that stand everywhere."""
    _, scheme, rest = url.strip().partition("://")
    if not scheme:
        return [url.strip()]
    host, _, path = rest.partition("/")
    parts = [part for part in (*re.split(r"[/?&=#]", path), *host.rpartition("@")[0].split(":")) if part]
    return [part for part in parts if re.search(r"[0-9A-Z]", part)] or parts[-1:]
