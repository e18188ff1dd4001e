"""Turns a diagnosis into the effects that publish it: one comment for each fingerprint, a summary, outputs, a rerun."""

from collections.abc import Iterator
from typing import Literal

from cicd_agent.analysis.logs.extract import Elision, Extract
from cicd_agent.domain import effects
from cicd_agent.domain.effects import Effect, Plan
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.diff import Anchors, LineKind, Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.text.markdown import suggestion
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count, two_decimals
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, failed_run
from cicd_agent.modes.analyse_failure.failed_tests import how_many
from cicd_agent.modes.analyse_failure.page import comment, heading, page, patch_state, sentence
from cicd_agent.modes.analyse_failure.result import Diagnosis
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import RERUNS, Commenting, Settings

OUTPUTS = (
    "failure_type",
    "confidence",
    "cause",
    "root_cause",
    "is_flaky",
    "responsible_commit",
    "rerun_recommended",
    "fix_file",
    "fix_verified",
)
MAX_NOTES = 3
"""Annotations of one run: the runner shows ten of a step, and the log has them all."""


def report(diagnosis: Diagnosis, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan of a diagnosis. What GitHub is told comes first, so that the rest can say what became of it."""
    body = github_markdown(page(diagnosis, evidence, account, settings))
    return Plan(
        (
            *_comments(diagnosis, evidence, account, settings),
            *_suggestions(diagnosis, evidence, settings),
            *_check(diagnosis, evidence, body, settings),
            *_rerun(diagnosis, evidence, settings),
            *_notifications(diagnosis, evidence),
            effects.Summary(key="summary", body=body),
            *_files(diagnosis, evidence),
            *_outputs(diagnosis, evidence),
        )
    )


def _comments(diagnosis: Diagnosis, evidence: Evidence, account: Account, settings: Settings) -> Iterator[Effect]:
    event, run = evidence.event, failed_run(evidence).run
    if not diagnosis.failures:
        return  # nothing could be read: the summary says so, and nobody needs a comment for that
    key = f"failure-{diagnosis.fingerprint or 'unknown'}"
    body = github_markdown(comment(diagnosis, evidence, account))
    if event.pull is not None:
        if settings.comment is not Commenting.OFF:
            yield effects.Comment(key=key, pull=event.pull.number, body=body)
        return
    if event.kind is EventKind.LOCAL:
        return
    if settings.commit_comment == "on" and event.sha:
        yield effects.CommitComment(key=key, commit=event.sha, body=body)
    on_default = run is not None and run.branch == event.default_branch and not run.event.startswith("pull_request")
    # The machine's troubles pass by themselves: nobody could close an issue about them.
    is_ours = on_default and bool(diagnosis.fingerprint) and diagnosis.cause is not Cause.INFRASTRUCTURE
    if settings.failure_issue == "on" and is_ours:
        workflow = (run.workflow if run else "") or "the workflow"
        yield effects.Issue(key=key, title=clip(f"{workflow} fails: {diagnosis.root_cause}", 200), body=body)


def _suggestions(diagnosis: Diagnosis, evidence: Evidence, settings: Settings) -> Iterator[Effect]:
    event, trial, change = evidence.event, diagnosis.trial, evidence.change
    if event.pull is None or change is None or settings.comment is not Commenting.REVIEW:
        return
    files = parse_diff(trial.patch) if trial is not None and trial.step is Step.VERIFIED else ()
    if trial is None or len(files) != 1 or len(files[0].hunks) != 1:
        return
    lines = list(files[0].hunks[0].lines)
    touched = [index for index, line in enumerate(lines) if line.kind is not LineKind.CONTEXT]
    first, last = min(touched), max(touched)
    if all(line.kind is LineKind.ADDED for line in lines[first : last + 1]):
        first -= 1  # a suggestion replaces lines: what is only added is said with the line above it
    part = lines[max(first, 0) : last + 1]
    old = [line.old for line in part if line.old]
    start = old[0] if len(old) > 1 else 0
    shown = next((file for file in change.files if file.path == files[0].path), None)
    if not old or shown is None or not Anchors(shown).allows(Side.RIGHT, old[-1], start):
        return
    text = "\n".join(line.text for line in part if line.kind is not LineKind.DELETED)
    fix = f"**Fix for the failure above**, {patch_state(trial)}.\n\n{suggestion(text)}"
    key = f"fix-{trial.key}"
    inline = effects.InlineComment(key, files[0].path, old[-1], Side.RIGHT, fix, start=start)
    body = "One fix at its line, proved by running the command that failed."
    yield effects.Review(f"review-{key}", event.pull.number, event.sha, effects.ReviewEvent.COMMENT, body, (inline,))


def _check(diagnosis: Diagnosis, evidence: Evidence, body: str, settings: Settings) -> Iterator[Effect]:
    notes = tuple(_annotations(diagnosis))
    event = evidence.event
    if settings.check_run == "on" and event.sha and event.kind is not EventKind.LOCAL:
        # It explains a failure and is none: it neither blocks nor passes anything.
        title = clip(visible_line(heading(diagnosis, evidence)), 200)
        result = Conclusion.NEUTRAL
        yield effects.CheckRun("check-run", event.sha, result, title, body, notes, name="cicd-agent failure")
    else:
        yield from notes


def _annotations(diagnosis: Diagnosis) -> Iterator[effects.Annotation]:
    if diagnosis.cause is not Cause.CHANGE:
        return
    locations = dict.fromkeys((overlap.path, overlap.line) for overlap in diagnosis.meetings if overlap.line)
    for number, (path, line) in enumerate(list(locations)[:MAX_NOTES], 1):
        yield effects.Annotation(
            key=f"meeting-{number}",
            level=effects.Level.WARNING,
            title="cicd-agent: a failure meets this change",
            message=clip(
                f"{diagnosis.root_cause}{how_many(diagnosis.tests, next(iter(diagnosis.failures), None))}", 500
            ),
            path=path,
            line=line,
        )


def _rerun(diagnosis: Diagnosis, evidence: Evidence, settings: Settings) -> Iterator[Effect]:
    """The failed jobs once more, where the workflow allows that for this reason. Never when the change is to blame."""
    run = evidence.event.run
    if not diagnosis.rerun or diagnosis.cause is Cause.CHANGE or run is None:
        return
    if evidence.event.kind is EventKind.WORKFLOW_RUN and diagnosis.rerun_kind in RERUNS[settings.rerun]:
        reason: Literal["flaky", "infrastructure"] = "flaky" if diagnosis.rerun_kind == "flaky" else "infrastructure"
        yield effects.Rerun(key=f"rerun-{run.id}", run=run.id, attempt=run.attempt, reason=reason)


def _notifications(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[Effect]:
    failed = evidence.get(FAILED_RUN)
    if failed is None or failed.run is None or not failed.turned_red or evidence.event.kind is EventKind.LOCAL:
        return
    text = f"{evidence.event.repo}: {failed.run.branch} turned red. {sentence(diagnosis, evidence)}"
    yield effects.Notification(key=f"red-{failed.run.id}", text=text, url=failed.run.url)


def _files(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[Effect]:
    failed = failed_run(evidence)
    if any(job.extract.kept for job in failed.jobs):
        text = "\n".join(part for job in failed.jobs for part in _extract(job.job.name, job.extract))
        yield effects.Artifact(key="extract", name="extract.txt", text=f"{text}\n")
    if diagnosis.trial is not None and diagnosis.trial.is_offered:
        yield effects.Artifact(key="fix", name="fix.patch", text=diagnosis.trial.patch, output="fix_file")
    else:
        yield effects.Output("output-fix_file", "fix_file", "")


def _extract(name: str, extract: Extract) -> Iterator[str]:
    if not extract.kept:
        return
    yield f"== {name}: {len(extract.kept):,} of {count(extract.total, 'line')}"
    for row in extract.rows:
        if isinstance(row, Elision):
            yield f"        … {count(row.lines, 'line')}"
        else:
            yield f"{row.number:>7} {row.text}" + (f"  (×{row.times:,})" if row.times > 1 else "")


def _outputs(diagnosis: Diagnosis, evidence: Evidence) -> tuple[effects.Output, ...]:
    trial = diagnosis.trial
    verified = "true" if trial and trial.step is Step.VERIFIED else "false" if trial and trial.is_offered else ""
    values = {
        "summary": sentence(diagnosis, evidence),
        "failure_type": str(diagnosis.kind),
        "confidence": two_decimals(diagnosis.confidence),
        "cause": str(diagnosis.cause),
        "root_cause": diagnosis.root_cause,
        "is_flaky": diagnosis.is_flaky,
        "responsible_commit": diagnosis.responsible,
        "rerun_recommended": "true" if diagnosis.rerun else "false",
        "fix_verified": verified,
    }
    return tuple(effects.Output(f"output-{name}", name, value) for name, value in values.items())
