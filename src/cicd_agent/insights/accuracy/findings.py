"""Whether findings were accepted: what became of their lines, and what people who may write said to them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cicd_agent.domain.events.event import WRITERS
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import ReportedFinding
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.insights.accuracy.labels import OUTCOME_SECONDS, Case, Ground, Truth
from cicd_agent.insights.accuracy.line_tracker import LaterState, LineFate, LineTracker

MAX_PULLS: Final = 200
"""Pull requests that are read, 20 with one request."""
MAX_FINDINGS: Final = 2_000
MAX_PEOPLE: Final = 50
"""Accounts whose permission is asked for, a request each."""
_SHOWN: Final = 5
_USELESS = frozenset({"off-topic", "spam", "abuse"})
"""Of the reasons for which GitHub hides a comment, those that say that it was no use; it may also be outdated."""


def finding_cases(
    reported: Sequence[ReportedFinding],
    sources: OutcomeSources,
    repository: str,
    period: tuple[int, int],
    progress: Callable[[str], None],
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """A case for each finding of a pull request since `period[0]`, as seen at `period[1]`, and the limits met."""
    since, now = period
    pulls, limits = _read_pulls(sources, since, progress)
    threads = {number: merge_threads(pull.threads) for number, pull in pulls.items()}
    findings = list(latest_reports(reported))
    known = {(each.pull, each.fingerprint) for each in findings}
    findings += [
        ReportedFinding.of_thread(repository, number, thread)
        for number, own in threads.items()
        for thread in own.values()
        if thread.at >= since and (number, thread.fingerprint) not in known
    ]
    if len(findings) > MAX_FINDINGS:
        limits.append(f"only the newest {MAX_FINDINGS:,} of {count(len(findings), 'finding')} were looked at")
        findings = sorted(findings, key=lambda each: -each.at)[:MAX_FINDINGS]
    tracker, writers = LineTracker(sources), Writers(sources.gates)
    cases = []
    # The findings of one pull request are about the same files.
    for number, each in enumerate(sorted(findings, key=lambda each: (each.pull, each.sha, each.path, each.last)), 1):
        progress(f"looking what became of {number:,} of {count(len(findings), 'finding')}")
        pull = pulls.get(each.pull)
        state = tracker.state_of(each, pull) if pull else LaterState()
        feedback = feedback_of(threads.get(each.pull, {}).get(each.fingerprint), writers.writes)
        cases.append(label_finding(each, state, pull, feedback, now))
    ranked = tracker.missed.most_common()
    limits += [f"{count(times, 'finding')} not compared: {reason}" for reason, times in ranked[:_SHOWN]]
    if rest := sum(times for _, times in ranked[_SHOWN:]):
        limits.append(f"{count(rest, 'finding')} not compared for other reasons")
    return tuple(cases), (*limits, *writers.limits)


def _read_pulls(
    sources: OutcomeSources, since: int, progress: Callable[[str], None]
) -> tuple[dict[int, Discussed], list[str]]:
    if sources.discussions is None:
        return {}, ["pull requests were not read: what became of findings is not known without GitHub"]
    progress("reading the pull requests")
    try:
        pulls, notes = sources.discussions.discussed(since, MAX_PULLS)
    except ForgeRefused as error:
        return {}, [f"pull requests were not read: {error}"]
    return {pull.number: pull for pull in pulls}, list(notes)


def latest_reports(findings: Iterable[ReportedFinding]) -> tuple[ReportedFinding, ...]:
    """Each finding of a pull request once, as at the last commit at which it was reported."""
    ordered = sorted(findings, key=lambda each: each.at)
    return tuple({(each.repository.lower(), each.pull, each.fingerprint): each for each in ordered}.values())


def merge_threads(threads: Iterable[OurThread]) -> dict[str, OurThread]:
    """The newest thread of each finding, with the thumbs that any of them got."""
    merged: dict[str, OurThread] = {}
    for each in sorted(threads, key=lambda thread: thread.at):
        before = merged.get(each.fingerprint)
        down = dict.fromkeys((*(before.thumbs_down if before else ()), *each.thumbs_down))
        up = (before.thumbs_up if before else 0) + each.thumbs_up
        merged[each.fingerprint] = replace(each, thumbs_down=tuple(down), thumbs_up=up)
    return merged


@dataclass
class Writers:
    """Who may write to the repository; nobody of whom that is not known."""

    gates: Gates | None
    limits: dict[str, None] = field(default_factory=dict)
    _known: dict[str, bool] = field(default_factory=dict)

    def writes(self, login: str) -> bool:
        """Whether an account may write; what GitHub refuses to answer counts as no."""
        if self.gates is None or not login:
            return False
        if login not in self._known:
            if len(self._known) >= MAX_PEOPLE:
                self.limits[f"more than {MAX_PEOPLE} people had their say: the word of the others did not count"] = None
                return False
            try:
                self._known[login] = self.gates.permission(login) in WRITERS
            except ForgeRefused as error:
                self._known[login] = False
                self.limits[f"what people may do is not known, so their word did not count: {error}"] = None
        return self._known[login]


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
    refused = Ground.HIDDEN if thread.hidden in _USELESS else None
    if any(map(writes, thread.thumbs_down)):
        refused = Ground.THUMBED_DOWN
    closed = Ground.DISMISSED if writes(thread.dismissed_by) else None
    if writes(thread.resolved_by):
        closed = Ground.RESOLVED
    return Feedback(refused, closed, thread.url, thread.thumbs_up)


def label_finding(
    finding: ReportedFinding, state: LaterState, pull: Discussed | None, feedback: Feedback, now: float
) -> Case:
    truth, ground = _label(finding, state, pull, feedback, now)
    return Case(
        "review",
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
    refused, closed, fate = feedback.refused, feedback.closed, state.fate
    end = pull.end if pull else None
    is_young = end is PullEnd.OPEN and now - finding.at < OUTCOME_SECONDS
    labels = (
        (refused and not state.suggestion, Truth.WRONG, refused),
        (pull is None, Truth.UNKNOWN, Ground.UNSEEN),
        (end is PullEnd.CLOSED, Truth.UNKNOWN, Ground.ABANDONED),
        (is_young, Truth.UNKNOWN, Ground.OPEN),
        (refused, Truth.UNKNOWN, Ground.CONTRADICTORY),
        (state.suggestion, Truth.RIGHT, Ground.SUGGESTION),
        (state.restored, Truth.RIGHT, Ground.RESTORED),
        (state.gone, Truth.RIGHT, Ground.FILE_GONE),
        (fate is LineFate.CHANGED, Truth.RIGHT, Ground.CHANGED),
        (fate is LineFate.REWRITTEN, Truth.UNKNOWN, Ground.REWRITTEN),
        (fate is LineFate.UNKNOWN, Truth.UNKNOWN, Ground.UNSEEN),
        (closed and fate is LineFate.SAME, Truth.WRONG, closed),
        (closed, Truth.UNKNOWN, Ground.BESIDE),
        (end is PullEnd.MERGED, Truth.UNKNOWN, Ground.IGNORED),
    )
    found = ((truth, ground) for holds, truth, ground in labels if holds and ground)
    return next(found, (Truth.UNKNOWN, Ground.OPEN))
