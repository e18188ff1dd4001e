"""The words and tables of a review: what a person reads in ten seconds, then the proof, then what was left out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.markdown import code, details, escape, fence, link, prose, suggestion, table
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
from cicd_agent.modes.review.coverage import folded, left_out, not_shown, nothing_found
from cicd_agent.modes.review.suggestion import why_shown
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings

MOST_ROWS = 40
"""Rows of one table; the rest is counted and stands in the JSON report."""

MOST_FIXED = 10
"""Fixed issues that are named; the rest is counted."""


def summary(verdict: Verdict, evidence: Evidence, account: Account, settings: Settings) -> str:
    """The whole review as Markdown, for the comment and the step summary."""
    strong = [finding for finding in verdict.findings if reaches(finding, settings)]
    parts = [
        heading(verdict),
        _why(verdict, evidence),
        *(escape(contradiction) for contradiction in verdict.contradictions),
        *(_table(strong, evidence) if strong else [_nothing(verdict, evidence, account)]),
        *_escalation(verdict),
        _fixed(verdict, evidence),
        _done_well(verdict, evidence),
        *_folded([each for each in verdict.findings if each not in strong], verdict, evidence, account),
        _coverage(evidence, account),
        *([f"**Degraded:** {prose(account.degraded)}"] if account.degraded else []),
        *(prose(notice) for notice in account.notices),
        _foot(evidence, account, verdict.recalled),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def heading(verdict: Verdict) -> str:
    return f"### Risk: {verdict.risk.level} ({verdict.risk.score})"


def sentence(verdict: Verdict) -> str:
    """The verdict as plain text in one line, for the log and the `summary` output."""
    found = Counter(finding.severity for finding in verdict.findings)
    worst_first = sorted(found, key=lambda severity: -severity.rank)
    tally = ", ".join(f"{found[severity]} {severity}" for severity in worst_first)
    nothing = "no findings" if verdict.conclusion is Conclusion.SUCCESS else "no findings in what was looked at"
    findings = f"{count(len(verdict.findings), 'finding')} ({tally})" if tally else nothing
    return f"risk {verdict.risk.level} ({verdict.risk.score}), {findings}, decision {verdict.decision}"


def inline(finding: Finding, change: Change) -> str:
    """The comment on the line of a finding."""
    lines = [f"**{finding.severity} · {finding.category}** · {escape(finding.title)}"]
    if finding.message and finding.message != finding.title:
        lines.append(escape(finding.message))
    if finding.advice:
        lines.append(f"**Instead:** {escape(finding.advice)}")
    if finding.suggestion:
        # Only what is proved is offered with a button.
        lines.append((suggestion if finding.committable else fence)(finding.suggestion))
        if not finding.committable:
            lines.append(f"*shown only: {why_shown(finding, change)}*")
    lines.append(f"<sub>{_says(finding)}</sub>")
    return "\n\n".join(lines)


def _says(finding: Finding) -> str:
    """Who says so, and how to silence it."""
    silence = f"silence: {code(f'cicd-agent: ignore[{finding.id}] reason')}"
    match finding.origin:
        case Origin.RULE:
            return f"rule {code(finding.id)} · {silence}"
        case Origin.TOOL:
            tool, _, rule = finding.id.partition("/")
            return f"by {escape(tool)}, rule {code(rule)} · {silence}"
        case Origin.MODEL:
            return f"{_sure(finding)} sure · by the model, its quote checked against the diff"
        case _:
            assert_never(finding.origin)


def _why(verdict: Verdict, evidence: Evidence) -> str:
    """Size and areas; the findings have their own table, and what the model says of the change comes last."""
    change = changed(evidence)
    size = f"{count(change.added_lines, 'line')} added and {change.deleted_lines:,} deleted"
    size += f" in {count(len(change.files), 'file')}"
    areas = _joined([escape(reason.text) for reason in verdict.risk.reasons if reason.ground is Ground.AREA])
    said = [f"In the model's words: {escape(remark)}" for remark in verdict.remarks]
    return " ".join([f"{'; '.join([size, *areas])}.", *said])


def _joined(areas: Sequence[str]) -> Iterator[str]:
    """`it touches a, b and c` in place of three clauses that all begin with `it touches`."""
    verb = "it touches "
    *most, last = [area.removeprefix(verb) for area in areas if area.startswith(verb)] or [""]
    if last:
        yield f"{verb}{', '.join(most)} and {last}" if most else f"{verb}{last}"
    yield from (area for area in areas if not area.startswith(verb))


def _nothing(verdict: Verdict, evidence: Evidence, account: Account) -> str:
    asked = bool(account.model and not account.degraded)
    return nothing_found(evidence, asked=asked, shown=not account.left_out, weak=bool(verdict.findings))


def _done_well(verdict: Verdict, evidence: Evidence) -> str:
    shown = (
        escape(each.text) + (f" ({_where(each.location, evidence)})" if each.location else "")
        for each in verdict.strengths
    )
    words = "; ".join(shown)
    return f"Done well: {words}." if words else ""


def _risk(verdict: Verdict) -> str:
    rows = ((f"{reason.points:+.0f}" if reason.points else "", escape(reason.text)) for reason in verdict.risk.reasons)
    return table(("points", f"why the risk is {verdict.risk.level}"), rows)


def _table(findings: Sequence[Finding], evidence: Evidence) -> Iterator[str]:
    yield table(
        ("", "finding", "where", "sure"),
        (
            (finding.severity, escape(finding.title), _where(finding.location, evidence), _sure(finding))
            for finding in findings[:MOST_ROWS]
        ),
    )
    if len(findings) > MOST_ROWS:
        yield f"{count(len(findings) - MOST_ROWS, 'more finding')} in the JSON report."


def _folded(weak: Sequence[Finding], verdict: Verdict, evidence: Evidence, account: Account) -> Iterator[str]:
    """What is not worth the reader's ten seconds, but must not be lost."""
    sections: list[tuple[str, Iterator[str]]] = []
    if weak:
        sections.append((f"{len(weak)} below your threshold", _table(weak, evidence)))
    if verdict.suppressed:
        sections.append((f"{len(verdict.suppressed)} suppressed", _suppressed(verdict.suppressed, evidence)))
    if verdict.rejected:
        claims = count(len(verdict.rejected), "claim")
        sections.append((f"{claims} rejected", _unproved(verdict.rejected, "could not be proved or defended")))
    if verdict.merged:
        sections.append((f"{len(verdict.merged)} merged", _unproved(verdict.merged, "say what is said already")))
    sections += folded(evidence, account.left_out)
    if verdict.risk.reasons:
        sections.append(("why this risk", iter([_risk(verdict)])))
    if sections:
        body = "\n\n".join(part for _, parts in sections for part in parts)
        yield details(" · ".join(title for title, _ in sections), body)


