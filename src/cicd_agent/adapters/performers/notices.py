"""What is published outside of pull requests: a comment on the event's commit, an issue, and messages to people."""

from cicd_agent.adapters.performers.context import EffectContext, Outcome, find_ours, unchanged
from cicd_agent.domain.effects import Button, CommitComment, Issue, Notification, Receipt, ReceiptState
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import is_allowed, marker
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import AgentError

MAX_TITLE = 200
"""Characters of an issue's title; GitHub takes 256, and at least one."""
UNTITLED = "cicd-agent"
HELD = "deploy-gate"
"""How the key of an issue about a held deployment begins."""
MAX_MESSAGES = 3
"""Messages of one run: a plan from a file may hold any number."""


def commit_comment(run: EffectContext, effect: CommitComment) -> Receipt:
    """Edit our comment on the commit, or post it when there is none."""

    def act(forge: Forge) -> Outcome:
        body, notices = run.body(effect.key, effect.body), forge.notices
        existing = find_ours(notices.commit_comments(effect.commit, marker(effect.key)), body)
        return unchanged(existing, body) or run.upsert(
            effect,
            existing,
            lambda number: notices.edit_commit_comment(number, body),
            lambda: notices.post_commit_comment(effect.commit, body),
            commit=effect.commit,
        )

    objection = "the event is about a pull request, which is where it is said" if run.event.pull else ""
    if not run.event.sha or effect.commit != run.event.sha:
        # The plan may come from a file that others can write.
        objection = f"it names commit {effect.commit}, which is not the event's"
    if not run.policy.commit_comment:
        objection = "this job does not ask for comments on commits"
    return run.attempt(effect, objection, act)


def issue(run: EffectContext, effect: Issue) -> Receipt:
    """Edit our open issue, or open one when there is none."""

    def act(forge: Forge) -> Outcome:
        title = clip(_line(run, effect.title), MAX_TITLE) or UNTITLED
        body, notices = run.body(effect.key, effect.body), forge.notices
        existing = find_ours(notices.issues(marker(effect.key)), body)
        return unchanged(existing, body, title) or run.upsert(
            effect,
            existing,
            lambda number: notices.edit_issue(number, title, body),
            lambda: notices.open_issue(title, body),
            "open",
            title=title,
        )

    event = run.event
    is_default = event.head.repo == event.repo and event.head.name == event.default_branch
    objection = "" if is_default and event.head.name and not event.pull else "the event is not about the default branch"
    if not run.policy.issue:
        objection = "this job does not ask for issues"
    # A held deployment may be one of a tag, or of another branch.
    is_held = run.policy.held_issue and effect.key.startswith(HELD)
    return run.attempt(effect, "" if is_held else objection, act)


def notify(run: EffectContext, effect: Notification) -> Receipt:
    """Send it, on one line, with what is below it; links only when they lead to the event's own server."""
    text = _line(run, effect.text)
    if run.notifier is None:
        return run.record(effect, ReceiptState.SKIPPED, "no Slack is configured")
    if not text:
        return run.record(effect, ReceiptState.SKIPPED, "there is nothing in it")
    if run.tried[effect.kind] >= MAX_MESSAGES:
        return run.record(effect, ReceiptState.SKIPPED, f"more than {MAX_MESSAGES} messages of one run")
    if run.notifier_refusal is not None:
        why = str(run.notifier_refusal)
        return run.record(effect, ReceiptState.DEGRADED, f"not tried again: {why}", why=why)
    run.tried[effect.kind] += 1
    details = [line for each in effect.details if (line := _line(run, each))]
    linked = [Button(_line(run, each.text), _url(run, each)) for each in effect.buttons]
    safe = [each for each in linked if _is_safe(run, each.url)]
    buttons = [each for each in safe if each.text]
    run.intend(effect, text)
    try:
        run.notifier.send(text, effect.url if _is_safe(run, effect.url) else "", details, buttons)
    except AgentError as error:
        run.notifier_refusal = error
        return run.record(effect, ReceiptState.DEGRADED, str(error))
    lost = len(effect.buttons) - len(buttons)
    detail = f"told without {count(lost, 'button')} that leads nowhere of ours" if lost else "told"
    return run.record(effect, ReceiptState.DONE, detail)


def _line(run: EffectContext, text: str) -> str:
    return visible_line(run.redact(" ".join(text.split())))


def _url(run: EffectContext, button: Button) -> str:
    of = run.urls.get(button.of, "")
    return of if _is_safe(run, of) else button.url


def _is_safe(run: EffectContext, url: str) -> bool:
    return is_allowed(url, run.event.hosts) and run.redact(url) == url
