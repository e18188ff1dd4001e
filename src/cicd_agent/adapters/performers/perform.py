"""Carries out a plan: the pull request first, then what needs nobody's permission and tells how the first part went."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from cicd_agent.adapters.performers.checks import Marking, unshown
from cicd_agent.adapters.performers.comments import Conversation
from cicd_agent.adapters.performers.deployments import Deployments
from cicd_agent.adapters.performers.local import Local
from cicd_agent.adapters.performers.notices import Noticing, Notifications
from cicd_agent.adapters.performers.reruns import Reruns
from cicd_agent.adapters.performers.review_requests import ReviewRequests
from cicd_agent.adapters.performers.threads import Replies, Resolving
from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.domain.effect_policy import Grant
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    CheckRun,
    Comment,
    Commit,
    CommitComment,
    Deployment,
    Effect,
    Issue,
    Labels,
    Level,
    Notification,
    OpenPull,
    Output,
    Plan,
    Receipt,
    Reply,
    Rerun,
    Resolve,
    Review,
    ReviewRequest,
    Summary,
)
from cicd_agent.domain.event import Event
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge, Journal


def perform(
    plan: Plan,
    *,
    forge: Forge | None,
    workflow: Workflow | None,
    folder: Path,
    journal: Journal,
    redact: Callable[[str], str],
    event: Event,
    grant: Grant | None = None,
    notifier: Notifier | None = None,
) -> tuple[Receipt, ...]:
    """Carry out the effects; a receipt for each, in their order. `grant` is this job's own, comments only when None.

    Files, outputs, annotations and the summary are written whatever happens on the pull request, even when the run is
    ended meanwhile.
    """
    grant = grant or Grant()
    conversation = Conversation(
        forge, journal, event, redact, events=grant.events, withheld=grant.withheld, pulls=grant.pulls
    )
    publishing = _Publishing(
        conversation,
        grant,
        Marking(conversation, grant),
        Resolving(conversation),
        Replies(conversation),
        Noticing(conversation, grant),
        Reruns(conversation, grant),
        Notifications(conversation, notifier),
        Deployments(conversation, grant),
        ReviewRequests(conversation, grant),
    )
    local = Local(workflow, folder, redact, event)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            if (receipt := publishing.publish(effect)) is not None:
                receipts[index] = receipt
    finally:
        # One refusal is one warning, however many effects it hit.
        warnings = [
            Annotation(f"refused-{status}", Level.WARNING, "cicd-agent", str(error))
            for status, error in conversation.refusals.items()
        ]
        if unheard := publishing.notifications.refusal:
            warnings.append(Annotation("refused-notification", Level.WARNING, "cicd-agent", str(unheard)))
        told = tuple(receipts.values())
        # The number of a deployment is known only now.
        here = Plan((*plan.effects, *publishing.deployments.outputs))
        receipts |= local.carry_out(here, [*warnings, *unshown(plan, receipts)], told)
    return tuple(receipts[index] for index in sorted(receipts)[: len(plan.effects)])


@dataclass(frozen=True, slots=True)
class _Publishing:
    """Who carries out which effect that leaves this machine."""

    conversation: Conversation
    grant: Grant
    marking: Marking
    resolving: Resolving
    replies: Replies
    noticing: Noticing
    reruns: Reruns
    notifications: Notifications
    deployments: Deployments
    requests: ReviewRequests

    def publish(self, effect: Effect) -> Receipt | None:
        """What became of it, None when it stays here."""
        receipt: Receipt | None = None
        match effect:
            case Review():
                receipt = self.conversation.review(effect)
            case Comment():
                receipt = self.conversation.comment(effect)
            case Resolve():
                receipt = self.resolving.resolve(effect)
            case Labels():
                receipt = self.marking.labels(effect)
            case CheckRun():
                receipt = self.marking.check_run(effect)
            case Reply():
                receipt = self.replies.reply(effect)
            case CommitComment() | Issue() | Rerun() | Notification() | Deployment() | ReviewRequest():
                receipt = self._publish_beside(effect)
            case Commit() | OpenPull():
                # Only a run that commits something pays for it.
                from cicd_agent.adapters.performers.test_delivery import Delivering  # noqa: PLC0415

                receipt = Delivering(self.conversation, self.grant).deliver(effect)
            case Annotation() | Summary() | Output() | Artifact():
                pass
            case _:
                assert_never(effect)
        return receipt

    def _publish_beside(
        self, effect: CommitComment | Issue | Rerun | Notification | Deployment | ReviewRequest
    ) -> Receipt:
        """What is not said on a pull request."""
        match effect:
            case CommitComment():
                return self.noticing.commit_comment(effect)
            case Issue():
                return self.noticing.issue(effect)
            case Rerun():
                return self.reruns.rerun(effect)
            case Notification():
                return self.notifications.notify(effect)
            case Deployment():
                return self.deployments.record(effect)
            case ReviewRequest():
                return self.requests.request(effect)
            case _:
                assert_never(effect)
