"""What is said on the pull request: once, at the event's own target, and in a lesser form when GitHub refuses."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from cicd_agent.adapters.performers.review_verdict import VerdictPerformer
from cicd_agent.domain.effects import (
    Comment,
    Effect,
    PostedComment,
    Receipt,
    ReceiptState,
    Reply,
    Resolve,
    Review,
    ReviewEvent,
)
from cicd_agent.domain.events.comment_markers import MOST_REPLIES, is_said, note_key, replies, reply_key
from cicd_agent.domain.events.event import Comment as EventComment
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.thread import MOST_RESOLVED, Thread
from cicd_agent.domain.ports.forge import Forge, Journal
from cicd_agent.domain.text.markdown import code, find_marker, marker, truncate
from cicd_agent.domain.text.sanitizer import inert
from cicd_agent.domain.text.words import count
from cicd_agent.errors import AgentError, ForgeRefused

MAX_BODY = 60_000
"""Characters of a body; GitHub takes 65,536."""
MAX_COMMENTS = 30
"""Inline comments of one review that are still kind."""

_OURS = "<!-- cicd-agent:"
UNPROCESSABLE = 422
PERMISSIONS = frozenset({401, 403, 404, 410})
"""Refusals that concern what was asked for, and no outage; 410 says that the repository has switched it off."""

PullEffect = Review | Comment | Resolve
"""What concerns one pull request."""


@dataclass(frozen=True, slots=True)
class Movement:
    """What happened to the pull request meanwhile: its new `head`, "" when it is where it was.

    `gone`: the commit under review is no longer part of it, and GitHub takes no comments at its lines.
    """

    head: str = ""
    gone: bool = False

    def describe(self, sha: str) -> str:
        return f"About commit {sha[:7]}, which is no longer part of this pull request: {self.head[:7]} has replaced it"


@dataclass
class Conversation:
    """Carries out what concerns one pull request. `refusals` are what GitHub answered no to, each kind once."""

    forge: Forge | None
    journal: Journal
    event: Event
    redact: Callable[[str], str]
    events: Collection[ReviewEvent] = frozenset({ReviewEvent.COMMENT})
    """What a review may say; a plan that comes from a file may want more."""
    withheld: str = ""
    """Why no review may say yes here, "" when it may."""
    pulls: Collection[int] = ()
    """Pull requests beside the event's own on which a comment may stand."""
    refusals: dict[int, AgentError] = field(default_factory=dict)
    """By HTTP status; 0 is an outage or the end of the run's time."""
    _last_comment: Comment | None = field(default=None, init=False)
    """The last comment that was carried out: where there is room for what a refused review would have said."""
    _known_movement: Movement | None = field(default=None, init=False)
    """Asked once, before the first thing is written."""

    def review(self, review: Review) -> Receipt:
        """Post the review; one comment in its place when GitHub will not have the lines."""
        comments = review.comments[:MAX_COMMENTS]
        cut = len(review.comments) - len(comments)
        detail = f"{count(cut, 'inline comment')} left out, more than {MAX_COMMENTS} are unkind" if cut else ""

        def post(forge: Forge) -> Receipt:
            standing = {
                find_marker(posted.body) for posted in forge.review_comments(review.pull, _OURS) if posted.is_ours
            }
            fresh = tuple(inline for inline in comments if marker(inline.key) not in standing)
            remaining = replace(review, comments=fresh)
            if ReviewEvent.REQUEST_CHANGES in self.events:
                verdicts = VerdictPerformer(forge, self.withheld, self.redact, self.refusals)
                return verdicts.post(remaining, lambda one: self._post(forge, one, detail))
            if comments and not fresh:
                return Receipt(review.key, review.kind, ReceiptState.UNCHANGED, "all of its comments stand already")
            return self._post(forge, remaining, detail)

        return self._act(review, post)

    def comment(self, comment: Comment) -> Receipt:
        """Edit our comment, or post it when there is none."""

        def upsert(forge: Forge) -> Receipt:
            self._last_comment = comment
            return self._upsert(forge, comment)

        return self._act(comment, upsert)

    def _post(self, forge: Forge, review: Review, detail: str) -> Receipt:
        """Post these comments; a refused verdict is raised, since it is no fault of theirs."""
        if self.movement(forge).gone:
            why = f"{self.movement(forge).describe(self.event.sha)}: no comments at its lines"
            return Receipt(review.key, review.kind, ReceiptState.DEGRADED, why)
        verdict = "" if review.event is ReviewEvent.COMMENT else f"{review.event}, "
        self.intend(review, f"{verdict}{count(len(review.comments), 'inline comment')} on {review.commit}")
        try:
            url = forge.post_review(self._prepared(review))
        except ForgeRefused as error:
            if error.status != UNPROCESSABLE or verdict:
                raise
            substitute = self._upsert(forge, _substitute(review, self._last_comment))
            note = "The comment has what the review would have said"
            if substitute.state is ReceiptState.SKIPPED:
                note = f"No comment: {substitute.detail}"
            why = f"{error} {note}"
            return replace(substitute, key=review.key, kind=review.kind, state=ReceiptState.DEGRADED, detail=why)
        return Receipt(review.key, review.kind, ReceiptState.DONE, detail, url)

    def _act(self, effect: PullEffect, act: Callable[[Forge], Receipt]) -> Receipt:
        return self.attempt(effect, self.misdirected(effect), act)

    def attempt(self, effect: Effect, reason: str, act: Callable[[Forge], Receipt]) -> Receipt:
        """Carry an effect out, unless there is a `reason` against it; a refusal degrades it and is remembered."""
        if reason:
            return self.record(effect, ReceiptState.FAILED, reason)
        if self.forge is None:
            return self.record(effect, ReceiptState.SKIPPED, "no connection to GitHub")
        if 0 in self.refusals:
            # Each attempt would wait through all of its retries again.
            return self.record(effect, ReceiptState.DEGRADED, f"not tried again: {self.refusals[0]}")
        try:
            receipt = act(self.forge)
        except AgentError as error:
            status = error.status if isinstance(error, ForgeRefused) else 0
            known = status if status in PERMISSIONS or status == UNPROCESSABLE else 0
            self.refusals.setdefault(known, error)
            return self.record(effect, ReceiptState.DEGRADED, str(error))
        self.journal.record(receipt)
        return receipt

    def misdirected(self, effect: PullEffect) -> str:
        """Why this effect is none of this event's: a plan may have been read from a file that others can write."""
        pull = self.event.pull.number if self.event.pull else None
        if pull is None and isinstance(effect, Comment) and effect.pull in self.pulls:
            return ""
        if effect.pull != pull:
            about = f"pull request {pull}" if pull else "no pull request"
            return f"it names pull request {effect.pull}, the event is about {about}"
        if isinstance(effect, Review) and effect.commit != self.event.sha:
            return f"it names commit {effect.commit}, the event is about {self.event.sha}"
        if isinstance(effect, Review) and effect.event not in self.events:
            return f"a review may not say {effect.event} here"
        return ""

    def _upsert(self, forge: Forge, comment: Comment) -> Receipt:
        body = self.body(comment.key, comment.body)
        comments = forge.comments(comment.pull, marker(comment.key))
        standing = next((posted for posted in comments if is_same_comment(posted, body)), None)
        if standing is None and comment.only_edit:
            return Receipt(
                comment.key, comment.kind, ReceiptState.SKIPPED, "there is no comment yet, and no need of one"
            )
        if standing is not None and lines(standing.body) == lines(body):
            return Receipt(comment.key, comment.kind, ReceiptState.UNCHANGED, "it reads so already", standing.url)
        moved = self.movement(forge)
        if standing is not None and moved.head and f"commit {moved.head[:7]}" in standing.body:
            return Receipt(
                comment.key, comment.kind, ReceiptState.SKIPPED, "ours is about a newer commit", standing.url
            )
        if moved.gone:
            body = self.body(comment.key, f"> {moved.describe(self.event.sha)}.\n\n{comment.body}")
        self.intend(comment, f"edit {standing.id}" if standing else "post")
        if standing is not None:
            posted, detail = forge.edit_comment(standing.id, body), "edited"
        else:
            posted, detail = forge.post_comment(comment.pull, body), "posted"
        return Receipt(comment.key, comment.kind, ReceiptState.DONE, detail, posted.url)

    def movement(self, forge: Forge) -> Movement:
        """Where the pull request has gone since its event. Not knowing is no reason to say nothing."""
        if self._known_movement is None:
            self._known_movement = Movement()
            try:
                head = forge.head(self.event.pull.number) if self.event.pull else self.event.sha
                if self.event.pull and head != self.event.sha:
                    self._known_movement = Movement(head, gone=not forge.holds(self.event.pull.number, self.event.sha))
            except ForgeRefused as error:
                if error.status not in PERMISSIONS and error.status != UNPROCESSABLE:
                    self._known_movement = None
                    raise
                self.refusals.setdefault(error.status, error)
        return self._known_movement

    def _prepared(self, review: Review) -> Review:
        bodies = (replace(inline, body=self.body(inline.key, inline.body)) for inline in review.comments)
        return replace(review, body=self.body(review.key, review.body), comments=tuple(bodies))

    def body(self, key: str, text: str) -> str:
        """Redacted before it is judged, since a mask may tear something open, and cut last."""
        first = marker(key)
        safe = inert(self.redact(text), self.event.hosts)
        return f"{first}\n{truncate(safe, MAX_BODY - len(first) - 1)}"

    def intend(self, effect: PullEffect | Reply, detail: str) -> None:
        self.journal.intend(effect.key, effect.kind, {"pull": str(effect.pull), "detail": detail})

    def record(self, effect: Effect, state: ReceiptState, detail: str) -> Receipt:
        """What became of an effect that was not carried out, in the journal too."""
        receipt = Receipt(effect.key, effect.kind, state, self.redact(detail))
        self.journal.record(receipt)
        return receipt


