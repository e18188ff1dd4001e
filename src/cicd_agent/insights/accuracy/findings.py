"""Whether a finding was accepted: what became of its lines, and what people who may write said to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cicd_agent.analysis.risk.outcome_labels import DAY
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.repository.diff import Side
from cicd_agent.insights.accuracy.gate_record import OUTCOME_DAYS
from cicd_agent.insights.accuracy.labels import Case, Ground, Truth
from cicd_agent.insights.accuracy.line_comparison import LineFate

REVIEW = "review"
_NO = frozenset({"off-topic", "spam", "abuse"})
"""Of the reasons for which GitHub hides a comment, those that say that it was no use; it may also be outdated."""


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding as it was last reported: in lines `first` to `last` of `path` at commit `sha`; 0 for the whole file.

    `rule` is "model" for a model's. `quote` is the text that it was about, "" where that is not known.
    """

    repository: str
    pull: int
    sha: str
    at: int
    fingerprint: str
    path: str
    first: int
    last: int
    side: Side = Side.RIGHT
    rule: str = ""
    origin: str = ""
    severity: str = ""
    suggestion: str = ""
    quote: str = ""

    @classmethod
    def of_thread(cls, repository: str, pull: int, thread: OurThread) -> "ReportedFinding":
        return cls(
            repository,
            pull,
            thread.commit,
            thread.at,
            thread.fingerprint,
            thread.path,
            thread.first,
            thread.last,
            thread.side,
            thread.rule or "model",
            thread.origin,
            thread.severity,
            thread.suggestion,
        )


@dataclass(frozen=True, slots=True)
class LaterState:
    """What the last commit of its pull request holds: `restored` are deleted lines that are back."""

    fate: LineFate = LineFate.UNKNOWN
    suggestion: bool = False
    restored: bool = False
    gone: bool = False
    """Whether the file is not there any more, under any name."""
    detail: str = ""


def latest_reports(findings: Iterable[ReportedFinding]) -> tuple[ReportedFinding, ...]:
    """Each finding of a pull request once: what it said at the last commit at which it was said."""
    found: dict[tuple[str, int, str], ReportedFinding] = {}
    for each in sorted(findings, key=lambda one: one.at):
        found[each.repository.lower(), each.pull, each.fingerprint] = each
    return tuple(found.values())


def merge_threads(threads: Iterable[OurThread]) -> dict[str, OurThread]:
    """The newest thread of each finding, with the thumbs that any of them got."""
    found: dict[str, OurThread] = {}
    for each in sorted(threads, key=lambda one: one.at):
        before = found.get(each.fingerprint)
        down = (*(before.thumbs_down if before else ()), *each.thumbs_down)
        up = (before.thumbs_up if before else 0) + each.thumbs_up
        found[each.fingerprint] = replace(each, thumbs_down=tuple(dict.fromkeys(down)), thumbs_up=up)
    return found


@dataclass(frozen=True, slots=True)
class Feedback:
    """What people who may write said: `refused` that it is wrong, `closed` only that it is done with."""

    refused: Ground | None = None
    closed: Ground | None = None
    url: str = ""
    praised: int = 0


def feedback_of(thread: OurThread | None, writes: Callable[[str], bool]) -> Feedback:
    """What a thread says. `writes` is whether an account may write to the repository: nobody else's word counts."""
    if thread is None:
        return Feedback()
    # To hide a comment takes the right to write.
    refused = Ground.HIDDEN if thread.hidden in _NO else None
    if any(map(writes, thread.thumbs_down)):
        refused = Ground.THUMBED_DOWN
    closed = Ground.DISMISSED if thread.dismissed_by and writes(thread.dismissed_by) else None
    if thread.resolved_by and writes(thread.resolved_by):
        closed = Ground.RESOLVED
    return Feedback(refused, closed, thread.url, thread.thumbs_up)


def label_finding(
    finding: ReportedFinding, state: LaterState, pull: Discussed | None, feedback: Feedback, now: float
) -> Case:
    truth, ground = _label(finding, state, pull, feedback, now)
    return Case(
        REVIEW,
        truth,
        ground,
        repository=finding.repository,
        at=finding.at,
        sha=finding.sha,
        pull=finding.pull,
        key=finding.fingerprint,
        word="finding",
        path=finding.path,
        line=finding.last,
        rule=finding.rule,
        origin=finding.origin,
        severity=finding.severity,
        url=feedback.url,
        detail=state.detail,
        praised=feedback.praised,
    )


def _label(
    finding: ReportedFinding, state: LaterState, pull: Discussed | None, feedback: Feedback, now: float
) -> tuple[Truth, Ground]:
    if feedback.refused and not state.suggestion:
        return Truth.WRONG, feedback.refused
    if pull is None:
        return Truth.UNKNOWN, Ground.UNSEEN
    if waiting := _waiting(finding, pull, now):
        return Truth.UNKNOWN, waiting
    if feedback.refused:
        return Truth.UNKNOWN, Ground.CONTRADICTORY
    if ground := _accepted(state):
        return Truth.RIGHT, ground
    return _by_lines(state.fate, pull.end, feedback.closed)


def _waiting(finding: ReportedFinding, pull: Discussed, now: float) -> Ground | None:
    """Why nothing can be said of what a pull request holds, None when it can."""
    if pull.end is PullEnd.CLOSED:
        return Ground.ABANDONED
    is_young = pull.end is PullEnd.OPEN and now - finding.at < OUTCOME_DAYS * DAY
    return Ground.OPEN if is_young else None


def _accepted(state: LaterState) -> Ground | None:
    """What alone says that the finding was accepted."""
    if state.suggestion:
        return Ground.SUGGESTION
    if state.restored:
        return Ground.RESTORED
    return Ground.FILE_GONE if state.gone else None


def _by_lines(fate: LineFate, end: PullEnd, closed: Ground | None) -> tuple[Truth, Ground]:
    """What remains to be said by the lines alone, and by whoever closed the thread."""
    match fate:
        case LineFate.CHANGED:
            return Truth.RIGHT, Ground.CHANGED
        case LineFate.REWRITTEN:
            return Truth.UNKNOWN, Ground.REWRITTEN
        case LineFate.UNKNOWN:
            return Truth.UNKNOWN, Ground.UNSEEN
        case LineFate.SAME if closed:
            return Truth.WRONG, closed
        case LineFate.BESIDE if closed:
            return Truth.UNKNOWN, Ground.BESIDE
        case LineFate.SAME | LineFate.BESIDE:
            return Truth.UNKNOWN, Ground.IGNORED if end is PullEnd.MERGED else Ground.OPEN
