"""The words of a diagnosis: the verdict, the lines that prove it, what to do next, and how sure that is."""

import re
from collections.abc import Iterator, Sequence

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.markdown import code, details, escape, fence, link, prose, table
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun, Role, failed_run
from cicd_agent.modes.analyse_failure.result import Cited, Diagnosis, Failure, Ground, Overlap, Suspect
from cicd_agent.modes.analyse_failure.runs.previous_failures import day, previous_failure, with_saved_traces
from cicd_agent.modes.protocol import Account

MAX_LINES = 25
"""Lines of a comment, folded parts counted as one: a reader has ten seconds."""
MAX_DECISIVE, MAX_AT_A_GLANCE = 6, 4
MAX_LOCATIONS = 3
MAX_ROWS = 20
MAX_NAMES = 8
MAX_LINE = 160
"""Characters of a line of the log; the report has it whole."""
MAX_PATCH = 8_000

VERDICTS = {
    Cause.CHANGE: "Caused by this change",
    Cause.FLAKY: "Flaky",
    Cause.INFRASTRUCTURE: "Infrastructure, not this change",
    Cause.PRE_EXISTING: "Failed before this change",
    Cause.UNKNOWN: "Failed, the cause is not proved",
}
_RULED = re.compile(r"\s*[_=*#~+-]{3,}")


def heading(diagnosis: Diagnosis, evidence: Evidence) -> str:
    return f"### {_verdict(diagnosis, evidence)}: {prose(diagnosis.root_cause) or 'no log says what failed'}"


