"""The label of the risk, and the check run with the findings at their lines."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace

from cicd_agent.adapters.performers.context import MAX_BODY, EffectContext, Outcome
from cicd_agent.adapters.performers.local import redact_annotation
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


def label(run: EffectContext, effect: Labels) -> Receipt:
    """Put the label of this risk on, and take the others of its family off."""

    def act(forge: Forge) -> Outcome:
        expected = RISK_LABELS[effect.risk]
        present = forge.marks.labels(effect.pull)
        # GitHub takes "Risk: High" and "risk: high" for one label.
        labels = {*RISK_LABELS.values()} - {expected}
        others = [name for name in present if name.casefold() in labels]
        is_there = any(name.casefold() == expected for name in present)
        if is_there and not others:
            return Outcome(ReceiptState.UNCHANGED, f"{code(expected)} is there already")
        if run.movement(forge).head:
            reason = "the pull request has moved on: its newer commit has a risk of its own"
            return Outcome(ReceiptState.SKIPPED, reason)
        detail = f"{code(expected)} in place of {', '.join(map(code, others))}" if others else code(expected)
        run.intend(effect, detail, pull=str(effect.pull))
        if not is_there:
            forge.marks.add_label(effect.pull, expected)
        for name in others:
            forge.marks.remove_label(effect.pull, name)
        return Outcome(ReceiptState.DONE, detail)

    pull = run.event.pull.number if run.event.pull else None
    objection = "" if effect.pull == pull else f"it names pull request {effect.pull}, which is not the event's"
    return run.attempt(effect, objection if run.policy.labels else "this job does not ask for labels", act)


def check_run(run: EffectContext, effect: CheckRun) -> Receipt:
    """Create the check run, or bring the one that stands up to date: it is never given an annotation twice."""

    def act(forge: Forge) -> Outcome:
        check, left_out = _prepared(effect, run.redact, run.event.hosts)
        existing = forge.marks.find_check(check)
        if existing is not None and existing.annotations >= len(check.annotations) and _reads(existing, check):
            return Outcome(ReceiptState.UNCHANGED, "it says so already", existing.url)
        run.intend(effect, count(len(check.annotations), "annotation"), commit=effect.commit)
        return Outcome(ReceiptState.DONE, left_out, _publish(forge.marks, check, existing).url)

    is_ours = effect.commit == run.event.sha
    objection = "" if is_ours else f"it names commit {effect.commit}, which is not the event's"
    return run.attempt(effect, objection if run.policy.check_run else "this job does not ask for a check run", act)


def unshown(plan: Plan, receipts: Mapping[int, Receipt]) -> list[Annotation]:
    """The annotations of check runs that did not come about: the runner shows some of them in their place."""
    shown = {index for index, each in receipts.items() if each.state in {ReceiptState.DONE, ReceiptState.UNCHANGED}}
    missing = [each for index, each in enumerate(plan.effects) if isinstance(each, CheckRun) and index not in shown]
    return [annotation for check in missing for annotation in check.annotations]


def _publish(marks: Marks, check: CheckRun, existing: PostedCheck | None) -> PostedCheck:
    """Send what is missing: annotations are appended in order, so those that it has are the first."""
    if existing is not None and existing.annotations >= len(check.annotations):
        return marks.extend_check(existing, replace(check, annotations=()))
    first = check.annotations[:ANNOTATIONS_PER_REQUEST]
    posted = existing or marks.start_check(replace(check, annotations=first))
    # What was just sent is not counted by the answer: GitHub may be behind.
    for at in range(existing.annotations if existing else len(first), len(check.annotations), ANNOTATIONS_PER_REQUEST):
        some = check.annotations[at : at + ANNOTATIONS_PER_REQUEST]
        posted = marks.extend_check(posted, replace(check, annotations=some))
    return posted


def _prepared(check: CheckRun, redact: Callable[[str], str], hosts: frozenset[str]) -> tuple[CheckRun, str]:
    """The check run as it is sent, and what of it is left out.

    Its key is made of its annotations, which can be added but never taken away: with others it is another check run.
    """
    at_lines = [one for one in check.annotations if one.line > 0 and one.path and one.path.isprintable()]
    annotations = tuple(_clean(one, redact) for one in at_lines[:MAX_ANNOTATIONS])
    lineless, over = len(check.annotations) - len(at_lines), len(at_lines) - len(annotations)
    parts = [f"{count(lineless, 'finding')} without a line in this commit"] if lineless else []
    if over:
        parts.append(f"{count(over, 'finding')} more than the {MAX_ANNOTATIONS} that a check run is given")
    left_out = f"Not shown at a line: {' and '.join(parts)}" if parts else ""
    digest = hashlib.sha256(json.dumps([astuple(one) for one in annotations]).encode()).hexdigest()[:32]
    summary = inert(redact(check.summary), hosts)
    ready = replace(
        check,
        key=f"cicd-agent:{digest}",
        title=clip(visible_line(redact(check.title)), MAX_TITLE),
        summary=truncate(f"{left_out}.\n\n{summary}" if left_out else summary, MAX_BODY),
        annotations=annotations,
    )
    return ready, left_out


def _clean(annotation: Annotation, redact: Callable[[str], str]) -> Annotation:
    masked = redact_annotation(annotation, redact)
    title, message = clip(visible_line(masked.title), MAX_TITLE), clip(visible(masked.message), MAX_MESSAGE)
    return replace(masked, title=title, message=message)


def _reads(existing: PostedCheck, check: CheckRun) -> bool:
    """Whether what stands says the same."""
    same = existing.title == check.title and existing.summary.split() == check.summary.split()
    return same and existing.conclusion == check.conclusion
