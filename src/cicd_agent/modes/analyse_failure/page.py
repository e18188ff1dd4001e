"""A diagnosis as pages: the verdict, the lines that prove it, what to do next, and with what confidence."""

import re
from collections.abc import Iterator, Sequence

from cicd_agent.analysis.logs.extract import AlikeTests, Kind
from cicd_agent.analysis.logs.registry import trouble_excerpt
from cicd_agent.analysis.logs.template import coarse_template
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import capital, clip, count
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun, Role, failed_run
from cicd_agent.modes.analyse_failure.failed_tests import by_message, how_many
from cicd_agent.modes.analyse_failure.result import Cited, Diagnosis, Failure, Ground, Overlap, Suspect
from cicd_agent.modes.analyse_failure.runs.previous_failures import day, previous_failure, with_saved_traces
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.shared.blocks import (
    account_blocks,
    details,
    first_parts,
    gap_section,
    headline,
    model_parts,
    place,
    unproved,
)
from cicd_agent.rendering.page import (
    Alert,
    Block,
    Bullets,
    CodeBlock,
    Details,
    Footnote,
    Inline,
    Page,
    Paragraph,
    Table,
    code,
    joined,
    link,
    strong,
)
from cicd_agent.settings.schema import Settings

MAX_LINES = 25
"""Lines of a comment, folded parts counted as one: a reader has ten seconds."""
MAX_DECISIVE, MAX_AT_A_GLANCE = 6, 4
MAX_LOCATIONS = 3
MAX_ROWS = 20
MAX_GROUPS, MAX_GROUPS_AT_A_GLANCE = 10, 2
MAX_NAMES = 8
MAX_LINE = 160
"""Characters of a line of the log; the report has it whole."""
MAX_PATCH = 8_000

VERDICTS = {
    Cause.FLAKY: "Flaky",
    Cause.INFRASTRUCTURE: "Infrastructure",
    Cause.PRE_EXISTING: "Failed before this change",
    Cause.UNKNOWN: "Cause not proven",
}
_FAILED = {
    Kind.BUILD_ERROR: "The build failed",
    Kind.LINT_ERROR: "A lint check failed",
    Kind.TIMEOUT: "A step timed out",
    Kind.DEPENDENCY: "A dependency failed",
    Kind.CONFIGURATION: "The configuration failed",
}
"""What a change has broken, where it is no test."""
_RULED = re.compile(r"\s*[_=*#~+-]{3,}")


def heading(diagnosis: Diagnosis, evidence: Evidence) -> str:
    first = next(iter(diagnosis.failures), None)
    if diagnosis.cause is Cause.CHANGE:
        return f"{_broken(diagnosis, first)} because of {_culprit(evidence)}: {diagnosis.root_cause}"
    verdict = VERDICTS[diagnosis.cause]
    if diagnosis.cause is Cause.UNKNOWN and diagnosis.innocent:
        verdict = "Probably not this change"
    what = f"{diagnosis.root_cause}{how_many(diagnosis.tests, first)}"
    return f"{verdict}: {what or 'no log says what failed'}"


def _broken(diagnosis: Diagnosis, first: Failure | None) -> str:
    """What failed, with the number of tests."""
    if first is not None and (first.test or first.kind is Kind.TEST_FAILURE):
        return f"{count(max(diagnosis.tests.count, 1), 'test')} failed"
    return _FAILED.get(first.kind, "A job failed") if first is not None else "A job failed"


def _culprit(evidence: Evidence) -> str:
    failed = evidence.get(FAILED_RUN)
    is_branch = evidence.event.pull is None and failed is not None and bool(failed.green)
    return "a commit since the last green run" if is_branch else "this change"


