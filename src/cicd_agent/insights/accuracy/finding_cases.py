"""Labels the findings of reviews by what the account book and GitHub hold of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cicd_agent.app.reporter import Outlet
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.feedback import Discussed
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.findings import Became, Told, heard, judged, last_told, merged
from cicd_agent.insights.accuracy.labels import Case
from cicd_agent.insights.accuracy.line_tracker import Comparing
from cicd_agent.insights.accuracy.outcome_sources import Outside

MOST_PULLS: Final = 200
"""Pull requests that are read, 20 with one request."""
MOST_FINDINGS: Final = 2_000
MOST_PEOPLE: Final = 50
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
            if len(self._known) >= MOST_PEOPLE:
                self._note(f"more than {MOST_PEOPLE} people had their say: the word of the others did not count")
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
    entered: Sequence[Told], outside: Outside, repository: str, period: tuple[int, int], outlet: Outlet
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """A case for each finding of a pull request since `period[0]`, as seen at `period[1]`, and the limits met."""
    since, now = period
    discussed, limits = _discussed(outside, since, outlet)
    told = _all_told(entered, discussed.values(), repository, since)
    if len(told) > MOST_FINDINGS:
        limits.append(f"only the newest {MOST_FINDINGS:,} of {count(len(told), 'finding')} were looked at")
        told = sorted(told, key=lambda each: -each.at)[:MOST_FINDINGS]
    comparing, writers = Comparing(outside), Writers(outside.gates)
    threads = {number: merged(pull.threads) for number, pull in discussed.items()}
    cases = []
    # The findings of one pull request are about the same files.
    for number, each in enumerate(sorted(told, key=lambda each: (each.pull, each.sha, each.path, each.last)), 1):
        outlet.progress(f"looking what became of {number:,} of {count(len(told), 'finding')}")
        pull = discussed.get(each.pull)
        thread = threads[each.pull].get(each.fingerprint) if pull else None
        became = comparing.became(each, pull) if pull else Became()
        cases.append(judged(each, became, pull, heard(thread, writers.writes), now))
    limits += _missed(comparing)
    return tuple(cases), (*limits, *writers.limits)


def _discussed(outside: Outside, since: int, outlet: Outlet) -> tuple[dict[int, Discussed], list[str]]:
    """Pull requests by their number."""
    if outside.discussions is None:
        return {}, ["pull requests were not read: what became of findings is not known without GitHub"]
    outlet.progress("reading the pull requests")
    try:
        found, notes = outside.discussions.discussed(since, MOST_PULLS)
    except ForgeRefused as error:
        return {}, [f"pull requests were not read: {error}"]
    return {pull.number: pull for pull in found}, list(notes)


def _all_told(entered: Sequence[Told], pulls: Iterable[Discussed], repository: str, since: int) -> list[Told]:
    """What the book holds, and of threads what it does not hold."""
    told = list(last_told(entered))
    known = {(each.pull, each.fingerprint) for each in told}
    for pull in pulls:
        told += [
            Told.in_thread(repository, pull.number, thread)
            for thread in merged(pull.threads).values()
            if thread.at >= since and (pull.number, thread.fingerprint) not in known
        ]
    return told


def _missed(comparing: Comparing) -> list[str]:
    """Why lines were not compared, a sentence each."""
    ranked = comparing.missed.most_common()
    limits = [f"{count(times, 'finding')} not compared: {why}" for why, times in ranked[:_SHOWN]]
    rest = sum(times for _, times in ranked[_SHOWN:])
    return [*limits, f"{count(rest, 'finding')} not compared for other reasons"] if rest else limits
