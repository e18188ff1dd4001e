"""What we know again among the comments of a thread: our own, and what they answer."""

from collections.abc import Sequence

from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.text.markdown import find_marker, marker

MOST_REPLIES = 20
"""Replies of ours in one thread; whoever has more to ask is better served by a person."""

_ANY_REPLY = "<!-- cicd-agent:reply-"


def reply_key(comment: int) -> str:
    return f"reply-{comment}"


def note_key(comment: int) -> str:
    return f"{reply_key(comment)}-note"


def is_ours(comment: PostedComment) -> bool:
    """Whether we said it: its author decides, and the marker in its first line."""
    return comment.is_ours and bool(find_marker(comment.body))


def is_posted(comments: Sequence[PostedComment], key: str) -> bool:
    return any(comment.is_ours and find_marker(comment.body) == marker(key) for comment in comments)


def replies(comments: Sequence[PostedComment]) -> int:
    return sum(is_ours(comment) and comment.body.startswith(_ANY_REPLY) for comment in comments)
