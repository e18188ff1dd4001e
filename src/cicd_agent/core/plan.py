"""What should be true afterwards: effects with idempotency keys, and the receipts of carrying them out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cicd_agent.core.diff import Side


class Level(StrEnum):
    """The level of an annotation, in the runner's words, from least to worst."""

    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


class ReviewEvent(StrEnum):
    """What a review says as a whole, in GitHub's words."""

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
    """The step summary, Markdown."""

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


Effect = Review | Comment | Annotation | Summary | Output | Artifact


@dataclass(frozen=True, slots=True)
class Plan:
    """The effects, in the order in which they are carried out."""

    effects: tuple[Effect, ...] = ()


class ReceiptState(StrEnum):
    """How an effect ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """It was true already: nothing was sent."""
    DEGRADED = "degraded"
    """Something lesser was done in its place; the detail says what and why."""
    SKIPPED = "skipped"
    """Deliberately not done (dry run, no forge); the detail says why."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the effect with this key."""

    key: str
    kind: str
    state: ReceiptState
    detail: str = ""
    url: str = ""
