"""Says what a plan would do, for whoever wants to see it before it is done."""

from collections.abc import Iterator
from typing import assert_never

from cicd_agent.domain.chart import mermaid
from cicd_agent.domain.effects import (
    RISK_LABELS,
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
    Notification,
    OpenPull,
    Output,
    Plan,
    Reply,
    Rerun,
    Resolve,
    Review,
    ReviewRequest,
    Summary,
)
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import count


def dry_run(plan: Plan) -> str:
    return "\n".join("\n".join(_would(effect)) for effect in plan.effects) or "nothing to do"


def _would(effect: Effect) -> Iterator[str]:
    match effect:
        case Review():
            yield from _would_review(effect)
        case Comment():
            how = "edited, if there is one" if effect.only_edit else "edited, or posted"
            yield f"comment `{visible_line(effect.key)}` on pull request {effect.pull}: {how}"
            yield from _indented(effect.body)
        case Resolve():
            yield f"thread {visible_line(effect.thread)} of pull request {effect.pull}: resolved, unless answered"
        case Reply():
            yield f"reply to comment {effect.to} on pull request {effect.pull}"
            yield from _indented(effect.body)
        case Labels() | CheckRun() | Commit() | OpenPull():
            yield from _would_put(effect)
        case Annotation():
            place = visible_line(f" {effect.path}:{effect.line}" if effect.path else "")
            yield f"{effect.level}{place}: {visible_line(effect.title)}"
            yield from _indented(effect.message)
        case Summary():
            yield "step summary:"
            yield from _indented("\n".join(filter(None, (effect.body, mermaid(effect.pictures)))))
        case Output():
            yield f"output {visible_line(effect.name)}={visible_line(effect.value)}"
        case Artifact():
            yield f"file {visible_line(effect.name)}: {count(len(effect.text), 'character')}"
        case _:
            yield from _would_beside(effect)


def _would_review(review: Review) -> Iterator[str]:
    comments = count(len(review.comments), "inline comment")
    yield f"review of pull request {review.pull} at {review.commit}: {review.event}, {comments}"
    if review.withheld:
        yield f"  neither approved nor taken back: {visible_line(review.withheld)}"
    yield from _indented(review.body)
    for inline in review.comments:
        yield f"  {visible_line(inline.path)}:{inline.line} ({inline.side})"
        yield from _indented(inline.body)


def _would_beside(
    effect: CommitComment | Issue | Rerun | Notification | Deployment | ReviewRequest,
) -> Iterator[str]:
    match effect:
        case CommitComment():
            yield f"comment `{visible_line(effect.key)}` on commit {visible_line(effect.commit)}: edited, or posted"
            yield from _indented(effect.body)
        case Issue():
            yield f"issue `{visible_line(effect.key)}`, {visible_line(effect.title)}: edited, or opened"
            yield from _indented(effect.body)
        case Rerun():
            unless = "it is still held" if effect.reason == "approval" else "it was not run again before"
            yield f"run {effect.run}: its failed jobs run again ({effect.reason}), if {unless}"
        case Notification():
            yield f"message: {visible_line(f'{effect.text} {effect.url}'.strip())}"
            yield from (f"    {visible_line(line)}" for line in effect.details)
            yield from (f"    [{visible_line(each.text)}] {visible_line(each.url)}" for each in effect.buttons)
        case Deployment():
            which = f"deployment {effect.id}" if effect.id else "a deployment"
            what = f"{which} of {effect.commit[:7]} to {effect.environment}: {effect.state}, {effect.description}"
            yield visible_line(what)
        case ReviewRequest():
            yield visible_line(f"review of pull request {effect.pull} asked of {', '.join(effect.reviewers)}")
        case _:
            assert_never(effect)


def _would_put(effect: Labels | CheckRun | Commit | OpenPull) -> Iterator[str]:
    yield from _would_mark(effect) if isinstance(effect, Labels | CheckRun) else _would_deliver(effect)


def _would_deliver(effect: Commit | OpenPull) -> Iterator[str]:
    what = "commit on the branch" if isinstance(effect, Commit) else "pull request of tests against the branch"
    yield f"{what} of pull request {effect.pull}, if that still ends in {visible_line(effect.head[:7])}:"
    if isinstance(effect, OpenPull):
        yield f"    {visible_line(effect.title)}"
        yield from _indented(effect.body)
    yield from _indented(effect.message)
    yield from (f"  {visible_line(file.path)}: {count(len(file.text), 'character')}" for file in effect.files)


def _would_mark(effect: Labels | CheckRun) -> Iterator[str]:
    if isinstance(effect, Labels):
        yield f"label `{RISK_LABELS[effect.risk]}` on pull request {effect.pull}, and no other of its family"
        return
    notes = count(len(effect.annotations), "annotation")
    yield f"check run `{effect.name}` on {effect.commit}: {effect.conclusion}, {notes}"
    yield f"    {visible_line(effect.title)}"
    yield from _indented(effect.summary)
    for annotation in effect.annotations:
        yield from (f"  {line}" for line in _would(annotation))


def _indented(text: str) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in visible(text).rstrip().split("\n"))
