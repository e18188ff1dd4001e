"""What people made of our findings, as GitHub shows it, as a port."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cicd_agent.domain.repository.diff import Side


class PullEnd(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OurThread:
    """A thread that a comment of ours began on lines `first` to `last` of `path` at `commit`; 0 for the whole file.

    `rule` is "" for a model's finding. `resolved_by`, `dismissed_by` and `thumbs_down` are logins; of ours, where we
    closed it ourselves, there is none. `hidden` is why the comment was hidden, in GitHub's words, "" when it was not.
    """

    fingerprint: str
    path: str
    first: int
    last: int
    side: Side
    commit: str
    at: int
    rule: str = ""
    origin: str = ""
    severity: str = ""
    suggestion: str = ""
    url: str = ""
    resolved_by: str = ""
    hidden: str = ""
    dismissed_by: str = ""
    thumbs_down: tuple[str, ...] = ()
    thumbs_up: int = 0


@dataclass(frozen=True, slots=True)
class Discussed:
    """A pull request with our threads in it. `head` is its last commit, `merged_as` what the merge made of it, or "".

    `updated` in seconds since the epoch.
    """

    number: int
    end: PullEnd
    head: str
    updated: int
    merged_as: str = ""
    threads: tuple[OurThread, ...] = ()


class Discussions(Protocol):
    """Pull requests and what was said in them. Takes `pull-requests: read`. May raise ForgeRefused."""

    def discussed(self, since: int, limit: int) -> tuple[Sequence[Discussed], Sequence[str]]:
        """At most `limit` pull requests with activity since then, the newest first, and a note for each limit met."""
