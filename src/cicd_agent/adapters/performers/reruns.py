"""Runs failed jobs again, only once: those of the run that the event reports, or of one that a person has approved."""

from dataclasses import dataclass, field

from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Receipt, ReceiptState, Rerun
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.ports.forge import Forge

MAX_ATTEMPTS = 20
"""Attempts after which approvals start a run no more."""


@dataclass
class RerunPerformer:
    """Carries out reruns for the event of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: EffectPolicy
    _done: bool = field(default=False, init=False)

    def rerun(self, effect: Rerun) -> Receipt:
        """Run the failed jobs again, unless that was done before, by us or by anybody."""
        conversation = self.conversation
        if reason := self._not_permitted(effect):
            return conversation.record(effect, ReceiptState.SKIPPED, reason)

        def again(forge: Forge) -> Receipt:
            now = forge.runs.run(effect.run)
            if reason := _undecided(effect, now, conversation.event) or _unfit(effect, now):
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, reason)
            detail = {"run": str(effect.run), "detail": effect.reason}
            conversation.journal.intend(effect.key, effect.kind, detail)
            # Whatever becomes of the request: it may have been carried out.
            self._done = True
            forge.runs.rerun(effect.run)
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, "its failed jobs are run again")

        return conversation.attempt(effect, _misdirected(effect, conversation.event), again)

    def _not_permitted(self, effect: Rerun) -> str:
        """Why nobody wants it, or not now."""
        if effect.reason not in self.grant.reruns:
            return f"this job does not let anything be run again for the reason `{effect.reason}`"
        kind = self.conversation.event.kind
        if effect.reason == "approval":
            if kind is not EventKind.ISSUE_COMMENT:
                return "an approval is a comment: that takes an `issue_comment` event"
        elif kind is not EventKind.WORKFLOW_RUN:
            return "a run that goes on cannot be run again: that takes a `workflow_run` event"
        elif effect.attempt != 1:
            return f"it was run again before: this was attempt {effect.attempt}"
        return "one run is run again already" if self._done else ""


def _misdirected(effect: Rerun, event: Event) -> str:
    """Why the run is not the event's: the plan may come from a file that others can write.

    A comment has no run of its own; which one it is about the mode has found out, and only its own plan counts.
    """
    if effect.reason == "approval":
        return ""
    run = event.run
    if run is None or run.id != effect.run or run.attempt != effect.attempt:
        about = f"run {run.id}, attempt {run.attempt}" if run else "no run"
        return f"it names run {effect.run}, attempt {effect.attempt}, the event is about {about}"
    return ""


def _unfit(effect: Rerun, now: RunState) -> str:
    """Why the run as it is now is not run again."""
    if now.attempt != 1 and effect.reason != "approval":
        return f"it was run again before: there is attempt {now.attempt}"
    if now.id != effect.run or now.status != "completed":
        return "it has not ended yet"
    return "it has passed" if now.conclusion == "success" else ""


def _undecided(effect: Rerun, now: RunState, event: Event) -> str:
    """Why a person's approval does not start the run as it is now."""
    if effect.reason != "approval":
        return ""
    if not now.repo or now.repo.casefold() != event.repo.casefold():
        return "it is a run of another repository"
    if now.attempt != effect.attempt:
        return f"the approval is of attempt {effect.attempt}, there is attempt {now.attempt}"
    return f"it has had {now.attempt} attempts" if now.attempt >= MAX_ATTEMPTS else ""
