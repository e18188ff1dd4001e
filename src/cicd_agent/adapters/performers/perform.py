"""Carries out a plan: the pull request first, then what needs nobody's permission and says how the first part went."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cicd_agent.adapters.performers.checks import check_run, label, unshown
from cicd_agent.adapters.performers.comments import comment, reply, resolve
from cicd_agent.adapters.performers.context import EffectContext
from cicd_agent.adapters.performers.local import Local
from cicd_agent.adapters.performers.notices import commit_comment, issue, notify
from cicd_agent.adapters.performers.operations import deploy, request_review, rerun
from cicd_agent.adapters.performers.reviews import review
from cicd_agent.adapters.runner.workflow import Workflow
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    Commit,
    OpenPull,
    Output,
    Plan,
    Receipt,
    ReceiptState,
    Summary,
)
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge, Journal
from cicd_agent.errors import AgentError, ForgeRefused, TimeLimitReached


def deliver(run: EffectContext, effect: Commit | OpenPull) -> Receipt:
    # Only a run that commits something pays for it.
    from cicd_agent.adapters.performers import test_delivery  # noqa: PLC0415

    return test_delivery.deliver(run, effect)


PERFORMERS: Final[Mapping[str, Callable[[EffectContext, Any], Receipt]]] = {
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


@dataclass(frozen=True, slots=True)
class Performed:
    """A receipt for each effect of a plan, in their order, and the `failure` that is one of the whole run.

    That is a token which GitHub does not know, or outputs that could not be written; all else is a warning.
    """

    receipts: tuple[Receipt, ...]
    failure: AgentError | None = None


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
    in_shadow: bool = False,
    earlier: tuple[Receipt, ...] = (),
) -> Performed:
    """Carry out the effects. `grant` is this job's own, comments only when None; `in_shadow` no token ends the run.

    `earlier` are the receipts of effects that an attempt before this one left behind: they come first in the result.

    Files, outputs, annotations and the summary are written whatever happens on the pull request, even when the run is
    ended meanwhile.
    """
    run = EffectContext(forge, journal, event, redact, grant or EffectPolicy(), notifier)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            if not isinstance(effect, LOCAL):
                receipts[index] = PERFORMERS[effect.kind](run, effect)
    except TimeLimitReached:
        over = ForgeRefused("the result could not be posted in time", remedy="Run the job again when GitHub answers")
        for index, effect in enumerate(plan.effects):
            if not isinstance(effect, LOCAL) and index not in receipts:
                receipts[index] = run.record(effect, ReceiptState.DEGRADED, f"not finished: {over}", why=str(over))
    finally:
        untried = [each for index, each in enumerate(plan.effects) if index not in receipts]
        run.omissions.effects += [each for each in untried if not isinstance(each, LOCAL)]
        failure = run.token_refusal if run.omissions.effects and not in_shadow else None
        warnings = [*run.omissions.annotations(failure), *unshown(plan, receipts)]
        # The number of a deployment is known only now.
        remaining = Plan((*plan.effects, *run.outputs))
        local = Local(workflow, folder, redact, event, failure)
        receipts |= local.carry_out(remaining, run.omissions, warnings, (*earlier, *receipts.values()))
    own = (receipts[index] for index in sorted(receipts)[: len(plan.effects)])
    return Performed((*earlier, *own), local.failure)


def interrupted(plan: Plan, reason: str) -> tuple[Receipt, ...]:
    """Receipts for what leaves this machine, of a plan of which nobody knows how far it was carried out."""
    detail = f"it is not known whether it was done: {reason}"
    remote = (effect for effect in plan.effects if not isinstance(effect, LOCAL))
    return tuple(Receipt(effect.key, effect.kind, ReceiptState.DEGRADED, detail) for effect in remote)
