"""What a repository's past says of a change, told in so few numbers that the evidence can hold them."""

from dataclasses import dataclass, field
from typing import Literal

from cicd_agent.domain.risk_features import Experience, Measures
from cicd_agent.domain.verdict import RiskLevel

MOST_COMMITS = 20_000
"""Commits whose files' names are read."""
COUNTED = 500
"""Of these, the newest whose lines are counted: a change is ranked among them."""
TROUBLED_DAYS = 90
"""How far back a revert or a repair still says something about a file."""


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
    """A change of the past as it would have been judged then; `floor` is what its paths alone say."""

    sha: str
    when: int
    measures: Measures
    floor: RiskLevel = RiskLevel.LOW


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that the change touches was taken back or repaired this often in the last TROUBLED_DAYS days."""

    path: str
    kind: Literal["reverted", "repaired"]
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