def sentence(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    parts = [f"{_verdict(diagnosis, evidence)}: {diagnosis.root_cause or 'no log says what failed'}"]
    if diagnosis.responsible:
        parts.append(f"commit {diagnosis.responsible[:7]}")
    parts.append(f"{diagnosis.confidence:.2f} sure")
    return ", ".join(parts)


def comment(diagnosis: Diagnosis, evidence: Evidence, account: Account) -> str:
    """The diagnosis in at most MOST_LINES lines, for the pull request."""
    parts = [
        heading(diagnosis, evidence),
        " ".join(_grounds(diagnosis.grounds[:3], evidence.event)),
        _locations(diagnosis, evidence),
        _decisive(diagnosis, evidence.event, limit=MAX_AT_A_GLANCE),
        _claims(diagnosis, limit=2),
        _next(diagnosis),
        _context(diagnosis, evidence),
        _patch(diagnosis.trial),
        _footer(diagnosis, evidence, account),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def summary(diagnosis: Diagnosis, evidence: Evidence, account: Account) -> str:
    """The whole diagnosis as Markdown, for the step summary and the check run."""
    failed = failed_run(evidence)
    parts = [
        heading(diagnosis, evidence),
        "\n".join(f"- {ground}" for ground in _grounds(diagnosis.grounds, evidence.event)),
        _decisive(diagnosis, evidence.event),
        _claims(diagnosis, limit=10),
        _next(diagnosis),
        *_escalation(diagnosis),
        _context(diagnosis, evidence),
        _overlaps(diagnosis.meetings, evidence),
        _suspects(diagnosis.suspects, evidence),
        _others(diagnosis.failures[1:]),
        _jobs(failed),
        _patch(diagnosis.trial),
        *_details(diagnosis, evidence),
        *([f"**Degraded:** {prose(account.degraded)}"] if account.degraded else []),
        *(prose(notice) for notice in account.notices),
        _footer(diagnosis, evidence, account),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def patch_state(trial: TrialReport) -> str:
    """What is known of a patch, in one clause."""
    match trial.step:
        case Step.VERIFIED:
            return "proved: the command that failed is red without it and green with it"
        case Step.APPLIES:
            return f"it applies and parses; {trial.detail or 'it was not run'}"
        case _:
            return f"not offered: {trial.detail or trial.step.replace('_', ' ')}"


def _verdict(diagnosis: Diagnosis, evidence: Evidence) -> str:
    failed = evidence.get(FAILED_RUN)
    if diagnosis.cause is Cause.CHANGE and evidence.event.pull is None and failed is not None and failed.green:
        return "Caused by a commit since it last passed"
    if diagnosis.cause is Cause.UNKNOWN and diagnosis.innocent:
        return "Probably not this change"
    return VERDICTS[diagnosis.cause]


def _grounds(grounds: Sequence[Ground], event: Event) -> Iterator[str]:
    for ground in grounds:
        shown = prose(f"{ground.text[:1].upper()}{ground.text[1:]}")
        yield f"{shown} ({link('see', ground.url, event.hosts)})" if ground.url else shown


def _locations(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """Where the failure meets the change, as links."""
    if diagnosis.cause is not Cause.CHANGE:
        return ""
    locations = dict.fromkeys(_where(each.path, each.line, evidence) for each in diagnosis.meetings)
    named = list(locations)[:MAX_LOCATIONS]
    commit = f", changed in {_commit(diagnosis.responsible, evidence.event)}" if diagnosis.responsible else ""
    return f"Where they meet: {', '.join(named)}{commit}." if named else ""


def _decisive(diagnosis: Diagnosis, event: Event, *, limit: int = MAX_DECISIVE) -> str:
    """The lines that prove it, each with its place in the log."""
    if not diagnosis.failures or not diagnosis.failures[0].decisive:
        return ""
    first = diagnosis.failures[0]
    lines = first.decisive[:MAX_DECISIVE]
    if len(lines) > limit:
        # A heading between rules says which test it is, and the line above has said that.
        lines = tuple(line for line in lines if not _RULED.match(line.text))[:limit] or lines[:limit]
    # Each is one line, whoever has written the evidence.
    text = "\n".join(clip(" ".join(line.text.splitlines()), MAX_LINE) for line in lines)
    url = next((line.url for line in lines if line.url), "")
    head = f"{link(_job_step(first.job, first.step), url, event.hosts)}{_numbers(lines)}"
    return f"{head}\n\n{fence(text)}"


def _numbers(lines: Sequence[Cited]) -> str:
    first, last = lines[0].number, lines[-1].number
    return f" · line {first:,}" if first == last else f" · lines {first:,} to {last:,}"


def _job_step(job: str, step: str) -> str:
    shown = code(job or "log")
    return f"{shown} › {escape(step)}" if step else shown


def _claims(diagnosis: Diagnosis, *, limit: int) -> str:
    """What the model says, each sentence with the lines that it rests on."""
    sentences = []
    for claim in diagnosis.claims[:limit]:
        shown = (code(f"{one.path}:{one.number}") if one.path else f"line {one.number:,}" for one in claim.cited)
        locations = ", ".join(shown)
        sentences.append(f"{prose(claim.text)}{f' ({locations})' if locations else ''}")
    return f"In the model's words: {' '.join(sentences)}" if sentences else ""


def _next(diagnosis: Diagnosis) -> str:
    text = f"**Next:** {prose(diagnosis.next_step)}" if diagnosis.next_step else ""
    if diagnosis.trial is not None and diagnosis.trial.is_offered:
        text += f" A patch is below, {prose(patch_state(diagnosis.trial))}."
    return text


def _context(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """Whom else it hit, and whether it was seen before."""
    parts = []
    first = diagnosis.failures[0] if diagnosis.failures else None
    if first and first.siblings:
        named = ", ".join(code(name) for name in first.siblings[:6])
        more = f" and {len(first.siblings) - 6} more" if len(first.siblings) > 6 else ""  # noqa: PLR2004
        parts.append(f"Also failed the same way: {named}{more}.")
    if len(diagnosis.failures) > 1:
        parts.append(f"{count(len(diagnosis.failures) - 1, 'other failure')} in this run.")
    failed = with_saved_traces(evidence)
    if first is not None and failed.run is not None and first.strict:
        parts.append(_recurrence(failed, first))
    if first is not None:
        parts.append(_previous(evidence, first.strict))
    return " ".join(part for part in parts if part)


def _recurrence(failed: FailedRun, first: Failure) -> str:
    same = [trace for trace in failed.traces if first.strict in trace.strict]
    if same:
        return f"Seen before: in {count(len(same), 'other run')}."
    read = sum(1 for trace in failed.traces if trace.strict)
    return f"Seen before: not in the {count(read, 'earlier failure')} that were read." if read else ""


def _previous(evidence: Evidence, fingerprint: str) -> str:
    """What our own runs have left of it, and what mended it then."""
    previous = previous_failure(evidence, fingerprint)
    if previous is None:
        return ""
    cause = f", last as {previous.cause.replace('_', ' ')}" if previous.cause else ""
    text = f"Explained before: on {count(previous.times, 'commit')} since {day(previous.since)}{cause}"
    if previous.fixed_by:
        text += f"; it passed again from {_commit(previous.fixed_by, evidence.event)} on"
    elif previous.patch and previous.run:
        text += f"; run {code(previous.run)} had a patch that was proved to mend it"
    return f"{text}."


def _overlaps(overlaps: Sequence[Overlap], evidence: Evidence) -> str:
    if not overlaps:
        return ""
    rows = (
        (
            _where(each.path, each.line, evidence),
            f"line {each.number:,}" if each.number else "",
            f"imported by {code(each.via)}" if each.via else "changed line" if each.exact else "changed file",
            code(each.sha[:7]) if each.sha else "",
        )
        for each in overlaps[:MAX_ROWS]
    )
    return table(("where log and change meet", "log", "how", "commit"), rows)


def _suspects(suspects: Sequence[Suspect], evidence: Evidence) -> str:
    if not suspects:
        return ""
    event = evidence.event
    rows = (
        (
            _commit(each.sha, event),
            escape(clip(each.subject, 100)),
            f"{each.score:.2f}",
        )
        for each in suspects[:5]
    )
    since = "since the last green run" if failed_run(evidence).green else "of the change"
    return table((f"commit {since}", "subject", "score"), rows)


def _others(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    rows = (
        (
            escape(clip(each.title, MAX_LINE)),
            _job_step(each.job, each.step),
            each.kind.replace("_", " ") + (", allowed to fail" if each.tolerated else ""),
        )
        for each in failures[:MAX_ROWS]
    )
    return table(("also failed", "where", "kind"), rows)


def _jobs(failed: FailedRun) -> str:
    """The jobs that only fell with others."""
    sentences = []
    for role, reason in (
        (Role.VICTIM, "cancelled when a sibling failed"),
        (Role.UNREACHED, "skipped, a job that they need failed"),
    ):
        if names := [job.job.name for job in failed.jobs if job.role is role]:
            more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
            sentences.append(f"Not looked at: {', '.join(map(code, names[:MAX_NAMES]))}{more} ({reason}).")
    return "\n".join(sentences)


def _patch(trial: TrialReport | None) -> str:
    if trial is None:
        return ""
    if not trial.is_offered:
        return f"A patch was proposed and is {prose(patch_state(trial))}."
    if len(trial.patch) > MAX_PATCH:
        return (
            f"The patch has {count(len(trial.patch), 'character')}: it is in the file that the output `fix_file` names."
        )
    return details(f"patch for {count(len(trial.paths), 'file')}", fence(trial.patch, "diff"))


def _details(diagnosis: Diagnosis, evidence: Evidence) -> Iterator[str]:
    sections: list[tuple[str, str]] = []
    if diagnosis.dropped:
        rows = ((escape(clip(each.text, 300)), escape(each.reason)) for each in diagnosis.dropped[:MAX_ROWS])
        sections.append((f"{count(len(diagnosis.dropped), 'claim')} not proved", table(("claim", "why"), rows)))
    if evidence.gaps:
        gap_rows = ((escape(gap.what) or "–", escape(gap.why)) for gap in evidence.gaps[:MAX_ROWS])
        sections.append((f"{len(evidence.gaps)} not looked at", table(("what", "why"), gap_rows)))
    if sections:
        yield details(" · ".join(title for title, _ in sections), "\n\n".join(body for _, body in sections))


def _escalation(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.escalate:
        yield f"> [!WARNING]\n> A person should look: {escape('; '.join(diagnosis.escalate))}."


def _footer(diagnosis: Diagnosis, evidence: Evidence, account: Account) -> str:
    failed = failed_run(evidence)
    total = sum(job.extract.total for job in failed.jobs)
    shown = sum(len(job.extract.kept) for job in failed.jobs)
    parts = [f"{diagnosis.confidence:.2f} sure", f"{shown:,} of {count(total, 'log line')} shown"]
    if diagnosis.fingerprint:
        parts.append(f"fingerprint {code(diagnosis.fingerprint)}")
    if evidence.event.sha:
        parts.append(f"commit {evidence.event.sha[:7]}")
    if failed.run is not None and failed.run.url:
        parts.append(link(f"run {failed.run.id}", failed.run.url, evidence.event.hosts))
    if account.model:
        parts += [f"{escape(account.model)}, {account.usage.words}", account.price]
    else:
        parts.append("rules only, no model asked")
    return f"<sub>{' · '.join(parts)}</sub>"


def _commit(sha: str, event: Event) -> str:
    return link(code(sha[:7]), event.commit_url(sha), event.hosts)


def _where(path: str, line: int, evidence: Evidence) -> str:
    event = evidence.event
    label = code(f"{path}:{line}" if line else path)
    return link(label, event.blob(event.sha, path, line), event.hosts)
