"""Which changes of the past were bad: taken back, repaired soon after, or gone wrong when they were deployed.

Each rule needs names and times alone, no blame of lines: that would cost minutes on a long history. What it misses and
what it takes for bad by mistake stands in docs/reference/risk.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from cicd_agent.analysis.risk.features import says_repair
from cicd_agent.domain.repository.history import Past, PastCommit
from cicd_agent.domain.repository.paths import PathKind, kinds

DAY = 86_400
MATURED_DAYS = 90
"""What is not known of a change after so many days is not counted any more; before, it may still come."""
HOTFIX_DAYS = 14
MAX_BLAMED = 20
"""A deployment that failed with more commits than this says too little of each."""

_MIN_NAME, _WHOLE_NAME = 7, 40

# A repair brings tests, notes and versions along: they tell nothing of what it repairs.
_UNINFORMATIVE = {PathKind.TEST, PathKind.DOCS, PathKind.LOCK_FILE, PathKind.GENERATED, PathKind.VENDORED}


class Source(StrEnum):
    """How it is known that a change was bad."""

    REVERT = "revert"
    HOTFIX = "hotfix"
    DEPLOYMENT = "failed_deployment"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Blame:
    """A change was found to be bad; `when` in seconds since the epoch, `by` is the commit that says so, if any."""

    sha: str
    source: Source
    when: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What became of a change within MATURED_DAYS days; `sources` are sorted, none when nothing bad is known."""

    sha: str
    when: int
    sources: tuple[Source, ...] = ()
    matured: bool = True

    @property
    def bad(self) -> bool:
        return bool(self.sources)


def labels(past: Past, blames: Iterable[Blame], now: int) -> tuple[Label, ...]:
    """A label for each commit of the past, newest first, of what the repository and its deployments say."""
    when = {commit.sha: commit.when for commit in past.commits}
    sources_of: dict[str, set[Source]] = defaultdict(set)
    for blame in (*from_commits(past.commits), *blames):
        if blame.sha in when and blame.when - when[blame.sha] <= MATURED_DAYS * DAY:
            sources_of[blame.sha].add(blame.source)
    return tuple(
        Label(sha, time, tuple(sorted(sources_of.get(sha, ()))), matured=now - time >= MATURED_DAYS * DAY)
        for sha, time in ((commit.sha, commit.when) for commit in past.commits)
    )


def from_commits(commits: Sequence[PastCommit]) -> Iterator[Blame]:
    """What later commits say of earlier ones, of a history that is newest first: reverts, then hotfixes."""
    yield from _reverts(commits)
    yield from _hotfixes(commits)


def from_failure(source: Source, when: int, shas: Sequence[str]) -> tuple[Blame, ...]:
    """The blame for a deployment that failed or was rolled back: on each commit that it brought, or on none."""
    return tuple(Blame(sha, source, when) for sha in shas) if len(shas) <= MAX_BLAMED else ()


def _reverts(commits: Sequence[PastCommit]) -> Iterator[Blame]:
    """A revert that was itself taken back does not count: what it took back is there again."""
    position = {commit.sha: index for index, commit in enumerate(commits)}

    @cache
    def abbreviated(size: int) -> dict[str, str]:
        """The full ids by so many of their first digits, "" where these are not enough."""
        shas: dict[str, str] = {}
        for sha in position:
            shas[sha[:size]] = "" if sha[:size] in shas else sha
        return shas

    void: set[str] = set()
    for index, commit in enumerate(commits):
        name = commit.reverts
        if not name or commit.sha in void:
            continue
        is_short = name not in position and _MIN_NAME <= len(name) < _WHOLE_NAME
        target = abbreviated(len(name)).get(name, "") if is_short else name if name in position else ""
        # Only what is older can have been taken back, whatever the message says.
        if target and position[target] > index:
            void.add(target)
            yield Blame(target, Source.REVERT, commit.when, commit.sha)


def _hotfixes(commits: Sequence[PastCommit]) -> Iterator[Blame]:
    """A repair is laid at the door of the commit that was the last to touch most of its files, if that is recent."""
    last: dict[str, PastCommit] = {}
    says_much = cache(lambda path: not kinds(path) & _UNINFORMATIVE)
    for commit in reversed(commits):
        if commit.paths and not commit.reverts and says_repair(commit.subject):
            paths = list(filter(says_much, commit.paths))
            recent = Counter(
                last[path].sha for path in paths if path in last and commit.when - last[path].when <= HOTFIX_DAYS * DAY
            )
            for sha, files in recent.most_common(1):
                if 2 * files > len(paths):
                    yield Blame(sha, Source.HOTFIX, commit.when, commit.sha)
        for path in commit.paths:
            last[path] = commit
