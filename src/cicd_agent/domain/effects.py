"""What should be true afterwards: effects with idempotency keys, and the receipts of carrying them out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.verdict import Conclusion, RiskLevel

RISK_LABELS = {level: f"risk: {level}" for level in RiskLevel}


class Level(StrEnum):
    """The level of an annotation, in the runner's words, from least to worst."""

    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


class ReviewEvent(StrEnum):
    COMMENT = "COMMENT"
    APPROVE = "APPROVE"
    REQUEST_CHANGES = "REQUEST_CHANGES"


# Each effect carries its `kind`, so that a plan read back from JSON says which is which.


@dataclass(frozen=True, slots=True)
class InlineComment:
    """A comment on lines `start`..`line` (start 0: one line) of a file of the diff, known again by its `key`."""

    key: str
    path: str
    line: int
    side: Side
    body: str
    start: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """One pull request review, posted with all its comments at once for exactly `commit`."""

    key: str
    pull: int
    commit: str
    event: ReviewEvent
    body: str
    comments: tuple[InlineComment, ...]
    withheld: str = ""
    """Why this run may say no yes: neither approve nor take an earlier request for changes back."""
    kind: Literal["review"] = "review"


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment on the pull request, found again by `key` and edited in place.

    With `only_edit` it is not created when there is none yet (nothing was found: no need to say so in a new comment).
    """

    key: str
    pull: int
    body: str
    only_edit: bool = False
    kind: Literal["comment"] = "comment"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to the comment with the id `to`, said once: in its thread, else in the conversation."""

    key: str
    pull: int
    to: int
    body: str
    kind: Literal["reply"] = "reply"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A check annotation by workflow command; line 0 means the file, path "" the run as a whole."""

    key: str
    level: Level
    title: str
    message: str
    path: str = ""
    line: int = 0
    start: int = 0
    kind: Literal["annotation"] = "annotation"


@dataclass(frozen=True, slots=True)
class Summary:
    """The step summary, as Markdown."""

    key: str
    body: str
    kind: Literal["summary"] = "summary"


@dataclass(frozen=True, slots=True)
class Output:
    """A step output; the name is one that action.yml declares."""

    key: str
    name: str
    value: str
    kind: Literal["output"] = "output"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file beside the report (`name` is a plain file name), whose path the output `output` then holds."""

    key: str
    name: str
    text: str
    output: str = ""
    kind: Literal["artifact"] = "artifact"


@dataclass(frozen=True, slots=True)
class Resolve:
    """A thread of ours (`thread` is its node id), whose issue is gone, is resolved unless a person answered in it."""

    key: str
    pull: int
    thread: str
    kind: Literal["resolve"] = "resolve"


@dataclass(frozen=True, slots=True)
class Labels:
    """The label that tells the risk of a pull request, and no other of its family."""

    key: str
    pull: int
    risk: RiskLevel
    kind: Literal["labels"] = "labels"


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One check run on exactly `commit`; what it cannot show of its annotations goes to the runner's commands.

    Its name is no plan's choice: a plan from a file could take that of a check which a branch requires.
    """

    key: str
    commit: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    name: Literal["cicd-agent review", "cicd-agent failure"] = "cicd-agent review"
    kind: Literal["check-run"] = "check-run"


@dataclass(frozen=True, slots=True)
class CommitComment:
    """One comment on a commit that belongs to no pull request, found again by `key` and edited in place."""

    key: str
    commit: str
    body: str
    kind: Literal["commit-comment"] = "commit-comment"


@dataclass(frozen=True, slots=True)
class Issue:
    """An open issue about what is wrong: one for each `key`, whose text is edited in place."""

    key: str
    title: str
    body: str
    kind: Literal["issue"] = "issue"


@dataclass(frozen=True, slots=True)
class Button:
    """A link; to where the effect with the key `of` stands, once that is known, and else to `url`."""

    text: str
    url: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """One line for people who are not looking at GitHub; `url` is where they read on.

    `details` are further lines and `buttons` further links, for a message that asks somebody to decide.
    """

    key: str
    text: str
    url: str = ""
    details: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    kind: Literal["notification"] = "notification"


@dataclass(frozen=True, slots=True)
class Rerun:
    """The failed jobs of a run that has ended are run again, if that attempt (`attempt`) is its first.

    For an `approval` it may be any: the run was held, and decides anew.
    """

    key: str
    run: int
    attempt: int
    reason: Literal["infrastructure", "flaky", "approval"]
    kind: Literal["rerun"] = "rerun"


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it should be, whole; `path` is from the top of the repository."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of test files on the branch of a pull request, made only if that still ends in `head`.

    Which branch that is says the pull request, never the plan.
    """

    key: str
    pull: int
    head: str
    message: str
    files: tuple[TextFile, ...]
    kind: Literal["commit"] = "commit"


@dataclass(frozen=True, slots=True)
class OpenPull:
    """A pull request of test files against the branch of another one (`pull`, which ends in `head`).

    Found again by its branch, which bears the number of that and the key; edited in place.
    """

    key: str
    pull: int
    head: str
    title: str
    body: str
    message: str
    files: tuple[TextFile, ...]
    kind: Literal["open-pull"] = "open-pull"


@dataclass(frozen=True, slots=True)
class Deployment:
    """GitHub's record of what a gate decided: a deployment and its status, or a status of one (`id`) that stands.

    The output `output` then holds its number.
    """

    key: str
    environment: str
    commit: str
    state: Literal["queued", "failure", "inactive"]
    description: str
    id: int = 0
    output: str = ""
    kind: Literal["deployment"] = "deployment"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """People and teams (`org/team`) are asked to look at a pull request."""

    key: str
    pull: int
    reviewers: tuple[str, ...]
    kind: Literal["review-request"] = "review-request"


Effect = (
    Review
    | Comment
    | Reply
    | Annotation
    | Summary
    | Output
    | Artifact
    | Resolve
    | Labels
    | CheckRun
    | CommitComment
    | Issue
    | Notification
    | Rerun
    | Commit
    | OpenPull
    | Deployment
    | ReviewRequest
)


@dataclass(frozen=True, slots=True)
class Plan:
    effects: tuple[Effect, ...] = ()

    @property
    def here(self) -> "Plan":
        return Plan(tuple(each for each in self.effects if isinstance(each, Annotation | Artifact | Output | Summary)))


class ReceiptState(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    """It was true already: nothing was sent."""
    DEGRADED = "degraded"
    """Something lesser was done in its place; the detail says what and why."""
    SKIPPED = "skipped"
    """Deliberately not done (dry run, no forge); the detail says why."""
    FAILED = "failed"

    @property
    def falls_short(self) -> bool:
        """Whether something that should be true now is not, so that the run is degraded."""
        return self in {ReceiptState.DEGRADED, ReceiptState.FAILED}


@dataclass(frozen=True, slots=True)
class Receipt:
    key: str
    kind: str
    state: ReceiptState
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class PostedComment:
    """A comment that stands on the pull request; `is_ours` is judged by its author, never by its marker alone.

    Only an issue has a `title`. `created` and `updated` are in seconds since the epoch, 0 where nobody asked for them.
    """

    id: int
    body: str
    author: str
    is_ours: bool
    url: str = ""
    title: str = ""
    created: int = 0
    updated: int = 0
