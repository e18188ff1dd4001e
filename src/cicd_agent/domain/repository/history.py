"""What a repository's past says of a change, in the numbers of just-in-time defect prediction.

Names and meanings of the features are those of Kamei et al., "A Large-Scale Empirical Study of Just-in-Time Quality
Assurance" (IEEE Transactions on Software Engineering 39(6), 2013), so that published data can be used as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Literal, get_args

from cicd_agent.domain.verdict import RiskLevel

MAX_COMMITS = 20_000
COUNTED = 500
"""Of these, the newest whose lines are counted: a change is ranked among them."""
TROUBLED_DAYS = 90
"""How far back a revert or a repair still says something about a file."""

TroubleKind = Literal["reverted", "repaired"]
TROUBLES: tuple[TroubleKind, ...] = get_args(TroubleKind)


@dataclass(frozen=True, slots=True)
class Experience:
    """What the past says of a change's files and its author. Each is None when it is not known.

    `developers`: people who changed these files before (ndev). `age`: mean days since their last change.
    `last_changes`: distinct commits that changed them last (nuc). `commits`: earlier commits of the author (exp);
    `recent_commits`: the same, each counting 1/(1 + its age in years) (rexp); `subsystem_commits`: those that touched
    one of the change's subsystems (sexp).
    """

    developers: float | None = None
    age: float | None = None
    last_changes: float | None = None
    commits: float | None = None
    recent_commits: float | None = None
    subsystem_commits: float | None = None


@dataclass(frozen=True, slots=True)
class Measures:
    """One change in numbers. A subsystem is a top-level directory (files at the root share one).

    `entropy` is Shannon's, in bits, of the changed lines over the files. `added_in_tests` are those of `added` that
    stand in tests and examples.
    """

    subsystems: int = 0
    directories: int = 0
    files: int = 0
    entropy: float = 0.0
    added: int = 0
    deleted: int = 0
    added_in_tests: int = 0
    is_fix: bool = False
    experience: Experience = Experience()


def entropy(lines: Sequence[int]) -> float:
    total = sum(lines)
    return sum(part / total * log2(total / part) for part in lines if part)


@dataclass(frozen=True, slots=True)
class PastCommit:
    """One commit of the past. `when` is the committer's time in seconds since the epoch.

    `author` is a digest that tells people apart and names none. `paths` are the files that it touched; `churn` their
    lines added and deleted, in the same order, empty where lines were not counted, and (0, 0) for a binary file.
    `reverts` is the commit that it takes back by its own words, "" for none.
    """

    sha: str
    when: int
    author: str
    subject: str
    paths: tuple[str, ...]
    churn: tuple[tuple[int, int], ...] = ()
    reverts: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """The commits before a change, newest first, without merges. `limits` say what is missing, a sentence each.

    `shallow` is whether the history goes on where these commits end: the clone ends there, or no more could be read.
    """

    commits: tuple[PastCommit, ...] = ()
    limits: tuple[str, ...] = ()
    shallow: bool = False


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of the past as it would have been judged then.

    `floor` is what is known without its lines: its paths, what their files hold today, and what happened to
    these in the days before; `reason` says which of them it was, in a few words.
    """

    sha: str
    when: int
    measures: Measures
    floor: RiskLevel = RiskLevel.LOW
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that the change touches was taken back or repaired this often in the last TROUBLED_DAYS days."""

    path: str
    kind: TroubleKind
    times: int


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the past when a change is judged; `recent` is newest first."""

    commits: int = 0
    experience: Experience = field(default_factory=Experience)
    recent: tuple[PastChange, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    limits: tuple[str, ...] = ()
    shallow: bool = False
