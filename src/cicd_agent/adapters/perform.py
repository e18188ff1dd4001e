"""Carries out a plan: the pull request first, then what needs nobody's permission and tells how the first part went."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

from cicd_agent.adapters.conversation import Conversation
from cicd_agent.adapters.local import Local
from cicd_agent.adapters.workflow import Workflow
from cicd_agent.core.event import Event
from cicd_agent.core.picture import mermaid
from cicd_agent.core.plan import Annotation, Artifact, Comment, Effect, Level, Output, Plan, Receipt, Review, Summary
from cicd_agent.core.ports import Forge, Store
from cicd_agent.core.text import visible, visible_line
from cicd_agent.core.words import count


def perform(
    plan: Plan,
    *,
    forge: Forge | None,
    workflow: Workflow | None,
    folder: Path,
    store: Store,
    redact: Callable[[str], str],
    event: Event,
) -> tuple[Receipt, ...]:
    """Carry out the effects; a receipt for each, in their order.

    Files, outputs, annotations and the summary are written whatever happens on the pull request, even when the run is
    ended meanwhile.
    """
    conversation = Conversation(forge, store, event, redact)
    local = Local(workflow, folder, redact, event)
    receipts: dict[int, Receipt] = {}
    try:
        for index, effect in enumerate(plan.effects):
            match effect:
                case Review():
                    receipts[index] = conversation.review(effect)
                case Comment():
                    receipts[index] = conversation.comment(effect)
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
        receipts |= local.carry_out(plan, warnings, tuple(receipts.values()))
    return tuple(receipts[index] for index in sorted(receipts))


def dry_run(plan: Plan) -> str:
    """What would be done, as text for a terminal."""
    return "\n".join("\n".join(_would(effect)) for effect in plan.effects) or "nothing to do"


def _would(effect: Effect) -> Iterator[str]:
    match effect:
        case Review():
            comments = count(len(effect.comments), "inline comment")
            yield f"review of pull request {effect.pull} at {effect.commit}: {effect.event}, {comments}"
            yield from _indented(effect.body)
            for inline in effect.comments:
                yield f"  {visible_line(inline.path)}:{inline.line} ({inline.side})"
                yield from _indented(inline.body)
        case Comment():
            how = "edited, if there is one" if effect.only_edit else "edited, or posted"
            yield f"comment `{visible_line(effect.key)}` on pull request {effect.pull}: {how}"
            yield from _indented(effect.body)
        case Annotation():
            place = visible_line(f" {effect.path}:{effect.line}" if effect.path else "")
            yield f"{effect.level}{place}: {visible_line(effect.title)}"
            yield from _indented(effect.message)
        case Summary():
            yield "step summary:"
            yield from _indented(effect.body)
            if drawn := mermaid(effect.pictures):
                yield from _indented(drawn)
        case Output():
            yield f"output {visible_line(effect.name)}={visible_line(effect.value)}"
        case Artifact():
            yield f"file {visible_line(effect.name)}: {count(len(effect.text), 'character')}"
        case _:
            assert_never(effect)


def _indented(text: str) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in visible(text).rstrip().split("\n"))
