"""Runs failed jobs again: those of the run that the event reports, after its first attempt, and only once."""

from dataclasses import dataclass, field

from cicd_agent.adapters.conversation import Conversation
from cicd_agent.core.actions import RunState
from cicd_agent.core.event import Event, EventKind
from cicd_agent.core.plan import Grant, Receipt, ReceiptState, Rerun
from cicd_agent.core.ports import Forge


@dataclass
class Reruns:
    """Carries out reruns for the event of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: Grant
    _spent: bool = field(default=False, init=False)

    def rerun(self, effect: Rerun) -> Receipt:
        """Run the failed jobs again, unless that was done before, by us or by anybody."""
        talk = self.conversation
        if reason := self._unasked(effect):
            return talk.record(effect, ReceiptState.SKIPPED, reason)

        def again(forge: Forge) -> Receipt:
            if reason := _unfit(effect, forge.runs.run(effect.run)):
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, reason)
            detail = {"run": str(effect.run), "detail": effect.reason}
            talk.store.intend(effect.key, effect.kind, detail)
            # Whatever becomes of the request: it may have been carried out.
            self._spent = True
            forge.runs.rerun(effect.run)
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, "its failed jobs are run again")

        return talk.attempt(effect, _misdirected(effect, talk.event), again)

    def _unasked(self, effect: Rerun) -> str:
        """Why nobody wants it, or not now."""
        if effect.reason not in self.grant.reruns:
            return f"this job does not let anything be run again for the reason `{effect.reason}`"
        if self.conversation.event.kind is not EventKind.WORKFLOW_RUN:
            return "a run that goes on cannot be run again: that takes a `workflow_run` event"
        if effect.attempt != 1:
            return f"it was run again before: this was attempt {effect.attempt}"
        return "one run is run again already" if self._spent else ""


def _misdirected(effect: Rerun, event: Event) -> str:
    """Why the run is not the event's: the plan may come from a file that others can write."""
    run = event.run
    if run is None or run.id != effect.run or run.attempt != effect.attempt:
        about = f"run {run.id}, attempt {run.attempt}" if run else "no run"
        return f"it names run {effect.run}, attempt {effect.attempt}, the event is about {about}"
    return ""


def _unfit(effect: Rerun, now: RunState) -> str:
    """Why the run as it is now is not run again."""
    if now.attempt != 1:
        return f"it was run again before: there is attempt {now.attempt}"
    if now.id != effect.run or now.status != "completed":
        return "it has not ended yet"
    return "it has passed" if now.conclusion == "success" else ""
