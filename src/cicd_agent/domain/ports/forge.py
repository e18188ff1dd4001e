"""GitHub and git as ports: adapters implement them, tests/support/fakes has doubles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cicd_agent.domain.effects import CheckRun, PostedComment, Receipt, Review
from cicd_agent.domain.events.event import PullRequest, Ref
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.history import Past
from cicd_agent.domain.repository.library import Blamed, Entry, Matches

if TYPE_CHECKING:
    from cicd_agent.domain.ports.actions import Notices, Runs
    from cicd_agent.domain.ports.commits import Commits
    from cicd_agent.domain.ports.deployments import Gates


MAX_CHANGED_FILES = 3_000
"""Where GitHub's list of the files of a pull request stops."""


@dataclass(frozen=True, slots=True)
class PullState:
    """A pull request as the API shows it now."""

    pull: PullRequest
    base: Ref
    head: Ref


@dataclass(frozen=True, slots=True)
class PostedReview:
    """A submitted review: `state` in GitHub's words (APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED)."""

    id: int
    body: str
    is_ours: bool
    state: str
    commit: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class PostedCheck:
    """A check run of ours: `annotations` counts those that it has."""

    id: int
    conclusion: str
    title: str
    summary: str
    annotations: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of a workflow that failed; `when` it was begun, in seconds since the epoch."""

    workflow: str
    sha: str
    when: int
    conclusion: str


class Repository(Protocol):
    """git, read-only. Everything is read from the object database at a named commit."""

    def resolve(self, ref: str) -> str | None:
        """Full SHA of the commit that `ref` names, None when this clone does not have it."""

    def ensure(self, shas: Sequence[str], token: str = "") -> str:
        """Make the commits and their merge base present, by fetching if need be; "" or why that was not possible."""

    def change(self, base: str, head: str) -> Change: ...
    def uncommitted(self, base: str) -> Change: ...

    def blob(self, sha: str, path: str, limit: int = 1_000_000) -> bytes | None:
        """Content of a regular file at a commit; None when absent, not a regular file, or over `limit` bytes."""

    def past(self, sha: str, limit: int, counted: int) -> Past:
        """The last `limit` commits that lead to `sha`, itself included; lines are counted for the newest `counted`."""

    def parents(self, sha: str) -> tuple[str, ...]: ...

    def between(self, base: str, head: str, limit: int) -> tuple[Commit, ...]:
        """The commits on the first-parent line of `head` that are not in `base`, newest first."""

    def tree_ids(self, shas: Sequence[str]) -> tuple[str, ...]:
        """Git's id of all the files of each commit: the same where two commits have the same content."""

    def file_changes(self, shas: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], ...]:
        """What each commit changes against its first parent: mode and id of each file before and after, by path.

        A file that is not there has only zeros; a renamed one is two.
        """

    def commit_files(self, sha: str) -> tuple[FileDiff, ...]:
        """What a commit changes against its parent; () for one that has several or none."""

    def patch_id(self, base: str, head: str) -> str:
        """Git's stable id of the diff from one commit to another, "" when there is none; the same for a rebased one."""

    def is_clean_merge(self, sha: str, base: str) -> bool:
        """Whether a commit merges what leads to `base`, and has the very files that git makes of its two parents.

        False where that cannot be found out as well.
        """

    def library(self, change: Change) -> "Library":
        """The files that a change of this repository ends in; ConfigError when they cannot be had as they were."""


