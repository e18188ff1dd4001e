"""Labels the findings of reviews by what the account book and GitHub hold of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.feedback import Discussed
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.findings import (
    LaterState,
    ReportedFinding,
    feedback_of,
    label_finding,
    latest_reports,
    merge_threads,
)
from cicd_agent.insights.accuracy.labels import Case
from cicd_agent.insights.accuracy.line_tracker import LineTracker
from cicd_agent.insights.accuracy.outcome_sources import OutcomeSources

MAX_PULLS: Final = 200
"""Pull requests that are read, 20 with one request."""
MAX_FINDINGS: Final = 2_000
MAX_PEOPLE: Final = 50
"""Accounts that it is asked of what they may do, a request each."""
_WRITES = frozenset({"admin", "maintain", "write"})
_SHOWN: Final = 5


@dataclass
class Writers:
    """Who may write to the repository; nobody of whom that is not known."""

    gates: Gates | None
    limits: list[str] = field(default_factory=list)
    _known: dict[str, bool] = field(default_factory=dict)

    def writes(self, login: str) -> bool:
        """Whether an account may write; what GitHub refuses to tell counts as no."""
        if self.gates is None or not login:
            return False
        if login not in self._known:
            if len(self._known) >= MAX_PEOPLE:
                self._note(f"more than {MAX_PEOPLE} people had their say: the word of the others did not count")
                return False
            try:
                self._known[login] = self.gates.permission(login) in _WRITES
            except ForgeRefused as error:
                self._known[login] = False
                self._note(f"what people may do is not known, so their word did not count: {error}")
        return self._known[login]

    def _note(self, limit: str) -> None:
        if limit not in self.limits:
            self.limits.append(limit)


def finding_cases(
    reported: Sequence[ReportedFinding],
    sources: OutcomeSources,
    repository: str,
    period: tuple[int, int],
    progress: Callable[[str], None],
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """A case for each finding of a pull request since `period[0]`, as seen at `period[1]`, and the limits met."""
    since, now = period
    discussed, limits = _discussed(sources, since, progress)
    findings = _all_findings(reported, discussed.values(), repository, since)
    if len(findings) > MAX_FINDINGS:
        limits.append(f"only the newest {MAX_FINDINGS:,} of {count(len(findings), 'finding')} were looked at")
        findings = sorted(findings, key=lambda each: -each.at)[:MAX_FINDINGS]
    tracker, writers = LineTracker(sources), Writers(sources.gates)
    threads = {number: merge_threads(pull.threads) for number, pull in discussed.items()}
    cases = []
    # The findings of one pull request are about the same files.
    for number, each in enumerate(sorted(findings, key=lambda each: (each.pull, each.sha, each.path, each.last)), 1):
        progress(f"looking what became of {number:,} of {count(len(findings), 'finding')}")
        pull = discussed.get(each.pull)
        thread = threads[each.pull].get(each.fingerprint) if pull else None
        state = tracker.state_of(each, pull) if pull else LaterState()
        cases.append(label_finding(each, state, pull, feedback_of(thread, writers.writes), now))
    limits += _limits(tracker)
    return tuple(cases), (*limits, *writers.limits)


def _discussed(
    sources: OutcomeSources, since: int, progress: Callable[[str], None]
) -> tuple[dict[int, Discussed], list[str]]:
    """Pull requests by their number."""
    if sources.discussions is None:
        return {}, ["pull requests were not read: what became of findings is not known without GitHub"]
    progress("reading the pull requests")
    try:
        found, notes = sources.discussions.discussed(since, MAX_PULLS)
    except ForgeRefused as error:
        return {}, [f"pull requests were not read: {error}"]
    return {pull.number: pull for pull in found}, list(notes)


def _all_findings(
    reported: Sequence[ReportedFinding], pulls: Iterable[Discussed], repository: str, since: int
) -> list[ReportedFinding]:
    """What the book holds, and of threads what it does not hold."""
    findings = list(latest_reports(reported))
    known = {(each.pull, each.fingerprint) for each in findings}
    for pull in pulls:
        findings += [
            ReportedFinding.of_thread(repository, pull.number, thread)
            for thread in merge_threads(pull.threads).values()
            if thread.at >= since and (pull.number, thread.fingerprint) not in known
        ]
    return findings


def _limits(tracker: LineTracker) -> list[str]:
    """Why lines were not compared, a sentence each."""
    ranked = tracker.missed.most_common()
    limits = [f"{count(times, 'finding')} not compared: {reason}" for reason, times in ranked[:_SHOWN]]
    rest = sum(times for _, times in ranked[_SHOWN:])
    return [*limits, f"{count(rest, 'finding')} not compared for other reasons"] if rest else limits
