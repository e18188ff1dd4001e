"""Carries out a plan: the pull request first, then what needs nobody's permission and tells how the first part went."""

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from cicd_agent.adapters.conversation import Conversation
from cicd_agent.adapters.local import Local
from cicd_agent.adapters.marks import Marking, unshown
from cicd_agent.adapters.replies import Replies
from cicd_agent.adapters.resolving import Resolving
from cicd_agent.adapters.workflow import Workflow
from cicd_agent.core.event import Event
from cicd_agent.core.plan import (
    Annotation,
    Artifact,
    CheckRun,
    Comment,
    Grant,
    Labels,
    Level,
    Output,
    Plan,
    Receipt,
    Reply,
    Resolve,
    Review,
    Summary,
)
from cicd_agent.core.ports import Forge, Store


def perform(
    plan: Plan,
    *,
    forge: Forge | None,
    workflow: Workflow | None,
    folder: Path,
    store: Store,
    redact: Callable[[str], str],
    event: Event,
    grant: Grant | None = None,
) -> tuple[Receipt, ...]:
    """Carry out the effects; a receipt for each, in their order. `grant` is this job's own, comments only when None.

    Files, outputs, annotations and the summary are written whatever happens on the pull request, even when the run is
    ended meanwhile.
    """
    grant = grant or Grant()
    conversation = Conversation(forge, store, event, redact, events=grant.events, withheld=grant.withheld)
    marking, resolving = Marking(conversation, grant), Resolving(conversation)
    answers = Replies(conversation)
    local = Local(workflow, folder, redact, event)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            match effect:
                case Review():
                    receipts[index] = conversation.review(effect)
                case Comment():
                    receipts[index] = conversation.comment(effect)
                case Resolve():
                    receipts[index] = resolving.resolve(effect)
                case Labels():
                    receipts[index] = marking.labels(effect)
                case CheckRun():
                    receipts[index] = marking.check_run(effect)
                case Reply():
                    receipts[index] = answers.reply(effect)
                case Annotation() | Summary() | Output() | Artifact():
                    pass
                case _:
                    assert_never(effect)
    finally:
        # One refusal is one warning, however many effects it hit.
        warnings = [
            Annotation(f"refused-{status}", Level.WARNING, "cicd-agent", str(error))
            for status, error in conversation.refusals.items()
        ]
        told = tuple(receipts.values())
        receipts |= local.carry_out(plan, [*warnings, *unshown(plan, receipts)], told)
    return tuple(receipts[index] for index in sorted(receipts))
