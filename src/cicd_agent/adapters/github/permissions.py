"""Finds out by reading which permissions a token has; nothing is written, so of writing nothing certain can be told."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from cicd_agent.adapters.github.errors import Call
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.errors import ForgeRefused

SECONDS: Final = 10
_OPENS: Final[Mapping[str, str]] = {
    "actions": "/repos/{repo}/actions/runs",
    "checks": "/repos/{repo}/commits/{sha}/check-runs",
    "contents": "/repos/{repo}/git/commits/{sha}",
    "deployments": "/repos/{repo}/deployments",
    "issues": "/repos/{repo}/issues",
    "pull-requests": "/repos/{repo}/pulls",
    "statuses": "/repos/{repo}/commits/{sha}/status",
}
"""What each permission opens for reading."""


def probe(
    permissions: Iterable[str],
    repo: str,
    sha: str,
    token: str,
    api_url: str,
    *,
    ca_bundle: str = "",
    sleep: Callable[[float], None] = lambda _: None,
) -> dict[str, ForgeRefused | None]:
    """For each permission that reading can tell of: None when it is there, else what GitHub said.

    One that fails for a reason that holds for all (no connection, a wrong token) ends the asking.
    """
    wire = Wire(token, api_url, timeout=SECONDS, ca_bundle=ca_bundle, sleep=sleep)
    found: dict[str, ForgeRefused | None] = {}
    try:
        for name in permissions:
            if name not in _OPENS:
                continue
            path = _OPENS[name].format(repo=repo, sha=sha or "HEAD")
            query: dict[str, str | int] = {} if name in {"contents", "statuses"} else {"per_page": 1}
            try:
                wire.ask(Call(f"let us read {name}", "GET", path, f"{name}: read", query=query, repeatable=False))
                found[name] = None
            except ForgeRefused as refused:
                found[name] = refused
                if refused.status in {0, 401}:
                    return found
    finally:
        wire.close()
    return found
