"""A diagnosis as text for a person at a terminal: the verdict, the lines that prove it, whom it meets, what to do."""

from collections.abc import Iterator
from itertools import islice
from typing import Unpack

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.evidence import failed_run
from cicd_agent.modes.analyse_failure.result import Diagnosis, Failure
from cicd_agent.rendering.cell_width import clip
from cicd_agent.rendering.style import Cost, Shape, Style, one_line, page

_INK = {Cause.CHANGE: "high", Cause.UNKNOWN: "medium"}
_MAX_ROWS = 10


def render_failure(diagnosis: Diagnosis, evidence: Evidence, cost: Cost, **shape: Unpack[Shape]) -> str:
    """The whole diagnosis."""

    def parts(style: Style) -> tuple[Iterator[str], ...]:
        return (
            _verdict(diagnosis, style),
            _failures(diagnosis, style),
            _overlaps(diagnosis, style),
            _suspects(diagnosis, style),
            _next(diagnosis, style),
            _left_out(diagnosis, evidence, style),
        )

    return page(parts, cost, shape)


def _verdict(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    cause = diagnosis.cause.replace("_", " ")
    kind = diagnosis.kind.replace("_", " ")
    confidence = style.ink(f"({diagnosis.confidence:.2f})", "faint")
    yield f"{style.ink(kind, 'bold')}, cause {style.ink(cause, _INK.get(diagnosis.cause, 'low'))}  {confidence}"
    yield from style.wrapped(diagnosis.root_cause or "no log says what failed", "  ")
    for ground in diagnosis.grounds:
        yield from style.wrapped(f"because {ground.text}", "  ", "  ")
    for claim in diagnosis.claims:
        locations = ", ".join(
            f"{cited.path}:{cited.number}" if cited.path else f"line {cited.number:,}" for cited in claim.cited
        )
        yield from style.wrapped(f"{claim.text} ({locations})", "  ", "  ")


def _failures(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    for failure in islice(diagnosis.failures, _MAX_ROWS):
        yield ""
        yield style.ink(_where(failure), "faint")
        gutter = max((len(f"{line.number}") for line in failure.decisive), default=1)
        if not failure.decisive:
            yield from style.wrapped(failure.title, "  ")
        for line in failure.decisive:
            # Blanks stay as they are: carets point at what stands above them.
            text = shown(line.text).expandtabs(8).split("\n")[0].rstrip()
            yield clip(f"  {line.number:>{gutter}} │ {text}", style.width)
    if len(diagnosis.failures) > _MAX_ROWS:
        yield f"and {count(len(diagnosis.failures) - _MAX_ROWS, 'more failure')}, in the report"
    yield ""


def _where(failure: Failure) -> str:
    parts = [part for part in (failure.job, failure.step, failure.tool) if part]
    location = " › ".join(one_line(part) for part in parts)
    more = f", and {count(len(failure.siblings), 'more job')}" if failure.siblings else ""
    return f"{location}{more}"


def _overlaps(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    for overlap in islice(diagnosis.meetings, _MAX_ROWS):
        location = one_line(overlap.path) + (f":{overlap.line}" if overlap.line else "")
        how = f"imported by {one_line(overlap.via)}" if overlap.via else "changed line" if overlap.exact else "changed"
        log = f", log line {overlap.number:,}" if overlap.number else ""
        yield f"meets {style.linked(location, overlap.path, overlap.line)}  {style.ink(f'({how}{log})', 'faint')}"


def _suspects(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    for suspect in islice(diagnosis.suspects, _MAX_ROWS):
        mark = "→" if suspect.sha == diagnosis.responsible else " "
        yield clip(f"{mark} {suspect.sha[:7]} {suspect.score:.2f}  {one_line(suspect.subject)}", style.width)


def _next(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    if diagnosis.next_step:
        yield from style.wrapped(f"next: {diagnosis.next_step}", "", "  ")
    for reason in diagnosis.escalate:
        yield from style.wrapped(f"a person should look: {reason}", "", "  ")
    trial = diagnosis.trial
    if trial is not None:
        yield from style.wrapped(f"patch: {trial.step.replace('_', ' ')}. {trial.detail}", "", "  ")
        for line in trial.patch.split("\n") if trial.is_offered else ():
            text = shown(line).expandtabs(8).rstrip()
            yield f"    {style.ink(text, 'added') if line.startswith('+') else text}"


def _left_out(diagnosis: Diagnosis, evidence: Evidence, style: Style) -> Iterator[str]:
    """Everything that was not looked at or not kept, and why."""
    failed = failed_run(evidence)
    total = sum(job.extract.total for job in failed.jobs)
    yield f"{sum(len(job.extract.kept) for job in failed.jobs):,} of {count(total, 'log line')} kept"
    sections = {
        f"{count(len(diagnosis.dropped), 'claim')} not proved": [
            f"“{each.text}”: {each.reason}" for each in diagnosis.dropped
        ],
        "not looked at": [
            *(f"{gap.what}: {gap.why}" if gap.what else gap.why for gap in evidence.gaps),
            *(f"{job.job.name}: {note}" for job in failed.jobs for note in job.extract.notes),
        ],
    }
    for heading, items in sections.items():
        if items:
            yield heading
        for item in items:
            yield from style.wrapped(item, "  ")
