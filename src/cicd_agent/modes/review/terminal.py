"""A review as text for a person at a terminal: each finding under its code, then the risk and what was left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Unpack

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Origin
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Rejected, Risk, Suppressed, Verdict
from cicd_agent.rendering.code_frame import frame
from cicd_agent.rendering.style import Cost, Shape, Style, one_line, page


def render(verdict: Verdict, evidence: Evidence, cost: Cost, **shape: Unpack[Shape]) -> str:
    """The whole review, findings worst first."""
    worst_first = sorted(verdict.findings, key=lambda each: (-each.severity.rank, -each.confidence))

    def parts(style: Style) -> Iterator[Iterable[str]]:
        for finding in worst_first:
            yield (*_finding(finding, evidence, style), "")
        yield _risk(verdict.risk, style)
        yield _tally(verdict, evidence, cost, style)
        yield _left_out(verdict, evidence, style)

    return page(parts, cost, shape)


def _finding(finding: Finding, evidence: Evidence, style: Style) -> Iterator[str]:
    where = finding.location
    place = one_line(where.path) + (f":{where.line}" if where.line else "")
    before = " (before)" if where.line and where.side == "LEFT" else ""
    source = f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else one_line(finding.id)
    title = one_line(finding.title)
    severity = style.ink(finding.severity, finding.severity)
    here = place if before else style.linked(place, where.path, where.line)
    yield f"{style.ink(here, 'bold')}{before}  {severity}  {title}  {style.ink(f'({source})', 'faint')}"
    yield from frame(finding, evidence.change, style.width)
    yield from style.wrapped(finding.message, "    ")
    if finding.advice:
        yield from style.wrapped(f"→ {finding.advice}", "    ", "  ")
    if finding.suggestion:
        for line in shown(finding.suggestion).expandtabs(4).split("\n"):
            yield f"    {style.ink(f'+ {line}'.rstrip(), 'added')}"
    if finding.committable:
        yield style.ink("    the file parses with it", "faint")


def _risk(risk: Risk, style: Style) -> Iterator[str]:
    yield f"risk {style.ink(risk.level, risk.level)} ({risk.score} of 100)"
    for reason in risk.reasons:
        points = f"{reason.points:+.0f}" if round(reason.points) else "·"
        yield f"  {points:>4}  {one_line(reason.text)}"


def _tally(verdict: Verdict, evidence: Evidence, cost: Cost, style: Style) -> Iterator[str]:
    files = evidence.change.files if evidence.change else ()
    read = _read(evidence)
    if files:
        added = sum(1 for file in read for _ in file.added)
        deleted = sum(1 for file in read for _ in file.deleted)
        seen = count(len(files), "file") if len(read) == len(files) else f"{len(read)} of {count(len(files), 'file')}"
        yield f"looked at {seen}, {count(added, 'added line')}, {count(deleted, 'deleted line')}"
    counts = Counter(finding.severity for finding in verdict.findings)
    worst_first = sorted(counts, key=lambda severity: -severity.rank)
    words = ", ".join(f"{counts[severity]} {style.ink(severity, severity)}" for severity in worst_first)
    yield f"{count(len(verdict.findings), 'finding')}: {words}" if words else _nothing(evidence, cost)
    for strength in verdict.strengths:
        place = f" ({strength.location.path}:{strength.location.line})" if strength.location else ""
        yield from style.wrapped(f"done well: {strength.text}{place}", "", "  ")


def _nothing(evidence: Evidence, cost: Cost) -> str:
    """No more than is true: of what was looked at, by those who looked."""
    words = "nothing found" if cost.model and not cost.degraded else "the rules found nothing"
    files, read = len(evidence.change.files) if evidence.change else 0, len(_read(evidence))
    if files and not read:
        return "nothing looked at"
    return words if read == files else f"{words} in {read} of {count(files, 'file')}"


def _read(evidence: Evidence) -> Sequence[FileDiff]:
    missed = {gap.what for gap in evidence.gaps}
    return [file for file in evidence.change.files if file.path not in missed] if evidence.change else ()


def _left_out(verdict: Verdict, evidence: Evidence, style: Style) -> Iterator[str]:
    """Everything that is not among the findings, and why: nothing is dropped in silence."""
    sections = {
        f"{count(len(verdict.rejected), 'claim')} rejected": [_rejected(each) for each in verdict.rejected],
        f"{count(len(verdict.merged), 'claim')} merged": [_rejected(each) for each in verdict.merged],
        f"{len(verdict.suppressed)} suppressed": [_suppressed(each) for each in verdict.suppressed],
        "a person should look": list(verdict.escalate),
        "not looked at": [f"{gap.what}: {gap.why}" if gap.what else gap.why for gap in evidence.gaps],
    }
    for heading, items in sections.items():
        if items:
            yield heading
        for item in items:
            yield from style.wrapped(item, "  ")


def _rejected(each: Rejected) -> str:
    return f"“{each.claim.title}” at {_place(each.claim)}: {each.reason}"


def _suppressed(each: Suppressed) -> str:
    by = f"{each.by} in this change" if each.in_change else str(each.by)
    return f"{each.finding.id} at {_place(each.finding)}, by {by}" + (f": {each.reason}" if each.reason else "")


def _place(finding: Finding) -> str:
    where = finding.location
    return f"{where.path}:{where.line}" if where.line else where.path
