"""What is answered to a comment: once, to the event's own comment, in its own thread."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cicd_agent.adapters.conversation import LONGEST_BODY
from cicd_agent.core.event import Comment, Event, EventKind
from cicd_agent.core.exchange import MOST_REPLIES, is_said, note_key, replies, reply_key
from cicd_agent.core.inert import inert
from cicd_agent.core.markdown import marker, truncate
from cicd_agent.core.plan import Receipt, ReceiptState, Reply
from cicd_agent.core.ports import Forge, PostedComment, Store
from cicd_agent.errors import AgentError, ForgeRefused


@dataclass
class Replies:
    """Carries out replies for one event. `refusals` are what GitHub answered no to, by HTTP status; 0 is an outage."""

    forge: Forge | None
    store: Store
    event: Event
    redact: Callable[[str], str]
    refusals: dict[int, AgentError] = field(default_factory=dict)

    def reply(self, reply: Reply) -> Receipt:
        """Post the reply, unless it stands."""
        if reason := self._misdirected(reply):
            return self._record(reply, ReceiptState.FAILED, reason)
        if self.forge is None or self.event.comment is None:
            return self._record(reply, ReceiptState.SKIPPED, "no connection to GitHub")
        try:
            return self._post(reply, self.event.comment, self.forge)
        except AgentError as error:
            self.refusals.setdefault(error.status if isinstance(error, ForgeRefused) else 0, error)
            return self._record(reply, ReceiptState.DEGRADED, str(error))

    def _post(self, reply: Reply, comment: Comment, forge: Forge) -> Receipt:
        root = comment.in_reply_to or comment.id
        in_thread = self.event.kind is EventKind.REVIEW_COMMENT
        standing = forge.thread(reply.pull, root) if in_thread else forge.comments(reply.pull, marker(reply.key))
        # A note makes no sense below an answer, but an answer does below a note.
        if is_said(standing, reply.key) or is_said(standing, reply_key(comment.id)):
            return self._record(reply, ReceiptState.UNCHANGED, "it is answered already")
        if in_thread and not any(each.id == comment.id for each in standing):
            return self._record(reply, ReceiptState.DEGRADED, "the comment is not there any more")
        if replies(standing) >= MOST_REPLIES:
            return self._record(reply, ReceiptState.DEGRADED, f"it would be more than {MOST_REPLIES} in one thread")
        body = self._body(reply)
        self.store.intend(reply.key, reply.kind, {"pull": str(reply.pull), "detail": f"answer {reply.to}"})
        posted: PostedComment = (
            forge.reply(reply.pull, root, body) if in_thread else forge.post_comment(reply.pull, body)
        )
        return self._record(reply, ReceiptState.DONE, "posted", posted.url)

    def _misdirected(self, reply: Reply) -> str:
        """Why this is no answer to this event: a plan may have been read from a file that others can write."""
        pull, comment = self.event.pull, self.event.comment
        if self.event.kind not in {EventKind.REVIEW_COMMENT, EventKind.ISSUE_COMMENT} or not pull or not comment:
            return "it answers a comment, and the event is about none"
        if (reply.pull, reply.to) != (pull.number, comment.id):
            return f"it answers comment {reply.to} of pull request {reply.pull}, the event is about another"
        if reply.key not in {reply_key(comment.id), note_key(comment.id)}:
            return "its key is not that of an answer to the event's comment"
        return ""

    def _body(self, reply: Reply) -> str:
        """Redacted before it is judged, since a mask may tear something open, and cut last."""
        first = marker(reply.key)
        safe = inert(self.redact(reply.body), self.event.hosts)
        return f"{first}\n{truncate(safe, LONGEST_BODY - len(first) - 1)}"

    def _record(self, reply: Reply, state: ReceiptState, detail: str, url: str = "") -> Receipt:
        receipt = Receipt(reply.key, reply.kind, state, self.redact(detail), url)
        self.store.record(receipt)
        return receipt