def _fixed(verdict: Verdict, evidence: Evidence) -> str:
    """What earlier reviews found and is gone, with links to their threads. Titles were read back: foreign text."""
    hosts = evidence.event.hosts
    named = [
        f"{link(escape(thread.title) or 'a finding', thread.url, hosts)} ({code(thread.path)})"
        for thread in verdict.fixed[:MOST_FIXED]
    ]
    if len(verdict.fixed) > MOST_FIXED:
        named.append(f"{len(verdict.fixed) - MOST_FIXED} more")
    return f"Fixed since the last review: {', '.join(named)}." if named else ""


def _suppressed(suppressed: Sequence[Suppressed], evidence: Evidence) -> Iterator[str]:
    yield table(
        ("suppressed", "where", "by", "reason"),
        (
            (
                escape(each.finding.title),
                _where(each.finding.location, evidence),
                f"{each.by}, **added by this change**"
                if each.in_change
                else link(str(each.by), each.url, evidence.event.hosts),
                escape(each.reason or "(none given)"),
            )
            for each in suppressed[:MOST_ROWS]
        ),
    )


def _unproved(claims: Sequence[Rejected], what: str) -> Iterator[str]:
    yield table(
        (f"claims that {what}", "where it was said to be", "why"),
        (
            (
                escape(each.claim.title),
                code(f"{each.claim.location.path}:{each.claim.location.line}".removesuffix(":0")),
                escape(each.reason),
            )
            for each in claims[:MOST_ROWS]
        ),
    )


def _coverage(evidence: Evidence, account: Account) -> str:
    change = changed(evidence)
    missed = {gap.what for gap in evidence.gaps}
    read = [file for file in change.files if file.path not in missed]
    lines = sum(1 for file in read for _ in file.added)
    text = f"Looked at: {len(read)} of {count(len(change.files), 'file')}, "
    text += f"{lines:,} of {count(change.added_lines, 'added line')}."
    text += left_out(evidence)
    text += not_shown(account.left_out)
    notes = [f"Note: {escape(gap.why)}." for gap in evidence.gaps if not gap.what]
    return "\n".join([text, *notes])


def _escalation(verdict: Verdict) -> Iterator[str]:
    if verdict.escalate:
        level = "WARNING" if verdict.risk.level is not RiskLevel.CRITICAL else "CAUTION"
        yield f"> [!{level}]\n> A person should look: {escape('; '.join(verdict.escalate))}."


def _foot(evidence: Evidence, account: Account, recalled: Recalled | None) -> str:
    change = changed(evidence)
    parts = [f"commit {change.head[:7]}" if change.head else "uncommitted work"]
    if recalled:
        unchanged = f"{recalled.files:,} unchanged since {escape(recalled.commit[:7])}"
        parts.append(f"{recalled.of - recalled.files:,} of {count(recalled.of, 'file')} asked about, {unchanged}")
    if account.model:
        tokens = account.usage.total
        parts.append(f"{escape(account.model)}, {account.usage.words}")
        parts.append("tokens unknown" if tokens is None else count(tokens, "token"))
        parts.append(account.price)
    else:
        parts.append("from memory, 0 requests" if recalled else "rules only, no model asked")
    return f"<sub>{' · '.join(parts)}</sub>"


def _where(location: Location, evidence: Evidence) -> str:
    """The place, linked to the commit that was looked at."""
    event, head = evidence.event, changed(evidence).head
    label = code(f"{location.path}:{location.line}" if location.line else location.path)
    if location.side is Side.LEFT:
        return f"{label} (deleted)"
    url = event.blob(head, location.path, location.line, location.start)
    return link(label, url, event.hosts)


def _sure(finding: Finding) -> str:
    return f"{finding.confidence:.2f}" if finding.origin is Origin.MODEL else finding.origin.value
