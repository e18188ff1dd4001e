"""Doubles at our own ports: small working worlds that behave as the real ones do, and can be told to refuse."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cicd_agent.app.security.imported_evidence import blob_id
from cicd_agent.domain.effects import PostedComment, Receipt, Review, ReviewEvent
from cicd_agent.domain.events.event import Ref
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.ports.forge import FailedRun, Forge, Journal, Left, PostedReview, PullState, Workspace
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox
from cicd_agent.errors import ForgeRefused
from tests.support.fakes.checks import FakeMarks
from tests.support.fakes.commits import FakeCommits
from tests.support.fakes.gates import FakeGates
from tests.support.fakes.notices import FakeNotices
from tests.support.fakes.repository import FakeRepository
from tests.support.fakes.runs import FakeRuns

__all__ = ["FakeRepository"]

ME = "github-actions[bot]"
STATES = {
    ReviewEvent.APPROVE: "APPROVED",
    ReviewEvent.REQUEST_CHANGES: "CHANGES_REQUESTED",
    ReviewEvent.COMMENT: "COMMENTED",
}


@dataclass
class FakeForge(Forge):
    """One repository's pull requests. `refusals` maps a method's name to what it raises, until it is taken out."""

    pulls: dict[int, PullState] = field(default_factory=dict)
    ancestors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Head → the pull request's other commits."""
    diffs: dict[int, tuple[FileDiff, ...]] = field(default_factory=dict)
    ids: dict[int, dict[str, str]] = field(default_factory=dict)
    """Pull request → path → git's id of the content."""
    notes: tuple[str, ...] = ()
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    """(path, ref) → text."""
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    conversation: dict[int, list[PostedComment]] = field(default_factory=dict)
    inline: dict[int, list[PostedComment]] = field(default_factory=dict)
    below: dict[int, int] = field(default_factory=dict)
    """Inline comment → the one whose thread it stands in."""
    failed: dict[str, tuple[FailedRun, ...]] = field(default_factory=dict)
    """Branch → its failed runs."""
    reviews: list[Review] = field(default_factory=list)
    discussed: dict[int, list[Thread]] = field(default_factory=dict)
    """The threads of reviews."""
    calls: list[str] = field(default_factory=list)
    """Names of the methods called, refused calls too."""
    noticed: FakeNotices = field(default_factory=FakeNotices)
    submitted: list[PostedReview] = field(default_factory=list)
    refused_events: dict[ReviewEvent, ForgeRefused] = field(default_factory=dict)
    """What a review may not say."""
    marked: FakeMarks = field(default_factory=FakeMarks)
    ran: FakeRuns = field(default_factory=FakeRuns)
    committed: FakeCommits = field(default_factory=FakeCommits)
    gated: FakeGates = field(default_factory=FakeGates)

    @property
    def gates(self) -> FakeGates:
        return self.gated

    @property
    def commits(self) -> FakeCommits:
        return self.committed

    @property
    def marks(self) -> FakeMarks:
        return self.marked

    @property
    def runs(self) -> FakeRuns:
        return self.ran

    def pull(self, number: int) -> PullState:
        self._called("pull")
        return self.pulls[number]

    def head(self, number: int) -> str:
        return self.pull(number).head.sha

    def holds(self, number: int, commit: str) -> bool:
        self._called("holds")
        return self._has(number, commit)

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        self._called("files")
        return self.diffs.get(number, ()), self.notes

    def blobs(self, number: int) -> Mapping[str, str]:
        return self.ids.get(number, {})

    def pulls_from(self, head: Ref) -> tuple[PullState, ...]:
        self._called("pulls_from")
        return tuple(
            state for state in self.pulls.values() if (state.head.repo, state.head.name) == (head.repo, head.name)
        )

    def failures(self, branch: str, limit: int) -> tuple[FailedRun, ...]:
        self._called("failures")
        return self.failed.get(branch, ())[:limit]

    def blob_texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        self._called("blob_texts")
        return {id_: text for text in self.texts.values() if (id_ := blob_id(text)) in ids}

    def text_at(self, path: str, ref: str) -> str | None:
        self._called("text_at")
        return self.texts.get((path, ref))

    def comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        self._called("comments")
        return tuple(comment for comment in self.conversation.get(number, ()) if marker in comment.body)

    def review_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        self._called("review_comments")
        return tuple(comment for comment in self.inline.get(number, ()) if marker in comment.body)

    def post_comment(self, number: int, body: str) -> PostedComment:
        self._called("post_comment")
        return self.say(number, body)

    def edit_comment(self, comment: int, body: str) -> PostedComment:
        self._called("edit_comment")
        for standing in self.conversation.values():
            for at, one in enumerate(standing):
                if one.id == comment:
                    standing[at] = replace(one, body=body)
                    return standing[at]
        raise ForgeRefused("GitHub has no such comment", why="404: Not Found", status=404)

    def post_review(self, review: Review) -> str:
        """All or nothing, as GitHub does it: one anchor outside the diff fails the whole review."""
        self._called("post_review")
        if not self._has(review.pull, review.commit):
            raise ForgeRefused("GitHub refused the review", why="422: commit_id is not of the pull request", status=422)
        if review.pull in self.diffs:
            anchors = {
                (file.path, side, number)
                for file in self.diffs[review.pull]
                for line in file.lines
                for side, number in (("LEFT", line.old), ("RIGHT", line.new))
            }
            for comment in review.comments:
                if (comment.path, comment.side.value, comment.line) not in anchors:
                    raise ForgeRefused("GitHub refused the review", why="422: line must be in the diff", status=422)
        if review.event in self.refused_events:
            raise self.refused_events[review.event]
        self.reviews.append(review)
        self.submit(review.body, STATES[review.event], review.commit)
        for inline in review.comments:
            self.say_inline(review.pull, inline.body)
        return f"https://github.test/pull/{review.pull}#pullrequestreview-{len(self.reviews)}"

    @property
    def notices(self) -> FakeNotices:
        return self.noticed

    def threads(self, number: int) -> tuple[tuple[Thread, ...], tuple[str, ...]]:
        self._called("threads")
        return tuple(self.discussed.get(number, ())), self.notes

    def resolve(self, thread: str) -> None:
        self._called("resolve")
        for standing in self.discussed.values():
            for at, one in enumerate(standing):
                if one.id == thread:
                    standing[at] = replace(one, resolved=True)
                    return
        raise ForgeRefused("GitHub has no such thread", why="Could not resolve to a node", status=404)

    def posted_reviews(self, number: int, marker: str) -> tuple[PostedReview, ...]:  # noqa: ARG002  there is one
        self._called("posted_reviews")
        return tuple(one for one in self.submitted if marker in one.body)

    def dismiss(self, number: int, review: int, message: str) -> None:  # noqa: ARG002  the port's signature
        self._called("dismiss")
        self.submitted = [replace(one, state="DISMISSED") if one.id == review else one for one in self.submitted]

    def submit(self, body: str, state: str, commit: str, *, is_ours: bool = True) -> None:
        """Put a review of anybody's on the pull request."""
        self.submitted.append(PostedReview(len(self.submitted) + 1, body, is_ours, state, commit))

    def thread(self, number: int, comment: int) -> tuple[PostedComment, ...]:
        self._called("thread")
        said = self.inline.get(number, ())
        return tuple(one for one in said if one.id == comment or self.below.get(one.id) == comment)

    def reply(self, number: int, comment: int, body: str) -> PostedComment:
        self._called("reply")
        posted = self.say_inline(number, body)
        self.below[posted.id] = comment
        return posted

    def _has(self, number: int, commit: str) -> bool:
        """Whether the commit is of the pull request: its head, or one that the head stands on."""
        head = self.pulls[number].head.sha
        return commit == head or commit in self.ancestors.get(head, ())

    def say(self, number: int, body: str, author: str = ME) -> PostedComment:
        """Put a comment of anybody's into the conversation."""
        return self._add(self.conversation, number, body, author)

    def say_inline(self, number: int, body: str, author: str = ME) -> PostedComment:
        """Put an inline comment of anybody's on the diff."""
        return self._add(self.inline, number, body, author)

    def _add(self, shelf: dict[int, list[PostedComment]], number: int, body: str, author: str) -> PostedComment:
        ident = 1 + sum(map(len, (*self.conversation.values(), *self.inline.values())))
        url = f"https://github.test/pull/{number}#comment-{ident}"
        comment = PostedComment(id=ident, body=body, author=author, is_ours=author == ME, url=url)
        shelf.setdefault(number, []).append(comment)
        return comment

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.refusals:
            raise self.refusals[method]


