"""What becomes of a comment that may address the reviewer: it is declined, obeyed, or answered."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.domain.effects import Output, Plan, PostedComment, Reply, Summary
from cicd_agent.domain.events.comment_markers import MOST_REPLIES, is_ours, is_posted, note_key, replies, reply_key
from cicd_agent.domain.events.event import WRITERS, Comment, Event, EventKind, PullRequest, Trust
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import code, escape, fence, find_marker, marker
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes.protocol import Account, Ports
from cicd_agent.modes.review.comment_commands import Command, ParsedComment, parse_comment
from cicd_agent.modes.review.questions.reply import MAX_ANSWER, ReplyDraft, exhibits, prove, question
from cicd_agent.modes.shared.change_reader import changed, gaps, read_change
from cicd_agent.settings.schema import Settings

KINDS = frozenset({EventKind.ISSUE_COMMENT, EventKind.REVIEW_COMMENT})

HELP: Final = (
    "`@cicd-agent review` reviews the pull request now; on one from a fork, name the commit that you have looked at: "
    "`@cicd-agent review 1a2b3c4`.\n\n"
    "`@cicd-agent help` says this.\n\n"
    "In a thread that cicd-agent opened, name it anywhere in a reply to ask about the finding or to object to it. "
    "It resolves no thread and approves nothing: that is for people."
)
NO_MODEL: Final = "No model is configured: only the commands `review` and `help` are understood."
_OUTCOMES = {
    True: "the finding stands",
    False: "nothing but these words is changed by it: who agrees resolves the thread",
    None: "the finding stands: no code was quoted that refutes it",
}
_FAILURES = {
    Exit.BUDGET: "the budget of this run is used up",
    Exit.MODEL: "no model could be reached",
    Exit.MISBEHAVED: "the model gave no valid one",
}


def is_chat(event: Event) -> bool:
    return event.kind in KINDS and not is_request(event)


def is_request(event: Event) -> bool:
    parsed = parse_comment(event.comment.body) if event.kind in KINDS and event.comment else None
    return parsed is not None and parsed.command is Command.REVIEW


def declines(event: Event, settings: Settings | None) -> str | None:
    return next(ineligible_reasons(event, settings), None)


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """The thread, and the change if a model is to be asked about it; or that there is nothing to do after all."""
    comment, _, parsed = _addressed(event)
    if world.forge is None:
        raise ConfigError("the thread cannot be read", why="no token or no repository", remedy="Set `github-token`")
    thread, reason = _thread(event, parsed, world.forge)
    if reason:
        return Evidence(event, declined=reason)
    if parsed.command is not Command.TALK:
        return Evidence(event)
    change = read_change(event, world, settings)
    return Evidence(event, change, exhibits(thread, comment, change, settings), tuple(gaps(change, settings)))


def questions(evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings) -> Sequence[Question[Any]]:
    return () if answers or not evidence.exhibits else (question(evidence, settings),)


def verify(answers: Sequence[Answer[Any]], evidence: Evidence) -> ChatReply:
    comment, _, parsed = _addressed(evidence.event)
    if parsed.command is Command.HELP:
        return ChatReply(Conclusion.SUCCESS, Manner.HELP, HELP)
    answer = next(iter(answers), None)
    if answer is None:
        return ChatReply(Conclusion.NEUTRAL, Manner.NOTE, NO_MODEL)
    draft = answer.draft
    if not isinstance(draft, ReplyDraft) or not draft.answer.strip():
        reason = _FAILURES.get(answer.exit, _FAILURES[Exit.MISBEHAVED])
        return ChatReply(Conclusion.NEUTRAL, Manner.NOTE, f"No answer could be made of this: {reason}.")
    quotes, dropped = prove(draft, answer, changed(evidence), comment.path)
    # A finding is taken back on code alone, never on somebody's word.
    stands = None if not draft.stands and not quotes else draft.stands
    return ChatReply(Conclusion.SUCCESS, Manner.ANSWER, draft.answer.strip(), stands, quotes, dropped)


def report(reply: ChatReply, evidence: Evidence, account: Account) -> Plan:
    comment, pull, _ = _addressed(evidence.event)
    key = note_key(comment.id) if reply.manner is Manner.NOTE else reply_key(comment.id)
    body = "\n\n".join(_parts(reply, account))
    notes = "\n".join(f"- {escape(note)}" for note in (*reply.dropped, account.degraded, *account.notices) if note)
    heading = f"### Reply to {escape(comment.author.login or 'somebody')}"
    return Plan(
        (
            Reply(key, pull.number, comment.id, body),
            Summary("summary", "\n\n".join(filter(None, (heading, body, notes))) + "\n"),
            Output("output-summary", "summary", f"{reply.manner} on pull request {pull.number}"),
        )
    )


def _thread(event: Event, parsed: ParsedComment, forge: Forge) -> tuple[tuple[PostedComment, ...], str]:
    """The comments of the thread, none in the conversation; and why there is nothing to do, "" when there is."""
    comment, pull, _ = _addressed(event)
    key = reply_key(comment.id)
    if event.kind is EventKind.ISSUE_COMMENT:
        return (), "it is answered already" if is_posted(forge.comments(pull.number, marker(key)), key) else ""
    thread = forge.thread(pull.number, comment.in_reply_to or comment.id)
    posted = next((each for each in thread if each.id == comment.id), None)
    reason = ""
    if posted is None:
        reason = "the comment is not there any more"
    elif not parsed.leads and not is_ours(thread[0]):
        reason = "the comment does not address cicd-agent"
    elif parsed.command is Command.TALK and not is_ours(thread[0]):
        reason = "the comment is no command, and its thread is not about a finding of cicd-agent"
    elif is_ours(posted):
        reason = "the comment is cicd-agent's own"
    elif posted.author.lower() != comment.author.login.lower():
        reason = f"the comment is by {posted.author or 'nobody'}, and the event says {comment.author.login}"
    elif is_posted(thread, key):
        reason = "it is answered already"
    elif replies(thread) >= MOST_REPLIES:
        reason = f"cicd-agent has replied {MOST_REPLIES} times in this thread, the rest is for people"
    return thread, reason


def _addressed(event: Event) -> tuple[Comment, PullRequest, ParsedComment]:
    parsed = parse_comment(event.comment.body) if event.comment else None
    if event.comment is None or event.pull is None or parsed is None:
        raise ConfigError("this evidence is not of a comment to answer", remedy="Gather it again with the same mode")
    return event.comment, event.pull, parsed


def _parts(reply: ChatReply, account: Account) -> Iterator[str]:
    if reply.manner is not Manner.ANSWER:
        yield reply.text
        return
    if reply.stands is False:
        yield "**Taken back.**"
    text = clip(reply.text, MAX_ANSWER)
    yield from (escape(paragraph) for paragraph in text.split("\n\n") if paragraph.strip())
    for quote in reply.quotes:
        yield f"{code(clip(quote.source, 200))}\n\n{fence(quote.text)}".rstrip("\n")
    outcome = _OUTCOMES[reply.stands]
    yield f"<sub>{outcome} · {escape(account.model or 'a model')}, {account.usage.words}, {account.price}</sub>"


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
