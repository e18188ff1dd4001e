"""Tells people who are not looking at GitHub; that they cannot be told is a warning and nothing more."""

from dataclasses import dataclass, field

from cicd_agent.adapters.conversation import Conversation
from cicd_agent.core.markdown import is_allowed
from cicd_agent.core.plan import Notification, Receipt, ReceiptState
from cicd_agent.core.ports_actions import Notifier
from cicd_agent.core.text import visible_line
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
        """Say it, on one line; the link only when it leads to the event's own server."""
        talk = self.conversation
        if self.notifier is None:
            return talk.record(effect, ReceiptState.SKIPPED, "no Slack is configured")
        text = visible_line(talk.redact(" ".join(effect.text.split())))
        if not text:
            return talk.record(effect, ReceiptState.SKIPPED, "there is nothing in it")
        if self._told >= MOST:
            return talk.record(effect, ReceiptState.SKIPPED, f"more than {MOST} messages of one run")
        if self.refusal is not None:
            return talk.record(effect, ReceiptState.DEGRADED, f"not tried again: {self.refusal}")
        self._told += 1
        safe = is_allowed(effect.url, talk.event.hosts) and talk.redact(effect.url) == effect.url
        talk.store.intend(effect.key, effect.kind, {"detail": text})
        try:
            self.notifier.tell(text, effect.url if safe else "")
        except AgentError as error:
            self.refusal = error
            return talk.record(effect, ReceiptState.DEGRADED, str(error))
        receipt = Receipt(effect.key, effect.kind, ReceiptState.DONE, "told")
        talk.store.record(receipt)
        return receipt
