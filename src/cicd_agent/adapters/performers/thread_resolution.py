"""Closes threads of ours whose issue is gone: only as GitHub has them now, and never where a person has answered."""

from dataclasses import dataclass, field

from cicd_agent.adapters.performers.comments import PERMISSIONS, UNPROCESSABLE, Conversation
from cicd_agent.domain.effects import Receipt, ReceiptState, Resolve
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.thread import MOST_RESOLVED, Thread
from cicd_agent.errors import ForgeRefused


@dataclass
class Resolving:
    """Resolves threads of the pull request of a conversation."""

    conversation: Conversation
    _threads: dict[str, Thread] | None = field(default=None, init=False)
    """By node id; read when the first of them is to be resolved."""
    _resolved: int = field(default=0, init=False)
    _unresolvable: str = field(default="", init=False)
    """Why GitHub lets this token resolve nothing."""

    def resolve(self, effect: Resolve) -> Receipt:
        """Resolve a thread of ours. The summary has marked it: a token that may not is no reason for a warning."""
        talk = self.conversation

        def close(forge: Forge) -> Receipt:
            try:
                if why := self._unresolvable or self._untouchable(forge, effect):
                    return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, why)
                talk.intend(effect, f"resolve {effect.thread}")
                self._resolved += 1
                forge.resolve(effect.thread)
            except ForgeRefused as error:
                if error.status not in PERMISSIONS and error.status != UNPROCESSABLE:
                    raise
                self._unresolvable = talk.redact(str(error))
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, self._unresolvable)
            url = (self._threads or {})[effect.thread].url
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, "resolved", url)

        return talk.attempt(effect, talk.misdirected(effect), close)

    def _untouchable(self, forge: Forge, effect: Resolve) -> str:
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
