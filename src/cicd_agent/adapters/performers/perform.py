"""Carries out a plan: the pull request first, then what needs nobody's permission and says how the first part went."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cicd_agent.adapters.performers.checks import CheckPerformer, unshown
from cicd_agent.adapters.performers.comments import Conversation, ReplyPerformer, ResolvePerformer
from cicd_agent.adapters.performers.local import Local
from cicd_agent.adapters.performers.notices import NoticePerformer, NotificationPerformer
from cicd_agent.adapters.performers.operations import DeploymentPerformer, RerunPerformer, ReviewRequestPerformer
from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.domain.effect_policy import EffectPolicy
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
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge, Journal

LOCAL = (Annotation, Artifact, Output, Summary)
"""What stays on this machine."""


def perform(
    plan: Plan,
    *,
    forge: Forge | None,
    workflow: Workflow | None,
    folder: Path,
    journal: Journal,
    redact: Callable[[str], str],
    event: Event,
    grant: EffectPolicy | None = None,
    notifier: Notifier | None = None,
) -> tuple[Receipt, ...]:
    """Carry out the effects; a receipt for each, in their order. `grant` is this job's own, comments only when None.

    Files, outputs, annotations and the summary are written whatever happens on the pull request, even when the run is
    ended meanwhile.
    """
    grant = grant or EffectPolicy()
    conversation = Conversation(
        forge, journal, event, redact, events=grant.events, withheld=grant.withheld, pulls=grant.pulls
    )
    notifications = NotificationPerformer(conversation, notifier)
    deployments = DeploymentPerformer(conversation, grant)
    performers = _performers(conversation, grant, notifications, deployments)
    local = Local(workflow, folder, redact, event)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            if not isinstance(effect, LOCAL):
                receipts[index] = performers[type(effect)](effect)
    finally:
        # One refusal is one warning, however many effects it hit.
        warnings = [
            Annotation(f"refused-{status}", Level.WARNING, "cicd-agent", str(error))
            for status, error in conversation.refusals.items()
        ]
        if refusal := notifications.refusal:
            warnings.append(Annotation("refused-notification", Level.WARNING, "cicd-agent", str(refusal)))
        # The number of a deployment is known only now.
        remaining = Plan((*plan.effects, *deployments.outputs))
        receipts |= local.carry_out(remaining, [*warnings, *unshown(plan, receipts)], tuple(receipts.values()))
    return tuple(receipts[index] for index in sorted(receipts)[: len(plan.effects)])


def _performers(
    conversation: Conversation,
    grant: EffectPolicy,
    notifications: NotificationPerformer,
    deployments: DeploymentPerformer,
) -> Mapping[type[Effect], Callable[[Any], Receipt]]:
    """What carries out each effect that leaves this machine."""
    checks, notices = CheckPerformer(conversation, grant), NoticePerformer(conversation, grant)

    def deliver(effect: Commit | OpenPull) -> Receipt:
        # Only a run that commits something pays for it.
        from cicd_agent.adapters.performers.test_delivery import DeliveryPerformer  # noqa: PLC0415

        return DeliveryPerformer(conversation, grant).deliver(effect)

    return {
        Review: conversation.review,
        Comment: conversation.comment,
        Resolve: ResolvePerformer(conversation).resolve,
        Reply: ReplyPerformer(conversation).reply,
        Labels: checks.labels,
        CheckRun: checks.check_run,
        CommitComment: notices.commit_comment,
        Issue: notices.issue,
        Rerun: RerunPerformer(conversation, grant).rerun,
        Notification: notifications.notify,
        Deployment: deployments.record,
        ReviewRequest: ReviewRequestPerformer(conversation, grant).request,
        Commit: deliver,
        OpenPull: deliver,
    }
