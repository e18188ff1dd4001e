"""Carries out a plan: the pull request first, then what needs nobody's permission and says how the first part went."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cicd_agent.adapters.performers.checks import check_run, label, unshown
from cicd_agent.adapters.performers.comments import comment, reply, resolve
from cicd_agent.adapters.performers.conversation import Conversation
from cicd_agent.adapters.performers.local import Local
from cicd_agent.adapters.performers.notices import commit_comment, issue, notify
from cicd_agent.adapters.performers.operations import deploy, request_review, rerun
from cicd_agent.adapters.performers.reviews import review
from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Annotation, Artifact, Commit, Level, OpenPull, Output, Plan, Receipt, Summary
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge, Journal


def deliver(run: Conversation, effect: Commit | OpenPull) -> Receipt:
    # Only a run that commits something pays for it.
    from cicd_agent.adapters.performers import test_delivery  # noqa: PLC0415

    return test_delivery.deliver(run, effect)


PERFORMERS: Final[Mapping[str, Callable[[Conversation, Any], Receipt]]] = {
    "review": review,
    "comment": comment,
    "resolve": resolve,
    "reply": reply,
    "labels": label,
    "check-run": check_run,
    "commit-comment": commit_comment,
    "issue": issue,
    "rerun": rerun,
    "notification": notify,
    "deployment": deploy,
    "review-request": request_review,
    "commit": deliver,
    "open-pull": deliver,
}
"""What carries out each kind of effect that leaves this machine."""
LOCAL = (Annotation, Artifact, Output, Summary)
"""What stays here."""


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
    run = Conversation(forge, journal, event, redact, grant or EffectPolicy(), notifier)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            if not isinstance(effect, LOCAL):
                receipts[index] = PERFORMERS[effect.kind](run, effect)
    finally:
        # One refusal is one warning, however many effects it hit.
        refusals = {str(status): error for status, error in run.refusals.items()}
        if run.notifier_refusal:
            refusals["notification"] = run.notifier_refusal
        warnings = [
            Annotation(f"refused-{name}", Level.WARNING, "cicd-agent", str(error)) for name, error in refusals.items()
        ]
        # The number of a deployment is known only now.
        remaining = Plan((*plan.effects, *run.outputs))
        local = Local(workflow, folder, redact, event)
        receipts |= local.carry_out(remaining, [*warnings, *unshown(plan, receipts)], tuple(receipts.values()))
    return tuple(receipts[index] for index in sorted(receipts)[: len(plan.effects)])
