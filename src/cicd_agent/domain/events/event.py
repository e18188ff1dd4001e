"""What happened, and how far its author is trusted: the one reading of a webhook payload that all modes share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit

WRITERS: Final = frozenset({"admin", "maintain", "write"})
"""The permissions, in GitHub's words, with which somebody can change a repository."""
ACTIONS: Final = "github-actions[bot]"
"""The account behind GITHUB_TOKEN, assumed when GitHub does not tell us who we are."""


class EventKind(StrEnum):
    """GitHub's event names that some mode may serve; everything else is OTHER, LOCAL is a run at a terminal."""

    PULL_REQUEST = "pull_request"
    PULL_REQUEST_TARGET = "pull_request_target"
    PUSH = "push"
    MERGE_GROUP = "merge_group"
    WORKFLOW_RUN = "workflow_run"
    WORKFLOW_DISPATCH = "workflow_dispatch"
    SCHEDULE = "schedule"
    DEPLOYMENT = "deployment"
    RELEASE = "release"
    ISSUE_COMMENT = "issue_comment"
    REVIEW_COMMENT = "pull_request_review_comment"
    LOCAL = "local"
    OTHER = "other"


class Trust(StrEnum):
    """How far the author of the event's text is trusted. A hint for wording and cost, never a reason to say yes."""

    WRITER = "writer"
    """OWNER, MEMBER or COLLABORATOR, or an event that only people with write access can cause."""
    KNOWN = "known"
    """CONTRIBUTOR: a commit of theirs was merged before."""
    STRANGER = "stranger"
    """Everybody else, and everybody whose association is not known."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An account: `association` is GitHub's author_association where the payload has one, else empty."""

    login: str = ""
    is_bot: bool = False
    association: str = ""


def same_login(login: str, other: str, *, is_bot: bool) -> bool:
    """Whether two logins are one account's; a bot's has a suffix in one place and none in the other."""
    suffix = "[bot]" if is_bot else ""
    return login.removesuffix(suffix).lower() == other.removesuffix(suffix).lower()


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or tag name and the commit it pointed to; `repo` is owner/name, empty for a deleted fork."""

    name: str = ""
    sha: str = ""
    repo: str = ""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request that the event is about. Title and body are the author's words: data, never instructions."""

    number: int
    title: str = ""
    body: str = ""
    author: Actor = Actor()
    draft: bool = False
    is_open: bool = True
    from_fork: bool = False
    """Whether the head is in another repository; also true while the payload does not say where it is."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    id: int
    attempt: int = 1
    name: str = ""
    event: str = ""
    conclusion: str = ""
    head_branch: str = ""
    head_sha: str = ""
    pulls: tuple[int, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    id: int
    environment: str = ""
    sha: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said: in the conversation, or in a thread at a line of the diff.

    `in_reply_to` is the comment that opened the thread, 0 when this one does. `line` is 0 when it is not in the diff
    any more, `diff_hunk` ends with the line as it was when the thread was opened.
    """

    id: int
    body: str = ""
    author: Actor = Actor()
    in_reply_to: int = 0
    path: str = ""
    line: int = 0
    side: str = ""
    diff_hunk: str = ""
    issue: int = 0
    """The number of the issue or pull request whose conversation it stands in, 0 for a comment at a line."""
    created: int = 0
    """When it was written, in seconds since the epoch, 0 where the event does not say."""
    permission: str = ""
    """What GitHub says that its author may do here (admin, write, read, none …), "" before that is asked."""
    refusal: str = ""
    """Why GitHub did not say it, "" when it did."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, whatever its kind.

    `sha` is the commit that results attach to: head.sha on a pull request (never the merge commit that
    GITHUB_SHA names there). A sha that is not known is empty. `base` is what the change is compared with;
    for a push, the commit before it (empty for a new branch). `inputs` are those of a workflow_dispatch,
    `delivery` names the run that the event started ("1234.1": run and attempt), `server` is where links lead
    ("https://github.com").
    """

    kind: EventKind
    name: str = ""
    action: str = ""
    repo: str = ""
    default_branch: str = ""
    sha: str = ""
    base: Ref = Ref()
    head: Ref = Ref()
    actor: Actor = Actor()
    trust: Trust = Trust.STRANGER
    pull: PullRequest | None = None
    run: WorkflowRun | None = None
    deployment: Deployment | None = None
    comment: Comment | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    delivery: str = ""
    server: str = ""
    workflow: str = ""
    """The file of the workflow that this job belongs to, "" when that is another repository's or not known."""

    @property
    def run_url(self) -> str:
        run = self.delivery.partition(".")[0]
        return f"{self.server}/{self.repo}/actions/runs/{run}" if self.server and self.repo and run else ""

    def commit_url(self, sha: str) -> str:
        return f"{self.server}/{self.repo}/commit/{sha}" if self.server and self.repo and sha else ""

    def compare_url(self, base: str, sha: str) -> str:
        known = self.server and self.repo and base and sha
        return f"{self.server}/{self.repo}/compare/{base}...{sha}" if known else ""

    @property
    def hosts(self) -> frozenset[str]:
        """The only host that what we publish links to: the event's own server."""
        return frozenset({urlsplit(self.server).netloc.lower()} - {""})

    def blob(self, commit: str, path: str, line: int = 0, first: int = 0) -> str:
        """Where lines `first`..`line` of a file are shown (first 0: one line, line 0: the file), "" when unknown."""
        if not (self.server and self.repo and commit):
            return ""
        lines = f"#L{first}-L{line}" if first else f"#L{line}" if line else ""
        return f"{self.server}/{self.repo}/blob/{commit}/{quote(path, errors='replace')}{lines}"
