"""What is said where there is no pull request: one comment on the event's commit, one issue for what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.adapters.performers.comments import Conversation, is_same_comment, lines
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Button, CommitComment, Issue, Notification, Receipt, ReceiptState
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.actions import Notifier
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


@dataclass(frozen=True, slots=True)
class NoticePerformer:
    """Carries out comments on commits and issues for the event of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: EffectPolicy

    def commit_comment(self, effect: CommitComment) -> Receipt:
        """Edit our comment on the commit, or post it when there is none."""
        conversation = self.conversation

        def upsert(forge: Forge) -> Receipt:
            body = conversation.body(effect.key, effect.body)
            comments = forge.notices.commit_comments(effect.commit, marker(effect.key))
            standing = next((posted for posted in comments if is_same_comment(posted, body)), None)
            if standing is not None and lines(standing.body) == lines(body):
                return Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, "it reads so already", standing.url)
            detail = {"commit": effect.commit, "detail": f"edit {standing.id}" if standing else "post"}
            conversation.journal.intend(effect.key, effect.kind, detail)
            if standing is not None:
                posted, done = forge.notices.edit_commit_comment(standing.id, body), "edited"
            else:
                posted, done = forge.notices.post_commit_comment(effect.commit, body), "posted"
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, done, posted.url)

        not_permitted = "" if self.grant.commit_comment else "this job does not ask for comments on commits"
        return conversation.attempt(effect, not_permitted or _not_about(conversation.event, effect), upsert)

    def issue(self, effect: Issue) -> Receipt:
        """Edit our open issue, or open one when there is none."""
        conversation = self.conversation

        def upsert(forge: Forge) -> Receipt:
            title = clip(visible_line(conversation.redact(" ".join(effect.title.split()))), MAX_TITLE) or UNTITLED
            body = conversation.body(effect.key, effect.body)
            issues = forge.notices.issues(marker(effect.key))
            standing = next((one for one in issues if is_same_comment(one, body)), None)
            if standing is not None and standing.title == title and lines(standing.body) == lines(body):
                return Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, "it reads so already", standing.url)
            detail = {"title": title, "detail": f"edit {standing.id}" if standing else "open"}
            conversation.journal.intend(effect.key, effect.kind, detail)
            if standing is not None:
                posted, done = forge.notices.edit_issue(standing.id, title, body), "edited"
            else:
                posted, done = forge.notices.open_issue(title, body), "opened"
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, done, posted.url)

        return conversation.attempt(effect, self._issue_not_permitted(effect), upsert)

    def _issue_not_permitted(self, effect: Issue) -> str:
        """Why nobody wants the issue. A held deployment may be one of a tag, or of another branch."""
        if self.grant.held_issue and effect.key.startswith(HELD):
            return ""
        reason = "" if self.grant.issue else "this job does not ask for issues"
        return reason or _not_on_the_default_branch(self.conversation.event)


def _not_about(event: Event, effect: CommitComment) -> str:
    """Why the comment is none of this event's: the plan may come from a file that others can write."""
    if not event.sha or effect.commit != event.sha:
        return f"it names commit {effect.commit}, which is not the event's"
    return "the event is about a pull request, which is where it is said" if event.pull else ""


def _not_on_the_default_branch(event: Event) -> str:
    here = event.head.repo == event.repo and event.head.name == event.default_branch
    return "" if here and event.head.name and not event.pull else "the event is not about the default branch"


MAX_MESSAGES = 3
"""Messages of one run: a plan from a file may hold any number."""


@dataclass
class NotificationPerformer:
    """Carries out notifications about the event of a conversation. `refusal` is the first that did not get through."""

    conversation: Conversation
    notifier: Notifier | None
    refusal: AgentError | None = field(default=None, init=False)
    _sent: int = field(default=0, init=False)

    def notify(self, effect: Notification) -> Receipt:
        """Say it, on one line, with what is below it; links only when they lead to the event's own server."""
        conversation = self.conversation
        if self.notifier is None:
            return conversation.record(effect, ReceiptState.SKIPPED, "no Slack is configured")
        text = self._line(effect.text)
        if not text:
            return conversation.record(effect, ReceiptState.SKIPPED, "there is nothing in it")
        if self._sent >= MAX_MESSAGES:
            return conversation.record(effect, ReceiptState.SKIPPED, f"more than {MAX_MESSAGES} messages of one run")
        if self.refusal is not None:
            return conversation.record(effect, ReceiptState.DEGRADED, f"not tried again: {self.refusal}")
        self._sent += 1
        details = [line for line in map(self._line, effect.details) if line]
        buttons = self._buttons(effect.buttons)
        conversation.journal.intend(effect.key, effect.kind, {"detail": text})
        try:
            self.notifier.tell(text, effect.url if self._is_safe(effect.url) else "", details, buttons)
        except AgentError as error:
            self.refusal = error
            return conversation.record(effect, ReceiptState.DEGRADED, str(error))
        lost = len(effect.buttons) - len(buttons)
        detail = f"told without {count(lost, 'button')} that leads nowhere of ours" if lost else "told"
        receipt = Receipt(effect.key, effect.kind, ReceiptState.DONE, detail)
        conversation.journal.record(receipt)
        return receipt

    def _buttons(self, buttons: Sequence[Button]) -> list[Button]:
        seen = (Button(self._line(each.text), each.url) for each in buttons if self._is_safe(each.url))
        return [each for each in seen if each.text]

    def _line(self, text: str) -> str:
        return visible_line(self.conversation.redact(" ".join(text.split())))

    def _is_safe(self, url: str) -> bool:
        return is_allowed(url, self.conversation.event.hosts) and self.conversation.redact(url) == url
