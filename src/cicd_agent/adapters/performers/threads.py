"""What is answered to a comment: once, to the event's own comment, in its own thread."""

from dataclasses import dataclass, field

from cicd_agent.adapters.performers.comments import PERMISSIONS, UNPROCESSABLE, Conversation
from cicd_agent.domain.effects import PostedComment, Receipt, ReceiptState, Reply, Resolve
from cicd_agent.domain.events.comment_markers import MOST_REPLIES, is_said, note_key, replies, reply_key
from cicd_agent.domain.events.event import Comment, EventKind
from cicd_agent.domain.events.thread import MOST_RESOLVED, Thread
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused


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

    def _post(self, reply: Reply, comment: Comment, forge: Forge) -> tuple[ReceiptState, str, str]:
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

    def _target(self, reply: Reply) -> Comment | str:
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
