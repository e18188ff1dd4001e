"""What is answered to a comment: once, to the event's own comment, in its own thread."""

from dataclasses import dataclass

from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.comment_markers import MOST_REPLIES, is_said, note_key, replies, reply_key
from cicd_agent.domain.effects import Receipt, ReceiptState, Reply
from cicd_agent.domain.event import Comment, EventKind
from cicd_agent.domain.ports.forge import Forge, PostedComment
from cicd_agent.domain.text.markdown import marker


@dataclass(frozen=True, slots=True)
class Replies:
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
        talk = self.conversation
        root = comment.in_reply_to or comment.id
        in_thread = talk.event.kind is EventKind.REVIEW_COMMENT
        standing = forge.thread(reply.pull, root) if in_thread else forge.comments(reply.pull, marker(reply.key))
        # A note makes no sense below an answer, but an answer does below a note.
        if is_said(standing, reply.key) or is_said(standing, reply_key(comment.id)):
            return ReceiptState.UNCHANGED, "it is answered already", ""
        if in_thread and not any(each.id == comment.id for each in standing):
            return ReceiptState.DEGRADED, "the comment is not there any more", ""
        if replies(standing) >= MOST_REPLIES:
            return ReceiptState.DEGRADED, f"it would be more than {MOST_REPLIES} in one thread", ""
        body = talk.body(reply.key, reply.body)
        talk.intend(reply, f"answer {reply.to}")
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
