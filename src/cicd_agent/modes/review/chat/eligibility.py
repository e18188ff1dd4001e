"""Whatever stands against obeying or answering a comment: anybody may write one, and each order costs money."""

from collections.abc import Iterator

from cicd_agent.domain.events.event import WRITERS, Comment, Event, PullRequest, Trust
from cicd_agent.domain.text.markdown import find_marker
from cicd_agent.modes.review.chat.commands import Command, ParsedComment, parse_comment
from cicd_agent.settings.schema import Settings


def ineligible_reasons(event: Event, settings: Settings | None) -> Iterator[str]:
    """Each reason in one line, the first one first; without `settings` only what the event alone says.

    With them, GitHub has been asked what the author may do, and where the pull request's head is now.
    """
    comment, pull = event.comment, event.pull
    if event.action != "created":
        yield f"a comment was {event.action or 'touched'}, and only new ones are answered"
    if comment is None or pull is None:
        yield "the comment is not on a pull request"
        return
    yield from _of_programs(event, comment)
    parsed = parse_comment(comment.body)
    if parsed is None or not (parsed.leads or comment.in_reply_to):
        yield "the comment does not address cicd-agent"
        return
    yield from _of_author(event, comment)
    if parsed.command is Command.TALK and not comment.in_reply_to:
        yield "the comment is no command: free questions are answered in the threads of findings"
    if not pull.is_open:
        yield f"pull request {pull.number} is closed"
    if settings is not None or comment.permission or comment.refusal:
        yield from _of_permission(comment)
    if settings is not None and settings.replies == "off":
        yield "replies are off; `replies: on` in the base branch's config file switches them on"
    if settings is not None and parsed.command is Command.REVIEW:
        yield from _of_commit(parsed, pull, event.head.sha)


def _of_programs(event: Event, comment: Comment) -> Iterator[str]:
    """What no person has said. Who writes our marker into a comment only keeps that comment from being obeyed."""
    if find_marker(comment.body):
        yield "the comment is cicd-agent's own"
    if comment.author.is_bot or event.actor.is_bot:
        yield f"the comment is by a bot ({comment.author.login or 'unknown'}), and bots are not answered"


def _of_author(event: Event, comment: Comment) -> Iterator[str]:
    """What the event itself says against the author: it saves a request for most comments, and proves nothing."""
    who = comment.author.login or "its author"
    if event.trust is not Trust.WRITER:
        author = f"{who} ({comment.author.association or 'no association'})"
        yield f"the comment is by {author}, and only owners, members and collaborators are answered"
    if event.actor.login.lower() != comment.author.login.lower():
        yield f"the comment is by {who}, and the event was sent by {event.actor.login or 'somebody else'}"


def _of_permission(comment: Comment) -> Iterator[str]:
    who = comment.author.login
    if comment.refusal:
        yield f"it is not known whether {who} may write to this repository: {comment.refusal}"
    elif comment.permission not in WRITERS:
        may = comment.permission or "no"
        yield f"{who} has {may} permission on this repository, and only people with write access are answered"


def _of_commit(parsed: ParsedComment, pull: PullRequest, head: str) -> Iterator[str]:
    """Why the head is not what the person has looked at: the author of a fork moves it whenever they like."""
    again = f"look at it, then say `@cicd-agent review {head[:12]}`"
    if parsed.commit and not (head and head.startswith(parsed.commit)):
        where = f"the head of pull request {pull.number} is {head[:12] or 'not known'}"
        yield f"the command names commit {parsed.commit[:12]}, and {where}: {again}"
    elif not parsed.commit and pull.from_fork:
        yield f"pull request {pull.number} is from a fork, so the command has to name its head ({head[:12]}): {again}"
