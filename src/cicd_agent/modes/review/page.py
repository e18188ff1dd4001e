"""A review as pages: what a person reads in ten seconds, then the proof, then what was left out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, assert_never

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import (
    Conclusion,
    Ground,
    Recalled,
    Rejected,
    RiskLevel,
    Suppressed,
    Verdict,
)
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.coverage import by_rules, left_out, not_shown, sections, unread
from cicd_agent.modes.review.outcome import without_findings
from cicd_agent.modes.review.suggestion import why_shown
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.modes.shared.blocks import account_blocks, details, headline, place
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.modes.shared.change_risk import describe_risk, describe_score
from cicd_agent.rendering.page import (
    Alert,
    Block,
    CodeBlock,
    CodeFrame,
    Footnote,
    Inline,
    Page,
    Paragraph,
    Suggestion,
    Table,
    code,
    emphasis,
    joined,
    link,
    strong,
    tone,
)
from cicd_agent.settings.schema import Settings

MAX_ROWS = 40
"""Rows of one table; the rest is counted and stands in the JSON report."""

MAX_FIXED = 10
"""Fixed issues that are named; the rest is counted."""


def page(verdict: Verdict, evidence: Evidence, account: Account, settings: Settings) -> Page:
    """The whole review."""
    strong = [finding for finding in verdict.findings if reaches(finding, settings)]
    weak, risk = [each for each in verdict.findings if each not in strong], verdict.risk
    blocks = [
        *headline(("Risk: ", tone(risk.level, risk.level.value), f" {describe_score(risk)}"), account),
        _size(verdict, evidence),
        *(Paragraph(contradiction) for contradiction in verdict.contradictions),
        *(_findings(strong, evidence) if strong else [Paragraph(without_findings(verdict, evidence, account))]),
        *_escalation(verdict),
        *_fixed(verdict),
        *_done_well(verdict, evidence),
        *_folded(weak, verdict, evidence, account),
        *_coverage(evidence, account),
        *account_blocks(account),
        _footnote(evidence, account, verdict.recalled),
    ]
    return Page(blocks, evidence.event.hosts)


def sentence(verdict: Verdict) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    found = Counter(finding.severity for finding in verdict.findings)
    worst_first = sorted(found, key=lambda severity: -severity.rank)
    tally = ", ".join(f"{found[severity]} {severity}" for severity in worst_first)
    nothing = "no findings" if verdict.conclusion is Conclusion.SUCCESS else "no findings in what was looked at"
    findings = f"{count(len(verdict.findings), 'finding')} ({tally})" if tally else nothing
    if verdict.undecided:
        undecided = count(verdict.undecided, "undecided claim")
        findings = f"{findings}, {undecided}" if tally else undecided
    return f"risk {describe_risk(verdict.risk)}, {findings}, decision {verdict.decision}"


def inline(finding: Finding, change: Change) -> Page:
    """The comment on the line of a finding."""
    blocks: list[Block] = [Paragraph((strong(f"{finding.severity} · {finding.category}"), " · ", finding.title))]
    if finding.message and finding.message != finding.title:
        blocks.append(Paragraph(finding.message))
    for each in finding.elsewhere:
        where = f"{each.location.path}:{each.location.line}".removesuffix(":0")
        blocks += [Paragraph((strong("See also"), " ", code(where), ":")), CodeBlock(each.quote)]
    if finding.advice:
        blocks.append(Paragraph((strong("Instead:"), " ", finding.advice)))
    if finding.suggestion:
        # Only what is proved is offered with a button.
        blocks.append((Suggestion if finding.committable else CodeBlock)(finding.suggestion))
        if not finding.committable:
            blocks.append(Paragraph(emphasis(f"shown only: {why_shown(finding, change)}")))
    return Page([*blocks, Footnote(_source(finding))])


def _source(finding: Finding) -> Inline:
    """Who says so, and how to silence it."""
    silence: Inline = (" · silence: ", code(f"cicd-agent: ignore[{finding.id}] reason"))
    match finding.origin:
        case Origin.RULE:
            return ("rule ", code(finding.id), silence)
        case Origin.TOOL:
            tool, _, rule = finding.id.partition("/")
            return (f"by {tool}, rule ", code(rule), silence)
        case Origin.MODEL:
            return f"{_confidence(finding)} sure · by the model, its quote checked against the diff"
        case _:
            assert_never(finding.origin)


def _size(verdict: Verdict, evidence: Evidence) -> Paragraph:
    """Size and areas; the findings have their own table, and what the model says of the change comes last."""
    change = changed(evidence)
    size = f"{count(change.added_lines, 'line')} added and {change.deleted_lines:,} deleted"
    size += f" in {count(len(change.files), 'file')}"
    areas = _areas([reason.text for reason in verdict.risk.reasons if reason.ground is Ground.AREA])
    remarks = [f"In the model's words: {remark}" for remark in verdict.remarks]
    return Paragraph(joined([f"{'; '.join([size, *areas])}.", *remarks], " "))


def _areas(areas: Sequence[str]) -> Iterator[str]:
    """`it touches a, b and c` in place of three clauses that all begin with `it touches`."""
    verb = "it touches "
    *most, last = [area.removeprefix(verb) for area in areas if area.startswith(verb)] or [""]
    if last:
        yield f"{verb}{', '.join(most)} and {last}" if most else f"{verb}{last}"
    yield from (area for area in areas if not area.startswith(verb))


def _done_well(verdict: Verdict, evidence: Evidence) -> Iterator[Block]:
    shown: list[Inline] = [
        (each.text, (" (", _where(each.location, evidence), ")") if each.location else "") for each in verdict.strengths
    ]
    if shown:
        yield Paragraph(("Done well: ", joined(shown, "; "), "."))


def _findings(findings: Sequence[Finding], evidence: Evidence) -> Iterator[Block]:
    rows = [
        (tone(each.severity, each.severity.value), each.title, _where(each.location, evidence), _confidence(each))
        for each in findings[:MAX_ROWS]
    ]
    yield Table(("", "finding", "where", "sure"), rows)
    if len(findings) > MAX_ROWS:
        yield Paragraph(f"{count(len(findings) - MAX_ROWS, 'more finding')} in the JSON report.")
    yield from (CodeFrame(each, evidence.change) for each in findings)


def _folded(weak: Sequence[Finding], verdict: Verdict, evidence: Evidence, account: Account) -> Iterator[Block]:
    """What is not worth the reader's ten seconds, but must not be lost."""
    folded: list[tuple[str, Sequence[Block]]] = []
    if weak:
        folded.append((f"{len(weak)} below your threshold", [*_findings(weak, evidence)]))
    if verdict.suppressed:
        folded.append((f"{len(verdict.suppressed)} suppressed", [_suppressed(verdict.suppressed, evidence)]))
    if verdict.rejected:
        claims = count(len(verdict.rejected), "claim")
        folded.append((f"{claims} rejected", [_unproved(verdict.rejected, "could not be proved or defended")]))
    if verdict.merged:
        folded.append((f"{len(verdict.merged)} merged", [_unproved(verdict.merged, "say what is said already")]))
    folded += sections(evidence, account.left_out)
    if verdict.risk.reasons:
        rows = [(f"{each.points:+.0f}" if each.points else "", each.text) for each in verdict.risk.reasons]
        folded.append(("why this risk", [Table(("points", f"why the risk is {verdict.risk.level}"), rows)]))
    yield from details(folded)