def is_same_comment(posted: PostedComment, body: str) -> bool:
    """Whether it is our comment of this kind: its author decides, and the marker in its first line."""
    return posted.is_ours and find_marker(posted.body) == find_marker(body)


def lines(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


def _substitute(review: Review, last_comment: Comment | None) -> Comment:
    """What the inline comments say, each with its place: below our comment, whose next edit takes it away again."""
    first = last_comment or Comment(key=review.key, pull=review.pull, body=review.body)
    parts = [first.body, *(f"{code(f'{inline.path}:{inline.line}')}\n\n{inline.body}" for inline in review.comments)]
    return replace(first, body="\n\n---\n\n".join(parts), only_edit=False)


@dataclass(frozen=True, slots=True)
class ReplyPerformer:
    """Carries out replies for the event of a conversation."""

    conversation: Conversation

    def reply(self, reply: Reply) -> Receipt:
        """Post the reply, unless it stands."""
        target = self._target(reply)
        if isinstance(target, str):
            return self.conversation.record(reply, ReceiptState.FAILED, target)

        def post(forge: Forge) -> Receipt:
            return Receipt(reply.key, reply.kind, *self._post(reply, target, forge))

        return self.conversation.attempt(reply, "", post)

    def _post(self, reply: Reply, comment: EventComment, forge: Forge) -> tuple[ReceiptState, str, str]:
        conversation = self.conversation
        root = comment.in_reply_to or comment.id
        in_thread = conversation.event.kind is EventKind.REVIEW_COMMENT
        standing = forge.thread(reply.pull, root) if in_thread else forge.comments(reply.pull, marker(reply.key))
        # A note makes no sense below an answer, but an answer does below a note.
        if is_said(standing, reply.key) or is_said(standing, reply_key(comment.id)):
            return ReceiptState.UNCHANGED, "it is answered already", ""
        if in_thread and not any(each.id == comment.id for each in standing):
            return ReceiptState.DEGRADED, "the comment is not there any more", ""
        if replies(standing) >= MOST_REPLIES:
            return ReceiptState.DEGRADED, f"it would be more than {MOST_REPLIES} in one thread", ""
        body = conversation.body(reply.key, reply.body)
        conversation.intend(reply, f"answer {reply.to}")
        posted: PostedComment = (
            forge.reply(reply.pull, root, body) if in_thread else forge.post_comment(reply.pull, body)
        )
        return ReceiptState.DONE, "posted", posted.url

    def _target(self, reply: Reply) -> EventComment | str:
        """What is answered, or why this is no answer to this event: others may have written the plan."""
        event = self.conversation.event
        comment = event.comment
        if event.kind not in {EventKind.REVIEW_COMMENT, EventKind.ISSUE_COMMENT} or not event.pull or not comment:
            return "it answers a comment, and the event is about none"
        if (reply.pull, reply.to) != (event.pull.number, comment.id):
            return f"it answers comment {reply.to} of pull request {reply.pull}, the event is about another"
        if reply.key not in {reply_key(comment.id), note_key(comment.id)}:
            return "its key is not that of an answer to the event's comment"
        return comment


@dataclass
class ResolvePerformer:
    """Resolves threads of the pull request of a conversation."""

    conversation: Conversation
    _threads: dict[str, Thread] | None = field(default=None, init=False)
    """By node id; read when the first of them is to be resolved."""
    _resolved: int = field(default=0, init=False)
    _resolve_refusal: str = field(default="", init=False)
    """Why GitHub lets this token resolve nothing."""

    def resolve(self, effect: Resolve) -> Receipt:
        """Resolve a thread of ours. The summary has marked it: a token that may not is no reason for a warning."""
        conversation = self.conversation

        def close(forge: Forge) -> Receipt:
            try:
                if why := self._resolve_refusal or self._reason_to_leave(forge, effect):
                    return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, why)
                conversation.intend(effect, f"resolve {effect.thread}")
                self._resolved += 1
                forge.resolve(effect.thread)
            except ForgeRefused as error:
                if error.status not in PERMISSIONS and error.status != UNPROCESSABLE:
                    raise
                self._resolve_refusal = conversation.redact(str(error))
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, self._resolve_refusal)
            url = (self._threads or {})[effect.thread].url
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, "resolved", url)

        return conversation.attempt(effect, conversation.misdirected(effect), close)

    def _reason_to_leave(self, forge: Forge, effect: Resolve) -> str:
        """Why a thread is left alone, as GitHub has it now: the plan may be old, or somebody else's."""
        if self._resolved >= MOST_RESOLVED:
            return f"more than {MOST_RESOLVED} threads: the next run resolves it"
        if self.conversation.movement(forge).head:
            return "the pull request has moved on: what is fixed there is for the run of its new head to say"
        if self._threads is None:
            self._threads = {thread.id: thread for thread in forge.threads(effect.pull)[0]}
        thread = self._threads.get(effect.thread)
        if thread is None or not thread.key:
            return f"pull request {effect.pull} has no such thread of ours"
        if thread.resolved:
            return "it is resolved already"
        return "a person has answered in it" if thread.answered else ""