def sentence(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    parts = [heading(diagnosis, evidence)]
    if diagnosis.responsible:
        parts.append(f"commit {diagnosis.responsible[:7]}")
    parts.append(f"confidence {diagnosis.confidence:.2f}")
    return ", ".join(parts)


def comment(diagnosis: Diagnosis, evidence: Evidence, account: Account) -> Page:
    """The diagnosis in at most MAX_LINES lines, for the pull request."""
    grounds = _grounds(diagnosis.grounds[:3])
    blocks = [
        *headline(heading(diagnosis, evidence), account),
        *([Paragraph(joined(grounds, " "))] if grounds else []),
        *_locations(diagnosis, evidence),
        *_decisive(diagnosis, limit=MAX_AT_A_GLANCE),
        *_claims(diagnosis, limit=2),
        *_next(diagnosis),
        *_context(diagnosis, evidence, groups=MAX_GROUPS_AT_A_GLANCE),
        *_patch(diagnosis.trial),
        _footnote(diagnosis, evidence, account),
    ]
    return Page(blocks, evidence.event.hosts)


def page(diagnosis: Diagnosis, evidence: Evidence, account: Account, _settings: Settings) -> Page:
    """The whole diagnosis."""
    failed = failed_run(evidence)
    blocks = [
        *headline(heading(diagnosis, evidence), account),
        *_reasons(diagnosis.grounds),
        *_decisive(diagnosis),
        *_claims(diagnosis, limit=10),
        *_next(diagnosis),
        *_escalation(diagnosis),
        *_context(diagnosis, evidence),
        *_groups(diagnosis),
        _others(_not_grouped(diagnosis)),
        *_jobs(failed),
        *_patch(diagnosis.trial),
        *_details(diagnosis, evidence),
        *account_blocks(account),
        _footnote(diagnosis, evidence, account),
    ]
    return Page(blocks, evidence.event.hosts)


def patch_state(trial: TrialReport) -> str:
    """What is known of a patch, in one clause."""
    match trial.step:
        case Step.VERIFIED:
            return "verified: the command that failed fails without it and passes with it"
        case Step.PARTLY_VERIFIED:
            return f"verified in part: {trial.detail}"
        case Step.CANNOT_BE_TRIED:
            return f"not verified, because it cannot be tried here: {trial.detail}"
        case Step.APPLIES:
            return f"it applies and parses; {trial.detail or 'it was not run'}"
        case _:
            return f"not offered: {trial.detail or trial.step.replace('_', ' ')}"


def _reasons(grounds: Sequence[Ground]) -> Iterator[Block]:
    reasons = _grounds(grounds)
    if len(reasons) == 1:
        yield Paragraph((reasons[0], "."))
    elif reasons:
        yield Bullets(reasons)


def _grounds(grounds: Sequence[Ground]) -> list[Inline]:
    return [(capital(ground.text), (" (", link("see", ground.url), ")") if ground.url else "") for ground in grounds]


def _locations(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[Block]:
    """Where the failure meets the change, as links."""
    if diagnosis.cause is not Cause.CHANGE or not diagnosis.meetings:
        return
    places = dict.fromkeys(place(each.path, each.line, evidence.event) for each in diagnosis.meetings)
    named = joined([*places][:MAX_LOCATIONS])
    responsible = diagnosis.responsible
    commit: Inline = (", changed in ", _commit(responsible, evidence.event)) if responsible else ""
    yield Paragraph(("The log points at: ", named, commit, "."))


def _decisive(diagnosis: Diagnosis, *, limit: int = MAX_DECISIVE) -> Iterator[Block]:
    """The lines that prove it, each with its place in the log."""
    if not diagnosis.failures or not diagnosis.failures[0].decisive:
        return
    first = diagnosis.failures[0]
    lines = first.decisive[:MAX_DECISIVE]
    if len(lines) > limit:
        # A heading between rules says which test it is, and the line above has said that.
        lines = tuple(line for line in lines if not _RULED.match(line.text))[:limit] or lines[:limit]
    url = next((line.url for line in lines if line.url), "")
    yield Paragraph((link(_job_step(first.job, first.step), url), _numbers(lines)))
    # Each is one line, whoever has written the evidence.
    yield CodeBlock("\n".join(clip(" ".join(line.text.splitlines()), MAX_LINE) for line in lines))


def _numbers(lines: Sequence[Cited]) -> str:
    first, last = lines[0].number, lines[-1].number
    return f" · line {first:,}" if first == last else f" · lines {first:,} to {last:,}"


def _job_step(job: str, step: str) -> Inline:
    return (code(job or "log"), f" › {step}" if step else "")


def _claims(diagnosis: Diagnosis, *, limit: int) -> Iterator[Block]:
    """What the model says, each sentence with the lines that it rests on."""
    sentences: list[Inline] = []
    for claim in diagnosis.claims[:limit]:
        cited = [_cited(one) for one in claim.cited]
        sentences.append((claim.text, (" (", joined(cited), ")") if cited else ""))
    if sentences:
        yield Paragraph(("The model's explanation: ", joined(sentences, " ")))


def _cited(one: Cited) -> Inline:
    if not one.path:
        return f"line {one.number:,}"
    return (code(f"{one.path}:{one.number}"), " before the change" if one.side is Side.LEFT else "")


def _next(diagnosis: Diagnosis) -> Iterator[Block]:
    step: Inline = (strong("Next step:"), f" {diagnosis.next_step}") if diagnosis.next_step else ""
    trial = diagnosis.trial
    patch = f" Suggested patch below ({patch_state(trial)})." if trial is not None and trial.is_offered else ""
    if patch and trial is not None and trial.remedy:
        patch = f"{patch} {trial.remedy}."
    if step or patch:
        yield Paragraph((step, patch))


def _context(diagnosis: Diagnosis, evidence: Evidence, *, groups: int = 0) -> Iterator[Block]:
    """Whom else it hit, and whether it was seen before; `groups` of tests that failed alike are named."""
    parts: list[Inline] = []
    first = diagnosis.failures[0] if diagnosis.failures else None
    if first and first.siblings:
        parts.append(("Also failed the same way: ", first_parts([code(name) for name in first.siblings], 6), "."))
    if diagnosis.tests.count > 1:
        parts += (_alike(group) for group in diagnosis.tests.alike[:groups])
    if others := _not_counted(diagnosis):
        parts.append(f"{count(len(others), 'other failure')} in this run.")
    failed = with_saved_traces(evidence)
    if first is not None and failed.run is not None and first.strict:
        parts += _recurrence(failed, first)
    if first is not None:
        parts += _previous(evidence, first.strict)
    if parts:
        yield Paragraph(joined(parts, " "))


def _alike(group: AlikeTests) -> Inline:
    """What tests that failed alike say, how many they are, and the first of them."""
    first = first_parts([code(clip(test.name, MAX_LINE)) for test in group.first], len(group.first))
    names = ", first three: " if group.count > len(group.first) else ": "
    return (code(clip(group.message, MAX_LINE)), f" · {count(group.count, 'test')}{names}", first, ".")


def _groups(diagnosis: Diagnosis) -> Iterator[Block]:
    """Tests that failed alike, of the first ones with what each says."""
    rows = [
        (count(group.count, "test"), code(clip(test.name, MAX_LINE)), clip(test.message, MAX_LINE))
        for group in diagnosis.tests.alike[:MAX_GROUPS]
        for test in group.first
    ]
    if rows:
        yield Table(("failed alike", "the first of them", "what it says"), rows)


def _not_counted(diagnosis: Diagnosis) -> Sequence[Failure]:
    """The failures beside the first one, without tests where their number is told."""
    is_told = diagnosis.tests.count > 1
    return [each for each in diagnosis.failures[1:] if not (is_told and (each.test or each.kind is Kind.TEST_FAILURE))]


def _not_grouped(diagnosis: Diagnosis) -> Sequence[Failure]:
    known = by_message(diagnosis.tests)
    return [each for each in diagnosis.failures[1:] if coarse_template(each.title) not in known]


def _recurrence(failed: FailedRun, first: Failure) -> Iterator[Inline]:
    same = [trace for trace in failed.traces if first.strict in trace.strict]
    if same:
        yield f"Seen before in {count(len(same), 'other run')}."
    elif read := sum(1 for trace in failed.traces if trace.strict):
        yield f"Not seen in {count(read, 'earlier failure')}."


def _previous(evidence: Evidence, fingerprint: str) -> Iterator[Inline]:
    """What our own runs have left of it, and what fixed it then."""
    previous = previous_failure(evidence, fingerprint)
    if previous is None:
        return
    cause = f", last as {previous.cause.replace('_', ' ')}" if previous.cause else ""
    fix: Inline = ""
    if previous.fixed_by:
        fix = ("; it passed again from ", _commit(previous.fixed_by, evidence.event), " on")
    elif previous.patch and previous.run:
        fix = ("; run ", code(previous.run), " had a verified patch for it")
    since = f"{count(previous.times, 'commit')} since {day(previous.since)}{cause}"
    yield (f"Explained before: on {since}", fix, ".")


def _overlaps(overlaps: Sequence[Overlap], evidence: Evidence) -> Table:
    rows = [
        (
            place(each.path, each.line, evidence.event),
            f"line {each.number:,}" if each.number else "",
            ("imported by ", code(each.via)) if each.via else "changed line" if each.exact else "changed file",
            code(each.sha[:7]) if each.sha else "",
        )
        for each in overlaps[:MAX_ROWS]
    ]
    return Table(("changed file in the log", "log", "how", "commit"), rows)


def _suspects(suspects: Sequence[Suspect], evidence: Evidence) -> Table:
    rows = [
        (_commit(each.sha, evidence.event) if each.sha else "", clip(each.subject, 100), f"{each.score:.2f}")
        for each in suspects[:5]
        if round(each.score, 2)
    ]
    since = "since the last green run" if failed_run(evidence).green else "in this change"
    return Table((f"commit {since}", "subject", "score"), rows)


def _others(failures: Sequence[Failure]) -> Table:
    rows = [
        (
            clip((len(each.title) > MAX_LINE and trouble_excerpt(each.title)) or each.title, MAX_LINE),
            _job_step(each.job, each.step),
            each.kind.replace("_", " ") + (", allowed to fail" if each.tolerated else ""),
        )
        for each in failures[:MAX_ROWS]
    ]
    return Table(("also failed", "where", "kind"), rows)


def _jobs(failed: FailedRun) -> Iterator[Block]:
    """The jobs that only fell with others."""
    for role, reason in (
        (Role.VICTIM, "cancelled when a sibling failed"),
        (Role.UNREACHED, "skipped because a job they need failed"),
    ):
        if names := [job.job.name for job in failed.jobs if job.role is role]:
            yield Paragraph(("Not analysed: ", first_parts([code(name) for name in names], MAX_NAMES), f" ({reason})."))


def _patch(trial: TrialReport | None) -> Iterator[Block]:
    if trial is None:
        return
    if not trial.is_offered:
        yield Paragraph(f"A patch was proposed and is {patch_state(trial)}.")
    elif len(trial.patch) > MAX_PATCH:
        size = count(len(trial.patch), "character")
        yield Paragraph(f"The patch has {size}: it is in the file that the output `fix_file` names.")
    else:
        yield Details(f"Patch for {count(len(trial.paths), 'file')}", [CodeBlock(trial.patch, "diff")])


def _details(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[Block]:
    sections: list[tuple[str, Sequence[Block]]] = []
    if diagnosis.meetings or any(round(each.score, 2) for each in diagnosis.suspects):
        proof = [_overlaps(diagnosis.meetings, evidence), _suspects(diagnosis.suspects, evidence)]
        sections.append(("How log and change match", proof))
    if diagnosis.dropped:
        rows = [(clip(each.text, 300), each.reason) for each in diagnosis.dropped[:MAX_ROWS]]
        sections.append((unproved(len(diagnosis.dropped)), [Table(("claim", "why"), rows)]))
    if evidence.gaps:
        sections.append(gap_section(evidence.gaps, MAX_ROWS))
    yield from details(sections)


def _escalation(diagnosis: Diagnosis) -> Iterator[Block]:
    if diagnosis.escalate:
        yield Alert("WARNING", f"Needs human review: {'; '.join(diagnosis.escalate)}.")


def _footnote(diagnosis: Diagnosis, evidence: Evidence, account: Account) -> Footnote:
    failed = failed_run(evidence)
    total = sum(job.extract.total for job in failed.jobs)
    parts: list[Inline] = [f"confidence {diagnosis.confidence:.2f}", f"excerpt of {count(total, 'log line')}"]
    if evidence.event.sha:
        parts.append(f"commit {evidence.event.sha[:7]}")
    if failed.run is not None and failed.run.url:
        parts.append(link(f"run {failed.run.id}", failed.run.url))
    return Footnote(joined([*parts, *model_parts(account)], " · "))


def _commit(sha: str, event: Event) -> Inline:
    return link(code(sha[:7]), event.commit_url(sha))