class Library(Protocol):
    """The files of one commit, and nothing else: all that a look-up of a model is given of the world.

    Its methods raise Unreadable when git cannot answer, within the limits that look-ups have.
    """

    @property
    def entries(self) -> Mapping[str, Entry]: ...

    @property
    def limits(self) -> Sequence[str]:
        """What is not known of it, one sentence each ("the clone is shallow")."""

    def contents(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        """The content of files and links: a link's is where it points. The caller has looked at their sizes."""

    def search(self, pattern: str, among: Sequence[Entry], limit: int, *, word: bool = False) -> Matches:
        """Lines that match a regular expression, or that hold exactly this word. Raises BadPattern."""

    def history(self, path: str, limit: int) -> tuple[Commit, ...]: ...
    def blame(self, path: str, first: int, last: int) -> tuple[Blamed, ...]: ...


class Forge(Protocol):
    """GitHub, as far as we use it. Every method may raise ForgeRefused."""

    @property
    def notes(self) -> Sequence[str]:
        """Limits met so far, each one sentence ("only the first 1,000 comments were read")."""

    def pull(self, number: int) -> PullState: ...

    def head(self, number: int) -> str:
        """The commit of its head: when its files were listed in this run, else now."""

    def holds(self, number: int, commit: str) -> bool:
        """Whether the commit is still one of the pull request's; True where the list of them is cut."""

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        """Its files from the API (at most 3,000), and a note for each limit met."""

    def blobs(self, number: int) -> Mapping[str, str]:
        """The git id of each file's content, by path, as `files` listed them in this run; empty before that."""

    def pulls_from(self, head: Ref) -> tuple[PullState, ...]:
        """The open pull requests whose head is this branch of this repository, be it a fork."""

    def failures(self, branch: str, limit: int) -> tuple[FailedRun, ...]:
        """The last runs that failed on a branch, newest first, in one request."""

    def blob_texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The texts of blobs by git id, some dozens a request; without what is binary, large, or beyond 300 of them."""

    def text_at(self, path: str, ref: str) -> str | None: ...
    def comments(self, number: int, marker: str) -> tuple[PostedComment, ...]: ...
    def review_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]: ...
    def post_comment(self, number: int, body: str) -> PostedComment: ...
    def edit_comment(self, comment: int, body: str) -> PostedComment: ...

    def post_review(self, review: Review) -> str:
        """Post a review with all its comments in one request; returns its URL.

        A review that our own account has begun and never submitted is discarded, should it stand in the way.
        """

    def threads(self, number: int) -> tuple[tuple[Thread, ...], tuple[str, ...]]:
        """The threads of its reviews, oldest first, and a note for each limit met."""

    def resolve(self, thread: str) -> None:
        """Resolve the thread of this node id, which takes `contents: write`."""

    def posted_reviews(self, number: int, marker: str) -> tuple[PostedReview, ...]: ...
    def dismiss(self, number: int, review: int, message: str) -> None: ...

    def thread(self, number: int, comment: int) -> tuple[PostedComment, ...]:
        """The thread at a line that `comment` opened, oldest first and that one first; empty when it is not there."""

    def reply(self, number: int, comment: int, body: str) -> PostedComment: ...
    @property
    def marks(self) -> "Marks": ...
    @property
    def runs(self) -> "Runs": ...
    @property
    def notices(self) -> "Notices": ...
    @property
    def commits(self) -> "Commits": ...
    @property
    def gates(self) -> "Gates": ...


class Marks(Protocol):
    """Labels of pull requests and our check runs. Every method may raise ForgeRefused."""

    def labels(self, number: int) -> tuple[str, ...]: ...

    def add_label(self, number: int, name: str) -> None:
        """Put a label on a pull request; a label that the repository does not have yet is created."""

    def remove_label(self, number: int, name: str) -> None: ...

    def find_check(self, check: CheckRun) -> PostedCheck | None:
        """The newest check run of ours with this name and commit, if it has this key."""

    def start_check(self, check: CheckRun) -> PostedCheck: ...

    def extend_check(self, posted: PostedCheck, check: CheckRun) -> PostedCheck:
        """Give it this conclusion, title and summary, and these annotations, at most 50, on top of those it has."""


@dataclass(frozen=True, slots=True)
class Left:
    """A file that was left in the workspace, named from there; `problem` says why there is no content.

    `modified` is in seconds since the epoch, 0 when it is not known.
    """

    path: str
    content: bytes = b""
    problem: str = ""
    modified: int = 0


class Workspace(Protocol):
    @property
    def roots(self) -> Sequence[str]:
        """The absolute names that the checkout goes by."""

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        """At most `most` regular files of at most `limit` bytes that lie inside the workspace, each read when due."""


class Journal(Protocol):
    def intend(self, key: str, kind: str, detail: Mapping[str, str]) -> None: ...
    def record(self, receipt: Receipt) -> None: ...