def _fixed(verdict: Verdict) -> Iterator[Block]:
    """What earlier reviews found and is gone, with links to their threads. Titles were read back: foreign text."""
    named: list[Inline] = [
        (link(thread.title or "a finding", thread.url), " (", code(thread.path), ")")
        for thread in verdict.fixed[:MAX_FIXED]
    ]
    if len(verdict.fixed) > MAX_FIXED:
        named.append(f"{len(verdict.fixed) - MAX_FIXED} more")
    if named:
        yield Paragraph(("Fixed since the last review: ", joined(named), "."))


def _suppressed(suppressed: Sequence[Suppressed], evidence: Evidence) -> Table:
    rows = [
        (
            each.finding.title,
            _where(each.finding.location, evidence),
            (f"{each.by}, ", strong("added by this change")) if each.in_change else link(str(each.by), each.url),
            each.reason or "(none given)",
        )
        for each in suppressed[:MAX_ROWS]
    ]
    return Table(("suppressed", "where", "by", "reason"), rows)


def _unproved(claims: Sequence[Rejected], reason: str) -> Table:
    rows = [
        (
            each.claim.title,
            code(f"{each.claim.location.path}:{each.claim.location.line}".removesuffix(":0")),
            each.reason,
        )
        for each in claims[:MAX_ROWS]
    ]
    return Table((f"claims that {reason}", "where it was said to be", "why"), rows)


def _coverage(evidence: Evidence, account: Account) -> Iterator[Block]:
    change = changed(evidence)
    missed = {gap.what for gap in unread(evidence)}
    read = [file for file in change.files if file.path not in missed]
    lines = sum(file.added_count for file in read)
    text = f"Looked at: {len(read)} of {count(len(change.files), 'file')}, "
    text += f"{lines:,} of {count(change.added_lines, 'added line')}."
    yield Paragraph(
        (text, left_out(evidence), by_rules(evidence) if account.model else "", not_shown(account.left_out))
    )
    yield from (Paragraph(f"Note: {gap.why}.") for gap in evidence.gaps if not gap.what)


def _escalation(verdict: Verdict) -> Iterator[Block]:
    if verdict.escalate:
        kind: Literal["CAUTION", "WARNING"] = "CAUTION" if verdict.risk.level is RiskLevel.CRITICAL else "WARNING"
        yield Alert(kind, f"A person should look: {'; '.join(verdict.escalate)}.")


def _footnote(evidence: Evidence, account: Account, recalled: Recalled | None) -> Footnote:
    change = changed(evidence)
    parts: list[Inline] = [f"commit {change.head[:7]}" if change.head else "uncommitted work"]
    if recalled:
        unchanged = f"{recalled.files:,} unchanged since {recalled.commit[:7]}"
        parts.append(f"{recalled.of - recalled.files:,} of {count(recalled.of, 'file')} asked about, {unchanged}")
    if account.model:
        tokens = account.usage.total
        parts.append(f"{account.model}, {account.usage.words}")
        parts.append("tokens unknown" if tokens is None else count(tokens, "token"))
        parts.append(account.price)
    else:
        parts.append("from memory, 0 requests" if recalled else "rules only, no model asked")
    return Footnote(joined(parts, " · "))


def _where(location: Location, evidence: Evidence) -> Inline:
    """The place, linked to the commit that was looked at."""
    if location.side is Side.LEFT:
        return (code(f"{location.path}:{location.line}" if location.line else location.path), " (deleted)")
    head = changed(evidence).head
    return place(location.path, location.line, evidence.event, location.start, head)


def _confidence(finding: Finding) -> str:
    return f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else finding.origin.value
