"""Turns a verdict into the effects that publish it: one comment, one review, annotations, a summary, outputs."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from cicd_agent import __version__
from cicd_agent.domain.effects import (
    Annotation,
    Artifact,
    CheckRun,
    Comment,
    Effect,
    InlineComment,
    Labels,
    Level,
    Output,
    Plan,
    Resolve,
    Review,
    ReviewEvent,
    Summary,
)
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.events.thread import MOST_RESOLVED
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Origin, Severity
from cicd_agent.domain.repository.diff import Anchors, Side
from cicd_agent.domain.text.words import two_decimals
from cicd_agent.domain.verdict import Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.comments import is_request
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.exhibits.recent_failures import UNREAD, asks_model
from cicd_agent.modes.review.outcome import review_text
from cicd_agent.modes.review.page import inline, page, sentence
from cicd_agent.modes.review.threads import unpublished
from cicd_agent.modes.review.verdict import reaches
from cicd_agent.modes.shared.change_reader import changed, showable, unanalysed
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.rendering.sarif import sarif
from cicd_agent.settings.schema import OFF, Commenting, Settings

_EVENTS = {"approve": ReviewEvent.APPROVE, "request_changes": ReviewEvent.REQUEST_CHANGES}
OUTPUTS = ("decision", "confidence", "findings_count", "blocking_count", "sarif_file")


def report(verdict: Verdict, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan of a review. What concerns the pull request comes first, so that the rest can say what became of it."""
    strong = [finding for finding in verdict.findings if reaches(finding, settings)]
    withheld = _withheld(evidence, account, settings)
    if withheld and verdict.decision == "approve" and settings.comment is not Commenting.OFF:
        account = replace(account, notices=(*account.notices, f"Not approved on GitHub: {withheld}"))
    body = github_markdown(page(verdict, evidence, account, settings))
    line = sentence(verdict, evidence, account, settings)
    annotations = tuple(_annotation(finding, verdict) for finding in strong)
    has_check = settings.check_run == "on" and evidence.event.kind is not EventKind.LOCAL and bool(evidence.event.sha)
    check = CheckRun("check-run", evidence.event.sha, verdict.conclusion, line, body, annotations)
    outputs = {
        "decision": verdict.decision,
        "confidence": two_decimals(verdict.confidence),
        "findings_count": len(verdict.findings),
        "blocking_count": len(verdict.blocking),
        "summary": line,
    }
    return Plan(
        (
            *_published(verdict, evidence, account, body, settings),
            # Either shows them; when the check run is refused, the performer falls back to annotations.
            *((check,) if has_check else annotations),
            Summary(key="summary", body=body),
            Artifact(key="sarif", name="findings.sarif", text=sarif_text(verdict), output="sarif_file"),
            *(Output(key=f"output-{name}", name=name, value=str(value)) for name, value in outputs.items()),
        )
    )


def sarif_text(verdict: Verdict) -> str:
    return sarif([each for each in verdict.findings if each.origin is not Origin.TOOL], version=__version__)


def _published(
    verdict: Verdict, evidence: Evidence, account: Account, body: str, settings: Settings
) -> Iterator[Effect]:
    """What is written to the pull request, if there is one."""
    pull = evidence.event.pull
    if pull is None:
        return
    if settings.comment is not Commenting.OFF:
        # Who asks for a review is answered, also where nothing is found.
        missed = unanalysed(changed(evidence), settings)
        found = any(reaches(each, settings) for each in verdict.findings)
        quiet = not (is_request(evidence.event) or missed or found)
        yield Comment(key="review", pull=pull.number, body=body, only_edit=quiet)
        yield from _review(verdict, evidence, account, pull.number, settings)
        # A thread in which a person has answered is theirs to resolve.
        unanswered = (thread for thread in verdict.fixed if not thread.answered)
        for thread in islice(unanswered, MOST_RESOLVED):
            yield Resolve(key=f"resolve-{thread.key}", pull=pull.number, thread=thread.id)
    if settings.labels == "on":
        yield Labels("labels", pull.number, verdict.risk.level)


def _review(verdict: Verdict, evidence: Evidence, account: Account, pull: int, settings: Settings) -> Iterator[Effect]:
    """The review, when it has comments or is to say yes or no: then also to take back what it said before."""
    decides = settings.review_event == "verdict"
    has_lines = settings.comment is Commenting.REVIEW
    placed = islice(_inline(verdict, evidence, settings), settings.max_comments)
    # What stands already takes its place among the few: a push more is no reason for comments more.
    comments = tuple(comment for comment, fresh in placed if fresh) if has_lines else ()
    if not comments and not decides:
        return
    withheld = _withheld(evidence, account, settings)
    event = _EVENTS.get(verdict.decision, ReviewEvent.COMMENT) if decides else ReviewEvent.COMMENT
    if event is ReviewEvent.APPROVE and withheld:
        event = ReviewEvent.COMMENT
    yield Review(
        key=f"review-{evidence.event.sha}",
        pull=pull,
        commit=evidence.event.sha,
        event=event,
        body=review_text(verdict, evidence, account, settings, event=event, at_lines=len(comments)),
        comments=comments,
        withheld=withheld,
    )


def _no_model(account: Account, settings: Settings) -> str:
    """Why no model was used, "" where one was or none is wanted."""
    if account.degraded:
        return f"no model was used: {account.degraded}"
    # What a model once asked for is not settled by a run that has no key.
    is_silent = not account.model and not asks_model(settings) and settings.model != OFF
    return "no model was used" if is_silent else ""


def _withheld(evidence: Evidence, account: Account, settings: Settings) -> str:
    """Why this run may not say yes on GitHub, whatever its decision is.

    An approval opens a branch: it takes more than the decision, which overlooks files that are not source code.
    """
    if settings.review_event != "verdict":
        return ""
    change = changed(evidence)
    if silence := _no_model(account, settings):
        return silence
    if account.config_status == "invalid":
        return "the config file is not valid"
    missed = any(gap.what != UNREAD for gap in evidence.gaps)
    if account.left_out or missed or len(change.files) > sum(1 for _ in showable(change, settings)):
        return "not everything of the change was read and shown to the model"
    if evidence.event.pull is not None and evidence.event.pull.from_fork:
        return "the pull request comes from a fork"
    return ""


def _inline(verdict: Verdict, evidence: Evidence, settings: Settings) -> Iterator[tuple[InlineComment, bool]]:
    """Findings worth a comment that have a line in the diff under review, and whether they have still to be said."""
    named = {finding.location.path for finding in verdict.findings}
    # GitHub shows no lines of a file that git calls binary, or of a very large one, and refuses comments there.
    files = (file for file in changed(evidence).files if not file.binary and file.excerpt_of is None)
    anchors = {file.path: Anchors(file) for file in files if file.path in named}
    for finding, key, fresh in unpublished(verdict.findings, verdict.suppressed, (evidence.get(THREADS) or ())):
        where = finding.location
        is_placed = where.path in anchors and anchors[where.path].allows(where.side, where.line, where.start)
        if is_placed and reaches(finding, settings):
            body = github_markdown(inline(finding, changed(evidence))).rstrip()
            yield InlineComment(key, where.path, where.line, where.side, body, where.start), fresh


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
