"""Tells people who are not looking at GitHub; that they cannot be told is a warning and nothing more."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.effects import Button, Notification, Receipt, ReceiptState
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.text.markdown import is_allowed
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.errors import AgentError

MOST = 3
"""Messages of one run: a plan from a file may hold any number."""


@dataclass
class Notifications:
    """Carries out notifications about the event of a conversation. `refusal` is the first that did not get through."""

    conversation: Conversation
    notifier: Notifier | None
    refusal: AgentError | None = field(default=None, init=False)
    _told: int = field(default=0, init=False)

    def notify(self, effect: Notification) -> Receipt:
        """Say it, on one line, with what is below it; links only when they lead to the event's own server."""
        talk = self.conversation
        if self.notifier is None:
            return talk.record(effect, ReceiptState.SKIPPED, "no Slack is configured")
        text = self._line(effect.text)
        if not text:
            return talk.record(effect, ReceiptState.SKIPPED, "there is nothing in it")
        if self._told >= MOST:
            return talk.record(effect, ReceiptState.SKIPPED, f"more than {MOST} messages of one run")
        if self.refusal is not None:
            return talk.record(effect, ReceiptState.DEGRADED, f"not tried again: {self.refusal}")
        self._told += 1
        details = [line for line in map(self._line, effect.details) if line]
        buttons = self._buttons(effect.buttons)
        talk.journal.intend(effect.key, effect.kind, {"detail": text})
        try:
            self.notifier.tell(text, effect.url if self._is_safe(effect.url) else "", details, buttons)
        except AgentError as error:
            self.refusal = error
            return talk.record(effect, ReceiptState.DEGRADED, str(error))
        lost = len(effect.buttons) - len(buttons)
        told = f"told without {count(lost, 'button')} that leads nowhere of ours" if lost else "told"
        receipt = Receipt(effect.key, effect.kind, ReceiptState.DONE, told)
        talk.journal.record(receipt)
        return receipt

    def _buttons(self, wanted: Sequence[Button]) -> list[Button]:
        """Those that lead to the event's own server and say what they do."""
        seen = (Button(self._line(each.text), each.url) for each in wanted if self._is_safe(each.url))
        return [each for each in seen if each.text]

    def _line(self, text: str) -> str:
        return visible_line(self.conversation.redact(" ".join(text.split())))

    def _is_safe(self, url: str) -> bool:
        return is_allowed(url, self.conversation.event.hosts) and self.conversation.redact(url) == url
