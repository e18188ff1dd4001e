"""What the fake GitHub remembers: accounts, repositories, pull requests, and what was said on them."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.servers.github.gates_state import GateData
from tests.support.servers.github.git_state import GitData
from tests.support.servers.github.run_state import Commit, Run

Json = Any
WHEN = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Account:
    """Who acts with a token. `permissions` are GitHub's names, write including read."""

    login: str
    type: str = "Bot"
    permissions: Mapping[str, str] = field(default_factory=dict)
    viewer: str = ""
    """The login GraphQL reports, when it differs."""

    def may(self, needs: str) -> bool:
        """Whether the permissions cover one of the sets "name=level, …; name=level"."""
        levels = {"": 0, "read": 1, "write": 2}
        return any(
            all(
                levels[self.permissions.get(name.strip(), "")] >= levels[level.strip()]
                for name, _, level in (one.partition("=") for one in wanted.split(","))
            )
            for wanted in needs.split(";")
        )


GHOST = Account("ghost", "User")
"""Whom GitHub shows where an account was deleted."""


@dataclass(frozen=True)
class PullFile:
    """One file of a pull request; without a patch it is binary or too large."""

    filename: str
    status: str = "modified"
    patch: str | None = None
    previous_filename: str = ""
    sha: str = "1" * 40
    """git's id of its content."""

    @property
    def additions(self) -> int:
        """Lines added."""
        return sum(line.startswith("+") for line in (self.patch or "").split("\n"))

    @property
    def deletions(self) -> int:
        """Lines deleted."""
        return sum(line.startswith("-") for line in (self.patch or "").split("\n"))


@dataclass
class Comment:
    """A comment of the conversation."""

    id: int
    body: str
    author: Account
    created_at: str = WHEN
    updated_at: str = WHEN


@dataclass(frozen=True)
class ReviewComment:
    """An inline comment; it was valid when it was made."""

    id: int
    review: int
    author: Account
    commit: str
    fields: Mapping[str, Json]


@dataclass(frozen=True)
class Review:
    """A review; PENDING until it is submitted."""

    id: int
    author: Account
    body: str
    state: str
    commit: str
    submitted_at: str = WHEN
    association: str = "NONE"


@dataclass(frozen=True)
class CheckRun:
    """A check run with all the annotations that were added to it."""

    id: int
    app: str
    commit: str
    name: str
    external_id: str
    conclusion: str
    output: Mapping[str, Json]
    annotations: tuple[Json, ...] = ()
    status: str = "completed"
    completed_at: str | None = WHEN
    url: str = ""
    environment: str = ""
    """Where it deploys to."""


@dataclass
class Issue:
    """An issue that is no pull request."""

    number: int
    title: str
    body: str
    author: Account | None
    labels: tuple[str, ...] = ()
    state: str = "open"
    created_at: str = WHEN
    comments: list[Comment] = field(default_factory=list)


@dataclass
class Pull:
    """A pull request. `revisions` maps each commit its head was at to the files it changed then."""

    number: int
    base_sha: str
    head_sha: str
    revisions: dict[str, tuple[PullFile, ...]]
    head_repo: str | None
    title: str = "Change"
    body: str | None = None
    author: Account | None = None
    association: str = "CONTRIBUTOR"
    base_ref: str = "main"
    head_ref: str = "change"
    state: str = "open"
    draft: bool = False
    labels: tuple[str, ...] = ()
    comments: list[Comment] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    """Commits that were its head once, and are no longer part of it."""
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)
    resolved: dict[int, Account | None] = field(default_factory=dict)
    """The first comment of each resolved thread → who did it; None where GitHub does not say."""
    thumbs: dict[int, list[tuple[str, Account | None]]] = field(default_factory=dict)
    """By inline comment: THUMBS_UP or THUMBS_DOWN and whose."""
    hidden: dict[int, str] = field(default_factory=dict)
    """By inline comment: why it is hidden, in GitHub's words."""
    dismissed: dict[int, Account | None] = field(default_factory=dict)
    """By review: who took it back."""
    updated_at: str = WHEN
    landed: tuple[str, ...] = ()
    """Where it was merged, the commits that this made on the base branch, oldest first."""
    writers: tuple[str, ...] = ()
    """The logins of who wrote its commits, one for each."""
    retargeted: list[tuple[str, str, bool]] = field(default_factory=list)
    """When its base branch was changed, from which one, and whether GitHub did it by itself."""

    def reply(self, ident: int, to: ReviewComment, author: Account, body: str) -> None:
        """Add to the thread that a comment began."""
        fields = {**to.fields, "body": body, "in_reply_to_id": to.id}
        self.review_comments.append(ReviewComment(ident, 0, author, to.commit, fields))

    @property
    def files(self) -> tuple[PullFile, ...]:
        """The files at its head."""
        return self.revisions[self.head_sha]

    def push(self, head_sha: str, files: Sequence[PullFile]) -> None:
        """Move the head; what was said on the old one stays."""
        self.head_sha = head_sha
        self.revisions[head_sha] = tuple(files)
        self.replaced.discard(head_sha)

    def force_push(self, head_sha: str, files: Sequence[PullFile]) -> None:
        """Replace all of its commits."""
        self.replaced |= self.revisions.keys()
        self.push(head_sha, files)

    @property
    def commits(self) -> tuple[str, ...]:
        """The commits it consists of now, oldest first."""
        return tuple(sha for sha in self.revisions if sha not in self.replaced)


@dataclass
class Repo:
    """A repository: `contents` maps (ref, path) to a file, or to the object the API gives for anything else."""

    name: str
    directory: Path | None = None
    huge: bool = False
    """Whether there are more files than GitHub lists at once."""
    runs: list[Run] = field(default_factory=list)
    """The newest first."""
    commits: dict[str, Commit] = field(default_factory=dict)
    """By sha, for whoever asks for one or compares two."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    contents: dict[tuple[str, str], bytes | Json] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    """Those that may be put on a pull request without being created."""
    check_runs: list[CheckRun] = field(default_factory=list)
    shas: set[str] = field(default_factory=set)
    """Commits that it has beside those of its pull requests."""
    commit_comments: dict[str, list[Comment]] = field(default_factory=dict)
    """By commit."""
    issues: list[Issue] = field(default_factory=list)
    has_issues: bool = True
    lets_bots_approve: bool = True
    """The setting "Allow GitHub Actions to create and approve pull requests"."""
    store: GitData = field(default_factory=GitData)
    """Commits and branches, for whoever makes some."""
    gate: GateData = field(default_factory=GateData)
    """What a deployment gate asks for; `FakeGitHub.gate` fills it."""
    lets_dismiss: bool = True
    """Whether the branch's protection lets anybody with a writing token dismiss reviews."""

    def git(self, *arguments: str) -> bytes:
        """What git says in the repository's directory."""
        return subprocess.run(["git", *arguments], cwd=self.directory, check=True, capture_output=True).stdout
