"""Says what a plan would do, for whoever wants to see it before it is done."""

from collections.abc import Iterator
from typing import assert_never

from cicd_agent.domain import effects
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import count


def dry_run(plan: effects.Plan) -> str:
    return "\n".join("\n".join(_preview(effect)) for effect in plan.effects) or "nothing to do"


def _preview(effect: effects.Effect) -> Iterator[str]:
    match effect:
        case effects.Review():
            yield from _review(effect)
        case effects.Comment():
            how = "edited, if there is one" if effect.only_edit else "edited, or posted"
            yield f"comment `{visible_line(effect.key)}` on pull request {effect.pull}: {how}"
            yield from _indented(effect.body)
        case effects.Resolve():
            yield f"thread {visible_line(effect.thread)} of pull request {effect.pull}: resolved, unless answered"
        case effects.Reply():
            yield f"reply to comment {effect.to} on pull request {effect.pull}"
            yield from _indented(effect.body)
        case effects.Commit() | effects.OpenPull():
            yield from _delivery(effect)
        case effects.Annotation():
            where = visible_line(f" {effect.path}:{effect.line}" if effect.path else "")
            yield f"{effect.level}{where}: {visible_line(effect.title)}"
            yield from _indented(effect.message)
        case effects.Summary():
            yield "step summary:"
            yield from _indented(effect.body)
        case effects.Output():
            yield f"output {visible_line(effect.name)}={visible_line(effect.value)}"
        case effects.Artifact():
            yield f"file {visible_line(effect.name)}: {count(len(effect.text), 'character')}"
        case _:
            yield from _elsewhere(effect)


def _review(review: effects.Review) -> Iterator[str]:
    comments = count(len(review.comments), "inline comment")
    yield f"review of pull request {review.pull} at {review.commit}: {review.event}, {comments}"
    if review.withheld:
        yield f"  neither approved nor taken back: {visible_line(review.withheld)}"
    yield from _indented(review.body)
    for inline in review.comments:
        yield f"  {visible_line(inline.path)}:{inline.line} ({inline.side})"
        yield from _indented(inline.body)


def _elsewhere(
    effect: effects.Labels
    | effects.CheckRun
    | effects.CommitComment
    | effects.Issue
    | effects.Rerun
    | effects.Notification
    | effects.Deployment
    | effects.ReviewRequest,
) -> Iterator[str]:
    match effect:
        case effects.Labels():
            label = effects.RISK_LABELS[effect.risk]
            yield f"label `{label}` on pull request {effect.pull}, and no other of its family"
        case effects.CheckRun():
            yield from _check_run(effect)
        case effects.CommitComment():
            yield f"comment `{visible_line(effect.key)}` on commit {visible_line(effect.commit)}: edited, or posted"
            yield from _indented(effect.body)
        case effects.Issue():
            yield f"issue `{visible_line(effect.key)}`, {visible_line(effect.title)}: edited, or opened"
            yield from _indented(effect.body)
        case effects.Rerun():
            unless = "it is still held" if effect.reason == "approval" else "it was not run again before"
            yield f"run {effect.run}: its failed jobs run again ({effect.reason}), if {unless}"
        case effects.Notification():
            yield f"message: {visible_line(f'{effect.text} {effect.url}'.strip())}"
            yield from (f"    {visible_line(line)}" for line in effect.details)
            yield from (f"    [{visible_line(each.text)}] {visible_line(each.url)}" for each in effect.buttons)
        case effects.Deployment():
            which = f"deployment {effect.id}" if effect.id else "a deployment"
            what = f"{which} of {effect.commit[:7]} to {effect.environment}: {effect.state}, {effect.description}"
            yield visible_line(what)
        case effects.ReviewRequest():
            yield visible_line(f"review of pull request {effect.pull} asked of {', '.join(effect.reviewers)}")
        case _:
            assert_never(effect)


def _delivery(effect: effects.Commit | effects.OpenPull) -> Iterator[str]:
    what = "commit on the branch" if isinstance(effect, effects.Commit) else "pull request of tests against the branch"
    yield f"{what} of pull request {effect.pull}, if that still ends in {visible_line(effect.head[:7])}:"
    if isinstance(effect, effects.OpenPull):
        yield f"    {visible_line(effect.title)}"
        yield from _indented(effect.body)
    yield from _indented(effect.message)
    yield from (f"  {visible_line(file.path)}: {count(len(file.text), 'character')}" for file in effect.files)


def _check_run(effect: effects.CheckRun) -> Iterator[str]:
    notes = count(len(effect.annotations), "annotation")
    yield f"check run `{effect.name}` on {effect.commit}: {effect.conclusion}, {notes}"
    yield f"    {visible_line(effect.title)}"
    yield from _indented(effect.summary)
    for annotation in effect.annotations:
        yield from (f"  {line}" for line in _preview(annotation))


def _indented(text: str) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in visible(text).rstrip().split("\n"))
