"""Comments on a pull request, answers to comments, and the resolution of threads: each once."""

from cicd_agent.adapters.performers.context import (
    ABOUT_ONE_REQUEST,
    EffectContext,
    Outcome,
    find_ours,
    unchanged,
)
from cicd_agent.domain.effects import Comment, Receipt, ReceiptState, Reply, Resolve
from cicd_agent.domain.events.comment_markers import MOST_REPLIES, is_posted, note_key, replies, reply_key
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.events.thread import MOST_RESOLVED
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused


def comment(run: EffectContext, effect: Comment) -> Receipt:
    """Edit our comment, or post it when there is none."""

    def act(forge: Forge) -> Outcome:
        run.last_comment = effect
        return upsert_comment(run, forge, effect)

    is_other = run.event.pull is None and effect.pull in run.policy.pulls
    return run.attempt(effect, "" if is_other else run.other_pull(effect.pull), act)


def upsert_comment(run: EffectContext, forge: Forge, effect: Comment) -> Outcome:
    body = run.body(effect.key, effect.body)
    existing = find_ours(forge.comments(effect.pull, marker(effect.key)), body)
    if existing is None and effect.only_edit:
        return Outcome(ReceiptState.SKIPPED, "there is no comment yet, and no need of one")
    if outcome := unchanged(existing, body):
        return outcome
    moved = run.movement(forge)
    if existing is not None and moved.head and f"commit {moved.head[:7]}" in existing.body:
        return Outcome(ReceiptState.SKIPPED, "ours is about a newer commit", existing.url)
    if moved.gone:
        body = run.body(effect.key, f"> {moved.describe(run.event.sha)}.\n\n{effect.body}")
    return run.upsert(
        effect,
        existing,
        lambda number: forge.edit_comment(number, body),
        lambda: forge.post_comment(effect.pull, body),
        pull=str(effect.pull),
    )


def reply(run: EffectContext, effect: Reply) -> Receipt:
    """Answer the event's comment, in its thread or in the conversation, unless that was done before."""
    event, to = run.event, run.event.comment
    in_thread = event.kind is EventKind.REVIEW_COMMENT
    number = event.pull.number if event.pull else to.issue if to else 0
    if to is None or not number or not (in_thread or event.kind is EventKind.ISSUE_COMMENT):
        return run.record(effect, ReceiptState.FAILED, "it answers a comment, and the event is about none")
    keys, root = (reply_key(to.id), note_key(to.id)), to.in_reply_to or to.id
    objection = "" if effect.key in keys else "its key is not that of an answer to the event's comment"
    if (effect.pull, effect.to) != (number, to.id):
        objection = f"it answers comment {effect.to} of pull request {effect.pull}, the event is about another"

    def act(forge: Forge) -> Outcome:
        existing = forge.thread(effect.pull, root) if in_thread else forge.comments(effect.pull, marker(effect.key))
        # A note makes no sense below an answer, but an answer does below a note.
        if is_posted(existing, effect.key) or is_posted(existing, keys[0]):
            return Outcome(ReceiptState.UNCHANGED, "it is answered already")
        if in_thread and not any(each.id == effect.to for each in existing):
            return Outcome(ReceiptState.SKIPPED, "the comment is not there any more", expected=True)
        if replies(existing) >= MOST_REPLIES:
            return Outcome(ReceiptState.SKIPPED, f"it would be more than {MOST_REPLIES} in one thread", expected=True)
        body = run.body(effect.key, effect.body)
        run.intend(effect, f"answer {effect.to}", pull=str(effect.pull))
        posted = forge.reply(effect.pull, root, body) if in_thread else forge.post_comment(effect.pull, body)
        return Outcome(ReceiptState.DONE, "posted", posted.url)

    return run.attempt(effect, objection, act)


def resolve(run: EffectContext, effect: Resolve) -> Receipt:
    """Resolve a thread of ours. The summary has marked it: a token that may not is no reason for a warning."""

    def act(forge: Forge) -> Outcome:
        try:
            if reason := run.unresolvable or _reason_to_leave(run, forge, effect):
                return Outcome(ReceiptState.SKIPPED, reason)
            run.intend(effect, f"resolve {effect.thread}", pull=str(effect.pull))
            run.tried[effect.kind] += 1
            forge.resolve(effect.thread)
        except ForgeRefused as error:
            if error.is_unauthorized or error.status not in ABOUT_ONE_REQUEST:
                raise
            run.unresolvable = str(error)
            return Outcome(ReceiptState.SKIPPED, run.unresolvable)
        return Outcome(ReceiptState.DONE, "resolved", (run.threads or {})[effect.thread].url)

    return run.attempt(effect, run.other_pull(effect.pull), act)


def _reason_to_leave(run: EffectContext, forge: Forge, effect: Resolve) -> str:
    """Why a thread is left alone, as GitHub has it now: the plan may be old, or somebody else's."""
    if run.tried[effect.kind] >= MOST_RESOLVED:
        return f"more than {MOST_RESOLVED} threads: the next run resolves it"
    if run.movement(forge).head:
        return "the pull request has moved on: what is fixed there is for the run of its new head to say"
    if run.threads is None:
        run.threads = {thread.id: thread for thread in forge.threads(effect.pull)[0]}
    thread = run.threads.get(effect.thread)
    if thread is None or not thread.key:
        return f"pull request {effect.pull} has no such thread of ours"
    if thread.resolved:
        return "it is resolved already"
    return "a person has answered in it" if thread.answered else ""
