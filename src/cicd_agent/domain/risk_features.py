"""The numbers of just-in-time defect prediction: what a change's shape and the past of its files say, unread.

Names and meanings are those of Kamei et al., "A Large-Scale Empirical Study of Just-in-Time Quality Assurance" (IEEE
Transactions on Software Engineering 39(6), 2013), so that published data can be used as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2


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

    `entropy` is Shannon's, in bits, of the changed lines over the files. `lines_before` is the length of the touched
    files before the change, None when it is not known.
    """

    subsystems: int = 0
    directories: int = 0
    files: int = 0
    entropy: float = 0.0
    added: int = 0
    deleted: int = 0
    lines_before: float | None = None
    is_fix: bool = False
    experience: Experience = Experience()


def entropy(lines: Sequence[int]) -> float:
    """Shannon's entropy in bits of the changed lines over the files: 0 when one file has them all."""
    total = sum(lines)
    return sum(part / total * log2(total / part) for part in lines if part)