@dataclass
class FakeWorkspace(Workspace):
    """Files by path, each matched by its own name alone."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    roots: Sequence[str] = ("/work/app",)
    modified: int = 0

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        for path in patterns[:most]:
            content = self.contents.get(path)
            if content is None:
                yield Left(path, problem="there is no such file")
            else:
                is_small = len(content) <= limit
                yield Left(path, content, modified=self.modified) if is_small else Left(path, problem="it is too large")


@dataclass
class FakeJournal(Journal):
    """The journal as a list: ("intent", key) and ("receipt", key) in the order in which they came."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    details: list[Mapping[str, str]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def intend(self, key: str, kind: str, detail: Mapping[str, str]) -> None:
        self.entries.append(("intent", key))
        self.details.append({"kind": kind, **detail})

    def record(self, receipt: Receipt) -> None:
        self.entries.append(("receipt", receipt.key))
        self.receipts.append(receipt)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a FakeSandbox was asked to run."""

    command: tuple[str, ...]
    tree: Path
    limits: Limits
    files: Mapping[str, bytes]
    readable: tuple[Path, ...]
    environment: Mapping[str, str]
    loopback: bool
    without: tuple[str, ...] = ()


@dataclass
class FakeSandbox(Sandbox):
    """Runs nothing: `answer` says what each trial would have come to."""

    answer: Callable[[Trial], Ran] = lambda _: Ran(0)
    trials: list[Trial] = field(default_factory=list)

    def run(
        self,
        command: Sequence[str],
        tree: Path,
        *,
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
        readable: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        loopback: bool = False,
        without: Sequence[str] = (),
    ) -> Ran:
        trial = Trial(
            tuple(command),
            tree,
            limits,
            dict(files or {}),
            tuple(readable),
            dict(environment or {}),
            loopback,
            tuple(without),
        )
        self.trials.append(trial)
        return self.answer(trial)
