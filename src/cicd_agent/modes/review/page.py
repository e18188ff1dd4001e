"""A review as pages: the verdict and what to fix, then the findings, then why and what was left out."""

from collections.abc import Iterator, Sequence
from typing import Literal, assert_never

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import (
    Ground,
    Recalled,
    Rejected,
    RiskLevel,
    Suppressed,
    Verdict,
)
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.coverage import by_rules, left_out, not_shown, sections, unread
from cicd_agent.modes.review.outcome import result_line
from cicd_agent.modes.review.suggestion import why_shown
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.modes.shared.blocks import account_blocks, details, headline, place, unproved
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.modes.shared.change_risk import describe_score
from cicd_agent.rendering.page import (
    Alert,
    Block,
    Bullets,
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
    plain,
    severity,
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
    weak = [each for each in verdict.findings if each not in strong]
    blocks = [
        *headline(_headline(result_line(verdict, evidence, account, settings), verdict), account),
        *_findings(strong, evidence),
        *(Paragraph(contradiction) for contradiction in verdict.contradictions),
        *_escalation(verdict),
        *_fixed(verdict),
        *_folded(weak, verdict, evidence, account),
        *_not_analysed(evidence, account),
        *account_blocks(account),
        _footnote(evidence, account, verdict.recalled),
    ]
    return Page(blocks, evidence.event.hosts)


def sentence(verdict: Verdict, evidence: Evidence, account: Account, settings: Settings) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    return plain(_headline(result_line(verdict, evidence, account, settings, severities=True), verdict))


def _headline(result: str, verdict: Verdict) -> Inline:
    risk = verdict.risk
    return (f"{result} · risk ", tone(risk.level, risk.level.value), f" {describe_score(risk)}")


def inline(finding: Finding, change: Change) -> Page:
    """The comment on the line of a finding."""
    title = strong(severity(finding.severity), f" · {finding.category}")
    blocks: list[Block] = [Paragraph((title, " — ", finding.title))]
    if finding.message and finding.message != finding.title:
        blocks.append(Paragraph(finding.message))
    for each in finding.elsewhere:
        where = f"{each.location.path}:{each.location.line}".removesuffix(":0")
        blocks += [Paragraph((strong("See also"), " ", code(where), ":")), CodeBlock(each.quote)]
    if finding.advice:
        blocks.append(Paragraph((strong("Fix:"), " ", finding.advice)))
    if finding.suggestion:
        # Only what is proved is offered with a button.
        blocks.append((Suggestion if finding.committable else CodeBlock)(finding.suggestion))
        if not finding.committable:
            blocks.append(Paragraph(emphasis(f"Not offered as a suggestion: {why_shown(finding, change)}.")))
    return Page([*blocks, Footnote(_source(finding))])


def _source(finding: Finding) -> Inline:
    """Who says so, and how to silence it."""
    silence: Inline = (" · to suppress: ", code(f"cicd-agent: ignore[{finding.id}] reason"))
    match finding.origin:
        case Origin.RULE:
            return ("rule ", code(finding.id), silence)
        case Origin.TOOL:
            tool, _, rule = finding.id.partition("/")
            return ("rule ", code(rule), f" of {tool}", silence)
        case Origin.MODEL:
            return f"confidence {_confidence(finding)} · found by the model, quote verified in the diff"
        case _:
            assert_never(finding.origin)


def _done_well(verdict: Verdict, evidence: Evidence) -> Iterator[Inline]:
    for each in verdict.strengths:
        yield (each.text, (" (", _where(each.location, evidence), ")") if each.location else "")


def _findings(findings: Sequence[Finding], evidence: Evidence) -> Iterator[Block]:
    rows = [
        (severity(each.severity), each.title, _where(each.location, evidence), _confidence(each))
        for each in findings[:MAX_ROWS]
    ]
    yield Table(("severity", "finding", "where", "confidence"), rows)
    if len(findings) > MAX_ROWS:
        yield Paragraph(f"{count(len(findings) - MAX_ROWS, 'more finding')} in the JSON report.")
    yield from (CodeFrame(each, evidence.change) for each in findings)


def _folded(weak: Sequence[Finding], verdict: Verdict, evidence: Evidence, account: Account) -> Iterator[Block]:
    """What is not worth the reader's five seconds, but must not be lost."""
    risk = verdict.risk
    folded = [(f"Why the risk is {risk.level}", _reasons(verdict, evidence))]
    if weak:
        folded.append((f"{count(len(weak), 'finding')} below your thresholds", [*_findings(weak, evidence)]))
    if verdict.suppressed:
        folded.append((f"{len(verdict.suppressed)} suppressed", [_suppressed(verdict.suppressed, evidence)]))
    if verdict.rejected:
        folded.append((unproved(len(verdict.rejected)), [_rejected(verdict.rejected, "unproven claim of the model")]))
    if verdict.merged:
        folded.append((f"{len(verdict.merged)} merged", [_rejected(verdict.merged, "same as another finding")]))
    if verdict.strengths:
        folded.append(("done well", [Bullets([*_done_well(verdict, evidence)])]))
    folded += sections(evidence, account.left_out)
    yield from details(folded)


def _reasons(verdict: Verdict, evidence: Evidence) -> Sequence[Block]:
    """What adds to the score or sets the level; the findings have a table of their own."""
    change = changed(evidence)
    size = f"{count(change.added_lines, 'line')} added and {change.deleted_lines:,} deleted"
    rows = [
        (f"{each.points:+.0f}" if each.points else "", each.text)
        for each in verdict.risk.reasons
        if each.points or each.ground is not Ground.FINDING
    ]
    remarks = [f"The model's summary: {remark}" for remark in verdict.remarks]
    return (
        Paragraph(joined([f"{size} in {count(len(change.files), 'file')}.", *remarks], " ")),
        Table(("points", "reason"), rows),
    )


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


def _rejected(claims: Sequence[Rejected], head: str) -> Table:
    rows = [
        (
            each.claim.title,
            code(f"{each.claim.location.path}:{each.claim.location.line}".removesuffix(":0")),
            each.reason,
        )
        for each in claims[:MAX_ROWS]
    ]
    return Table((head, "claimed location", "why"), rows)


def _not_analysed(evidence: Evidence, account: Account) -> Iterator[Block]:
    parts = (left_out(evidence), by_rules(evidence) if account.model else "", not_shown(account.left_out))
    if shown := [part for part in parts if part]:
        yield Paragraph(joined(shown, " "))
    yield from (Paragraph(f"Note: {gap.why}.") for gap in evidence.gaps if not gap.what)


def _escalation(verdict: Verdict) -> Iterator[Block]:
    if verdict.escalate:
        kind: Literal["CAUTION", "WARNING"] = "CAUTION" if verdict.risk.level is RiskLevel.CRITICAL else "WARNING"
        yield Alert(kind, f"Needs human review: {'; '.join(verdict.escalate)}.")


def _footnote(evidence: Evidence, account: Account, recalled: Recalled | None) -> Footnote:
    change = changed(evidence)
    read = len(change.files) - len(unread(evidence))
    analysed = f"{read} of {count(len(change.files), 'file')} analysed"
    parts: list[Inline] = [f"{analysed} at {change.head[:7]}" if change.head else f"{analysed}, uncommitted"]
    if recalled:
        unchanged = f"{recalled.files:,} unchanged since {recalled.commit[:7]}"
        parts.append(f"{recalled.of - recalled.files:,} of {count(recalled.of, 'file')} sent to the model, {unchanged}")
    if account.model:
        tokens = account.usage.total
        parts.append(f"{account.model}, {account.usage.words}")
        parts.append("tokens unknown" if tokens is None else count(tokens, "token"))
        parts.append(account.price)
    else:
        parts.append("from the previous review, 0 requests" if recalled else "rules only")
    return Footnote(joined(parts, " · "))


def _where(location: Location, evidence: Evidence) -> Inline:
    """The place, linked to the commit that was looked at."""
    if location.side is Side.LEFT:
        return (code(f"{location.path}:{location.line}" if location.line else location.path), " (deleted)")
    head = changed(evidence).head
    return place(location.path, location.line, evidence.event, location.start, head)


def _confidence(finding: Finding) -> str:
    return f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else finding.origin.value
