"""Turns a verdict into the effects that publish it: one comment, one review, annotations, a summary, outputs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from cicd_agent import __version__
from cicd_agent.core.diff import Anchors, Side
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.finding import Finding, Origin, Severity
from cicd_agent.core.plan import (
    Annotation,
    Artifact,
    Comment,
    Effect,
    InlineComment,
    Level,
    Output,
    Plan,
    Review,
    ReviewEvent,
    Summary,
)
from cicd_agent.core.sarif import sarif
from cicd_agent.core.verdict import Verdict
from cicd_agent.core.words import count
from cicd_agent.modes import Account
from cicd_agent.modes.changes import changed
from cicd_agent.modes.review.page import inline, sentence, summary
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.settings import Commenting, Settings

OUTPUTS = ("decision", "findings_count", "blocking_count", "suppressed_count", "sarif_file")


def report(verdict: Verdict, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan of a review. What concerns the pull request comes first, so that the rest can say what became of it."""
    strong = [finding for finding in verdict.findings if reaches(finding, settings)]
    body = summary(verdict, evidence, account, settings)
    return Plan(
        (
            *_conversation(strong, evidence, body, settings),
            *(_annotation(finding, verdict) for finding in strong),
            Summary(key="summary", body=body),
            Artifact(key="sarif", name="findings.sarif", text=sarif_text(verdict), output="sarif_file"),
            *_outputs(verdict),
        )
    )


def sarif_text(verdict: Verdict) -> str:
    """All findings that stand, for code scanning; those of other tools have an upload of their own."""
    ours = [finding for finding in verdict.findings if finding.origin is not Origin.TOOL]
    return sarif(ours, version=__version__)


def _conversation(strong: Sequence[Finding], evidence: Evidence, body: str, settings: Settings) -> Iterator[Effect]:
    pull = evidence.event.pull
    if pull is None or settings.comment is Commenting.NONE:
        return
    yield Comment(key="review", pull=pull.number, body=body, only_edit=not strong)
    comments = tuple(islice(_inline(strong, evidence), settings.max_comments))
    if settings.comment is Commenting.REVIEW and comments:
        rest = len(strong) - len(comments)
        words = f"{count(len(comments), 'finding')} at the line, worst first."
        if rest:
            words += f" {count(rest, 'more finding')} in the summary comment."
        yield Review(
            key=f"review-{evidence.event.sha}",
            pull=pull.number,
            commit=evidence.event.sha,
            event=ReviewEvent.COMMENT,
            body=words,
            comments=comments,
        )


def _inline(findings: Sequence[Finding], evidence: Evidence) -> Iterator[InlineComment]:
    """Findings that have a line in the diff of the commit under review; the others stand in the summary."""
    anchors = {file.path: Anchors(file) for file in changed(evidence).files}
    same: Counter[str] = Counter()
    for finding in findings:
        where = finding.location
        same[finding.fingerprint] += 1
        if where.path in anchors and anchors[where.path].allows(where.side, where.line, where.start):
            yield InlineComment(
                # The same text twice in a file: the second is another comment, and known again as the second.
                key=f"{finding.fingerprint}-{same[finding.fingerprint]}",
                path=where.path,
                line=where.line,
                side=where.side,
                body=inline(finding, changed(evidence)),
                start=where.start,
            )


def _annotation(finding: Finding, verdict: Verdict) -> Annotation:
    where = finding.location
    level = Level.NOTICE if finding.severity is Severity.LOW else Level.WARNING
    if finding.fingerprint in verdict.blocking:
        level = Level.ERROR
    # A deleted line has no place in the files of the head commit: its file has.
    line, start = (where.line, where.start) if where.side is Side.RIGHT else (0, 0)
    advice = f" {finding.advice}" if finding.advice else ""
    return Annotation(
        key=finding.fingerprint,
        level=level,
        title=f"{finding.severity}: {finding.title}",
        message=f"{finding.message}{advice}",
        path=where.path,
        line=line,
        start=start,
    )


def _outputs(verdict: Verdict) -> Iterator[Output]:
    values = {
        "decision": verdict.decision,
        "findings_count": len(verdict.findings),
        "blocking_count": len(verdict.blocking),
        "suppressed_count": len(verdict.suppressed),
        "summary": sentence(verdict),
    }
    for name, value in values.items():
        yield Output(key=f"output-{name}", name=name, value=str(value))
