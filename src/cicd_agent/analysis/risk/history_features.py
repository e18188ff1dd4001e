"""Boils a repository's past down to what it says of one change, and of the changes before it as they were then.

One pass from old to new: when a commit's turn comes, everything before it has been counted, and nothing after it.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from cicd_agent.analysis.risk.assessment import Floor, floor_of, highest, trouble_level
from cicd_agent.analysis.risk.features import OF_TESTS, measured, says_repair
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import (
    COUNTED,
    TROUBLED_DAYS,
    TROUBLES,
    Experience,
    History,
    Measures,
    Past,
    PastChange,
    PastCommit,
    Trouble,
    TroubleKind,
)
from cicd_agent.domain.repository.paths import UNCOUNTED, PathKind, kinds

MAX_TROUBLES = 100
_DAY = 86_400
_WEEK = 7 * _DAY
_YEAR = 365.25 * _DAY


_Paths = dict[str, tuple[frozenset[PathKind], Floor]]
"""What paths alone say: their kinds, and the floor of each."""


@dataclass(slots=True)
class _File:
    developers: set[str] = field(default_factory=set)
    last: str = ""
    """The commit that touched it last."""
    when: int = 0


@dataclass(slots=True)
class _Author:
    """What somebody has done so far: commits by week (how many, and the sum of their times), and by places touched."""

    commits: int = 0
    weeks: dict[int, tuple[int, int]] = field(default_factory=dict)
    subsystems: dict[frozenset[str], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Totals:
    """Only those files and people are remembered that somebody will ask for."""

    files: dict[str, _File]
    authors: dict[str, _Author]

    def add(self, commit: PastCommit) -> None:
        sha, when, by = commit.sha, commit.when, commit.author
        for path in commit.paths:
            if (file := self.files.get(path)) is not None:
                file.developers.add(by)
                file.last, file.when = sha, when
        if (author := self.authors.get(by)) is not None:
            author.commits += 1
            number, total = author.weeks.get(when // _WEEK, (0, 0))
            author.weeks[when // _WEEK] = number + 1, total + when
            subsystems = _subsystems(commit.paths)
            author.subsystems[subsystems] = author.subsystems.get(subsystems, 0) + 1

    def experience(self, paths: Sequence[str], author: str | None, when: int) -> Experience:
        """What is known at a time of files and somebody; of new files that nobody has touched them, which is 0."""
        files = [file for path in paths if (file := self.files[path]).last]
        days = sum(max(0, when - file.when) for file in files) / _DAY
        known = Experience(
            developers=len(set().union(*(file.developers for file in files))),
            age=round(days / len(files), 3) if files else 0.0,
            last_changes=len({file.last for file in files}),
        )
        if author is None:
            return known
        done = self.authors[author]
        subsystems = _subsystems(paths)
        # A week's commits are as old as they are on average.
        recent = sum(number / (1 + max(0.0, when - total / number) / _YEAR) for number, total in done.weeks.values())
        in_subsystems = sum(number for among, number in done.subsystems.items() if not subsystems.isdisjoint(among))
        return replace(known, commits=done.commits, recent_commits=round(recent, 3), subsystem_commits=in_subsystems)


@dataclass(slots=True)
class _Lately:
    """When files, those that somebody will ask for, were taken back or repaired in the days before."""

    files: dict[str, _File]
    since: int
    times: defaultdict[tuple[str, TroubleKind], deque[int]] = field(default_factory=lambda: defaultdict(deque))

    def add(self, commit: PastCommit) -> None:
        if commit.when >= self.since and (kind := _trouble(commit)):
            for path in commit.paths:
                if path in self.files:
                    self.times[path, kind].append(commit.when)

    def floors(self, paths: Sequence[str], when: int) -> Iterator[Floor]:
        for path in paths:
            for kind in TROUBLES:
                if times := self.times.get((path, kind)):
                    while times and when - times[0] > TROUBLED_DAYS * _DAY:
                        times.popleft()
                    yield Floor(trouble_level(kind, len(times)), f"files that were {kind} shortly before")


def history_of(
    past: Past,
    change: Change,
    now: int,
    limit: int = COUNTED,
    floor: Callable[[str], Floor] = lambda path: floor_of(kinds(path)),
) -> History:
    """What `past` says of `change` at `now` (seconds since the epoch).

    The newest `limit` past changes are measured. The change's own commits are not its past; the newest of them says who
    its author is. In a shallow clone nobody's experience is known, for all that was before is missing from every count.
    `floor` is what a path alone says of a past change.
    """
    own = {commit.sha for commit in change.commits}
    before = [commit for commit in past.commits if commit.sha not in own]
    author = next((commit.author for commit in past.commits if commit.sha in own), None)
    names = {name: file.path for file in change.files for name in (file.old_path, file.path) if name}
    # Of a renamed file the past knows the old name.
    touched = list(dict.fromkeys(file.old_path or file.path for file in change.files))
    counted = list(islice((commit for commit in before if commit.churn), limit))
    judged = {commit.sha for commit in counted}
    totals = _Totals(
        {path: _File() for commit in counted for path in commit.paths},
        {commit.author: _Author() for commit in counted},
    )
    lately = _Lately(dict(totals.files), min((each.when for each in counted), default=0) - TROUBLED_DAYS * _DAY)
    totals.files |= {path: _File() for path in touched}
    if author is not None:
        totals.authors[author] = _Author()
    judged_paths: _Paths = {}
    recent: list[PastChange] = []
    for commit in reversed(before):
        if commit.sha in judged:
            known = Experience() if past.shallow else totals.experience(commit.paths, commit.author, commit.when)
            measures, by_path = _judged(commit, known, judged_paths, floor)
            lifted = highest((by_path, *lately.floors(commit.paths, commit.when)))
            recent.append(PastChange(commit.sha, commit.when, measures, lifted.level, lifted.reason))
        totals.add(commit)
        lately.add(commit)
    troubles, cut = _troubles(before, names, now)
    return History(
        commits=len(before),
        experience=Experience() if past.shallow else totals.experience(touched, author, now),
        recent=tuple(reversed(recent)),
        troubles=troubles,
        limits=(*past.limits, *cut),
        shallow=past.shallow,
    )


def _judged(
    commit: PastCommit, known: Experience, known_paths: _Paths, floor_of_path: Callable[[str], Floor]
) -> tuple[Measures, Floor]:
    """A commit in numbers, counted as `features` counts a change; `known_paths` remembers what paths say."""
    for path in commit.paths:
        if path not in known_paths:
            known_paths[path] = kinds(path), floor_of_path(path)
    counted = [
        (known_paths[path][0], lines)
        for path, lines in zip(commit.paths, commit.churn, strict=True)
        if not known_paths[path][0] & UNCOUNTED
    ]
    in_tests = sum(added for path_kinds, (added, _) in counted if path_kinds & OF_TESTS)
    churn = [lines for _, lines in counted]
    measures = measured(commit.paths, churn, in_tests, is_fix=says_repair(commit.subject), known=known)
    return measures, highest(known_paths[path][1] for path in commit.paths)


def _trouble(commit: PastCommit) -> TroubleKind | None:
    if commit.reverts or commit.subject.startswith('Revert "'):
        return "reverted"
    return "repaired" if says_repair(commit.subject) else None


def _troubles(
    before: Sequence[PastCommit], names: dict[str, str], now: int
) -> tuple[tuple[Trouble, ...], tuple[str, ...]]:
    """How often the files (`names` leads from a path, old or new, to the one shown) were taken back or repaired."""
    times_of: Counter[tuple[str, TroubleKind]] = Counter()
    for commit in before:
        hit = {names[path] for path in commit.paths if path in names}
        if not hit or now - commit.when > TROUBLED_DAYS * _DAY:
            continue
        if kind := _trouble(commit):
            times_of.update((path, kind) for path in hit)
    troubles = [Trouble(path, kind, times) for (path, kind), times in times_of.items()]
    troubles.sort(key=lambda trouble: (-trouble.times, trouble.kind == "repaired", trouble.path))
    left = len(troubles) - MAX_TROUBLES
    cut = (f"{left} more files of the change were taken back or repaired lately, each less often",) if left > 0 else ()
    return tuple(troubles[:MAX_TROUBLES]), cut


def _subsystems(paths: Sequence[str]) -> frozenset[str]:
    """The top-level directories of files, with their slash; "" for all those at the root."""
    return frozenset([path[: path.find("/") + 1] for path in paths])
