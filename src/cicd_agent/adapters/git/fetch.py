"""Brings missing history into reach, with the token in that one process's environment and for one server only."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from cicd_agent.adapters.git.process import Git, GitFailed

DEPTHS = (64, 1024, 2**31 - 1)
"""How far back each attempt goes; git takes the last for everything."""
SECONDS = 180.0
"""For all attempts together."""


def credentials(url: str, server: str, token: str) -> dict[str, str]:
    """The environment that carries the token; empty when the remote is not on the token's server."""
    if not token or _origin(urlsplit(url)) != _origin(urlsplit(server)):
        return {}
    basic = b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"http.{server.rstrip('/')}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
        # A redirect would carry the header to wherever it points.
        "GIT_CONFIG_KEY_1": "http.followRedirects",
        "GIT_CONFIG_VALUE_1": "false",
    }


def _origin(url: SplitResult) -> tuple[str, str, int | None] | None:
    if url.scheme not in {"http", "https"} or not url.hostname:
        return None
    try:
        port = url.port
    except ValueError:
        return None
    return url.scheme, url.hostname, port or {"http": 80, "https": 443}[url.scheme]


def complete(
    git: Git, url: str, env: Mapping[str, str], shas: Sequence[str], *, clock: Callable[[], float] = time.monotonic
) -> str:
    """Fetch step by step, with the credentials in `env`, until nothing is missing; "" or why that was not possible."""
    deadline = clock() + SECONDS
    try:
        for depth in DEPTHS:
            if has_history(git, shas):
                break
            _fetch(git, url, env, shas, f"--depth={depth}", seconds=deadline - clock())
        else:
            if not has_history(git, shas):
                return "the commits have no common ancestor"
        if blobs := missing_blobs(git, shas):
            _fetch(git, url, env, blobs, seconds=deadline - clock())
    except GitFailed as failure:
        return (failure.why or failure.what).replace(url, "origin")
    return ""


def _fetch(git: Git, url: str, env: Mapping[str, str], ids: Sequence[str], *options: str, seconds: float) -> None:
    env = {"GIT_ALLOW_PROTOCOL": "https:http:ssh:file", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **env}
    quiet = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", *options)
    lines = "".join(f"{id_}\n" for id_ in ids).encode()
    git.bases.clear()
    git.run("fetch", *quiet, "--stdin", "--end-of-options", url, stdin=lines, env=env, seconds=max(seconds, 0))


def is_complete(git: Git, shas: Sequence[str]) -> bool:
    try:
        return has_history(git, shas) and not missing_blobs(git, shas)
    except GitFailed:
        return False


def has_history(git: Git, shas: Sequence[str]) -> bool:
    is_here = None not in git.heads([f"{sha}^{{commit}}" for sha in shas])
    return is_here and (len(shas) < 2 or bool(merge_bases(git, *shas)))  # noqa: PLR2004


def missing_blobs(git: Git, shas: Sequence[str]) -> list[str]:
    """The contents that a partial clone lacks, between the merge base and the last commit."""
    start = merge_bases(git, *shas)[0] if len(shas) > 1 else shas[0]
    ids: set[str] = set()
    for about in git.run("diff-tree", "-r", "-z", "--no-renames", start, shas[-1]).split(b"\0")[:-1:2]:
        old_mode, new_mode, old_id, new_id, _ = about.decode("ascii").removeprefix(":").split()
        ids |= {id_ for mode, id_ in ((old_mode, old_id), (new_mode, new_id)) if mode not in {"000000", "160000"}}
    blobs = sorted(ids)
    return [id_ for id_, head in zip(blobs, git.heads(blobs), strict=True) if head is None]


def merge_bases(git: Git, *shas: str) -> tuple[str, ...]:
    """The best common ancestors; none when there is none in this clone."""
    if shas not in git.bases:
        try:
            git.bases[shas] = tuple(git.text("merge-base", "--all", *shas).split())
        except GitFailed as failure:
            if failure.code == 1:
                return ()
            raise
    return git.bases[shas]
