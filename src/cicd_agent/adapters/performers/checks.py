"""What is shown beside words: a label for the risk, and a check run with the findings at their lines."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

from cicd_agent.adapters.performers.comments import MAX_BODY, Conversation
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import RISK_LABELS, Annotation, CheckRun, Labels, Plan, Receipt, ReceiptState
from cicd_agent.domain.ports.forge import Forge, Marks, PostedCheck
from cicd_agent.domain.text.markdown import code, truncate
from cicd_agent.domain.text.sanitizer import inert
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import clip, count

MAX_ANNOTATIONS = 200
"""Annotations of a check run, four requests; the summary has the other findings."""
ANNOTATIONS_PER_REQUEST = 50
MAX_TITLE = 255
MAX_MESSAGE = 4_096


@dataclass(frozen=True, slots=True)
class CheckPerformer:
    """Carries out labels and check runs for the pull request of a conversation, as far as `grant` goes."""

    conversation: Conversation
    grant: EffectPolicy

    def labels(self, effect: Labels) -> Receipt:
        """Put the label of this risk on, and take the others of its family off."""
        conversation = self.conversation

        def act(forge: Forge) -> Receipt:
            expected = RISK_LABELS[effect.risk]
            present = forge.marks.labels(effect.pull)
            # GitHub takes "Risk: High" and "risk: high" for one label.
            labels = {*RISK_LABELS.values()} - {expected}
            others = [name for name in present if name.casefold() in labels]
            is_there = any(name.casefold() == expected for name in present)
            if is_there and not others:
                return Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, f"{code(expected)} is there already")
            if conversation.movement(forge).head:
                why = "the pull request has moved on: its newer commit has a risk of its own"
                return Receipt(effect.key, effect.kind, ReceiptState.SKIPPED, why)
            detail = f"{code(expected)} in place of {', '.join(map(code, others))}" if others else code(expected)
            conversation.journal.intend(effect.key, effect.kind, {"pull": str(effect.pull), "detail": detail})
            if not is_there:
                forge.marks.add_label(effect.pull, expected)
            for name in others:
                forge.marks.remove_label(effect.pull, name)
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, detail)

        pull = conversation.event.pull.number if conversation.event.pull else None
        reason = "" if effect.pull == pull else f"it names pull request {effect.pull}, which is not the event's"
        return conversation.attempt(effect, reason if self.grant.labels else "this job does not ask for labels", act)

    def check_run(self, effect: CheckRun) -> Receipt:
        """Create the check run, or bring the one that stands up to date: it is never given an annotation twice."""
        conversation = self.conversation

        def act(forge: Forge) -> Receipt:
            check, left_out = _prepared(effect, conversation.redact, conversation.event.hosts)
            standing = forge.marks.find_check(check)
            if standing is not None and standing.annotations >= len(check.annotations) and _says(standing, check):
                return Receipt(effect.key, effect.kind, ReceiptState.UNCHANGED, "it says so already", standing.url)
            detail = {"commit": effect.commit, "detail": count(len(check.annotations), "annotation")}
            conversation.journal.intend(effect.key, effect.kind, detail)
            posted = _publish(forge.marks, check, standing)
            return Receipt(effect.key, effect.kind, ReceiptState.DONE, left_out, posted.url)

        reason = (
            ""
            if effect.commit == conversation.event.sha
            else f"it names commit {effect.commit}, which is not the event's"
        )
        return conversation.attempt(
            effect, reason if self.grant.check_run else "this job does not ask for a check run", act
        )


def unshown(plan: Plan, receipts: dict[int, Receipt]) -> tuple[Annotation, ...]:
    """The annotations of check runs that did not come about: the runner shows some of them in their place."""
    shown = {ReceiptState.DONE, ReceiptState.UNCHANGED}
    return tuple(
        annotation
        for index, effect in enumerate(plan.effects)
        if isinstance(effect, CheckRun) and (index not in receipts or receipts[index].state not in shown)
        for annotation in effect.annotations
    )


def _publish(marks: Marks, check: CheckRun, standing: PostedCheck | None) -> PostedCheck:
    """Send what is missing: annotations are appended in order, so those that it has are the first."""
    if standing is not None and standing.annotations >= len(check.annotations):
        return marks.extend_check(standing, replace(check, annotations=()))
    first = check.annotations[:ANNOTATIONS_PER_REQUEST]
    posted = standing or marks.start_check(replace(check, annotations=first))
    # What was just sent is not counted by the answer: GitHub may be behind.
    for at in range(standing.annotations if standing else len(first), len(check.annotations), ANNOTATIONS_PER_REQUEST):
        posted = marks.extend_check(
            posted, replace(check, annotations=check.annotations[at : at + ANNOTATIONS_PER_REQUEST])
        )
    return posted


def _prepared(check: CheckRun, redact: Callable[[str], str], hosts: frozenset[str]) -> tuple[CheckRun, str]:
    """The check run as it is sent, and what of it is left out.

    Its key is made of its annotations, which can be added but never taken away: with others it is another check run.
    """
    at_lines = [one for one in check.annotations if _has_line(one)]
    annotations = tuple(_clean(one, redact) for one in at_lines[:MAX_ANNOTATIONS])
    left_out = _left_out(len(check.annotations) - len(at_lines), len(at_lines) - len(annotations))
    digest = hashlib.sha256(json.dumps([astuple(one) for one in annotations]).encode()).hexdigest()[:32]
    summary = inert(redact(check.summary), hosts)
    if left_out:
        summary = f"{left_out}.\n\n{summary}"
    ready = replace(
        check,
        key=f"cicd-agent:{digest}",
        title=clip(visible_line(redact(check.title)), MAX_TITLE),
        summary=truncate(summary, MAX_BODY),
        annotations=annotations,
    )
    return ready, left_out


def _left_out(lineless: int, over: int) -> str:
    parts: Sequence[str] = [
        f"{count(lineless, 'finding')} without a line in this commit" if lineless else "",
        f"{count(over, 'finding')} more than the {MAX_ANNOTATIONS} that a check run is given" if over else "",
    ]
    findings = " and ".join(part for part in parts if part)
    return f"Not shown at a line: {findings}" if findings else ""


def _has_line(annotation: Annotation) -> bool:
    return annotation.line > 0 and bool(annotation.path) and annotation.path.isprintable()


def _clean(annotation: Annotation, redact: Callable[[str], str]) -> Annotation:
    return replace(
        annotation,
        title=clip(visible_line(redact(annotation.title)), MAX_TITLE),
        message=clip(visible(redact(annotation.message)), MAX_MESSAGE),
        path=redact(annotation.path),
    )


def _says(standing: PostedCheck, check: CheckRun) -> bool:
    same = standing.title == check.title and standing.summary.split() == check.summary.split()
    return same and standing.conclusion == check.conclusion
