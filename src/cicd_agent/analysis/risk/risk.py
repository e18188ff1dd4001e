"""How likely a change is to break something, by its shape and its files' past: the floor that no model can lower.

The score is that of `core/risk_model.py`, the logistic curve stretched so that nothing at all is 0: it ranks changes,
it is not the probability that this one is wrong. That probability is spoken of only where the repository has calibrated
the score on its own outcomes.

Where the history is known, the levels begin at quantiles of the repository's own scores: not everything can be high.
Elsewhere they begin at quantiles of the score over 76,712 changes of four open-source projects (OpenStack, Qt, Go, the
Eclipse platform), each project weighing the same: half of all changes are low, 35 % medium, 12 % high, 3 % critical.
Between the levels the share of changes that later needed a repair rises in every one of the four (.08 to .27 when low,
.53 to .78 when critical).
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.analysis.risk.model import (
    SHIPPED_THRESHOLDS,
    Thresholds,
    ascending,
    chance,
    score,
    terms,
    thresholds_of,
    unknown,
)
from cicd_agent.analysis.risk.repair_words import says_repair
from cicd_agent.domain.change import Change, Commit
from cicd_agent.domain.diff import FileDiff
from cicd_agent.domain.history import TROUBLED_DAYS, History, PastChange, Trouble
from cicd_agent.domain.paths import UNCOUNTED, PathKind, kinds
from cicd_agent.domain.risk_features import Experience, Measures, entropy
from cicd_agent.domain.risk_file import RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Ground, Reason, Risk, RiskLevel

AMONG = 500
"""So many of the last changes a change is ranked among."""
FEWEST = 20
"""With fewer past changes one of them more or less moves a percentile by over 5, and a level's share as well."""
_MIXED = 100
"""So many of the last changes show how often each level comes up; with fewer, no threshold is made of them."""
_REPAIRED_OFTEN = 3
_UNKNOWN = Experience()

_UNCOUNTED_ATTRIBUTES = {"linguist-generated", "linguist-vendored", "-diff"}


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule's word that the risk is at least `level`; `reason` says why, in words that stand alone."""

    level: RiskLevel
    reason: str
    ground: Ground = Ground.AREA


@dataclass(frozen=True, slots=True)
class Features:
    """The shape of a change.

    A subsystem is a top-level directory (files at the root share one). `added` and `deleted` are lines, without those
    of documentation and of generated, vendored and lock files. `entropy` is Shannon's, in bits, of these lines over
    the files: 0 when one file has them all. Of the `_only` flags, `comment_only` allows documentation beside comments.
    """

    files: int = 0
    directories: int = 0
    subsystems: int = 0
    added: int = 0
    deleted: int = 0
    entropy: float = 0.0
    is_fix: bool = False
    kinds: frozenset[PathKind] = frozenset()
    documentation_only: bool = False
    comment_only: bool = False
    tests_only: bool = False


def features(change: Change) -> Features:
    """Measure a change."""
    of = {file.path: kinds(file.path) for file in change.files}
    counted = [
        file
        for file in change.files
        if not of[file.path] & UNCOUNTED and not _UNCOUNTED_ATTRIBUTES.intersection(file.attributes)
    ]
    added = [sum(1 for _ in file.added) for file in counted]
    deleted = [sum(1 for _ in file.deleted) for file in counted]
    parents = {path.rpartition("/")[0] for path in of}
    # What is renamed to look like documentation was something else, and is gone from there.
    is_documentation = {
        file.path: PathKind.DOCS in of[file.path] & kinds(file.old_path) and _is_plain(file) for file in change.files
    }
    return Features(
        files=len(of),
        directories=len(parents),
        subsystems=len({parent.partition("/")[0] for parent in parents}),
        added=sum(added),
        deleted=sum(deleted),
        entropy=entropy([plus + minus for plus, minus in zip(added, deleted, strict=True)]),
        is_fix=_is_fix(change.commits),
        kinds=frozenset().union(*of.values()),
        documentation_only=bool(of) and all(is_documentation.values()),
        comment_only=bool(of)
        and all(is_documentation[file.path] or is_comment_only(file, change) for file in change.files),
        tests_only=bool(of) and all(PathKind.TEST in found for found in of.values()),
    )


def measures(change: Change, experience: Experience = _UNKNOWN) -> Measures:
    """Measure a change in the terms of the model. The lines before are not counted: those of past changes are not."""
    return _measured(features(change), experience)


def assess(
    change: Change, floors: Iterable[Floor] = (), history: History | None = None, learnt: RiskFile | None = None
) -> Risk:
    """The risk of a change: the model's score, raised to every floor. The points of the reasons add up to the score.

    With `history`, it is ranked among the last changes, each with its own score and its own floor, and their scores say
    where the levels begin, unless `learnt` does.
    """
    shape = features(change)
    measured = _measured(shape, history.experience if history is not None else _UNKNOWN)
    recent = history.recent[:AMONG] if history is not None else ()
    scores = [score(past.measures, learnt) for past in recent]
    thresholds = _thresholds(scores, learnt)
    reached, reasons = _by_model(measured, learnt)
    if shape.comment_only:
        # Many words are still words. A floor holds all the same: a secret in a README is no comment.
        lowered = min(reached, thresholds[0] - 1)
        what = "documentation" if shape.documentation_only else "comments"
        reasons.append(Reason(f"{what} only: nothing that runs has changed", lowered - reached))
        reached = lowered
    told = _troubles(history.troubles) if history is not None else ()
    for floor in sorted(dict.fromkeys((*floors, *told)), key=lambda floor: -floor.level.rank):
        raised = max(reached, _begin(floor.level, thresholds))
        reasons.append(Reason(floor.reason, raised - reached, floor.ground))
        reached = raised
    before = [_raised(past, each, thresholds) for past, each in zip(recent, scores, strict=True)]
    return Risk(
        _level(reached, thresholds),
        reached,
        tuple(sorted(reasons, key=lambda reason: -reason.points)),
        percentile=_percentile(reached, before),
        among=len(before),
        # The outcomes that it was learnt from did not tell comments from code.
        probability=None if shape.comment_only else chance(measured, learnt),
        mix=_mix(before, thresholds),
    )


def _measured(shape: Features, experience: Experience) -> Measures:
    return Measures(
        subsystems=shape.subsystems,
        directories=shape.directories,
        files=shape.files,
        entropy=shape.entropy,
        added=shape.added,
        deleted=shape.deleted,
        is_fix=shape.is_fix,
        experience=experience,
    )


def _by_model(measured: Measures, learnt: RiskFile | None) -> tuple[int, list[Reason]]:
    """Score and reasons of the statistical model."""
    reached = score(measured, learnt)
    if not reached:
        return 0, []
    found = terms(measured, learnt)
    rise = sum(term.value for term in found)
    points = {term.text: round(reached * term.value / rise) for term in found}
    # Rounded parts rarely add up; what is left over goes where it shows least.
    points[max(points, key=lambda text: points[text])] += reached - sum(points.values())
    reasons = [Reason(text, value) for text, value in points.items() if value]
    missing = unknown(measured, learnt)
    return reached, [
        *reasons,
        Reason(f"not known, and so taken for what is usual: {', '.join(missing)}", 0),
    ] if missing else reasons


def _thresholds(scores: Sequence[int], learnt: RiskFile | None) -> Thresholds:
    if learnt is not None and learnt.thresholds is not None:
        return ascending(learnt.thresholds)
    return thresholds_of(scores) if len(scores) >= _MIXED else SHIPPED_THRESHOLDS


def _begin(level: RiskLevel, thresholds: Thresholds) -> int:
    """The score at which a level begins."""
    return (0, *thresholds)[level.rank]


def _level(reached: int, thresholds: Thresholds) -> RiskLevel:
    return list(RiskLevel)[bisect_right(thresholds, reached)]


def _raised(past: PastChange, reached: int, thresholds: Thresholds) -> int:
    return max(reached, _begin(past.floor, thresholds))


def _percentile(reached: int, before: Sequence[int]) -> int | None:
    """The share of the changes before that have a lower score, in whole percent and never rounded up."""
    return 100 * bisect_left(sorted(before), reached) // len(before) if len(before) >= FEWEST else None


def _mix(before: Sequence[int], thresholds: Thresholds) -> tuple[int, ...]:
    """How many of the last changes are of each level, the lowest level first; none when too few are known."""
    if len(before) < FEWEST:
        return ()
    found = Counter(_level(each, thresholds) for each in before[:_MIXED])
    return tuple(found[level] for level in RiskLevel)


def _troubles(troubles: Sequence[Trouble]) -> Iterator[Floor]:
    """What befell the files of the change lately: a sentence for each kind, of the file that it befell most often."""
    reverted = [trouble for trouble in troubles if trouble.kind == "reverted" and trouble.times > 0]
    repaired = [trouble for trouble in troubles if trouble.kind == "repaired" and trouble.times >= _REPAIRED_OFTEN]
    for befell in (reverted, repaired):
        if befell:
            worst = max(befell, key=lambda trouble: trouble.times)
            is_high = worst.kind == "reverted" and worst.times > 1
            others = f", {count(len(befell) - 1, 'other file')} as well" if len(befell) > 1 else ""
            yield Floor(
                RiskLevel.HIGH if is_high else RiskLevel.MEDIUM,
                f"`{worst.path}` was {worst.kind} {_often(worst.times)} in {TROUBLED_DAYS} days{others}",
            )


def _often(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times:,} times")


def _is_fix(commits: Iterable[Commit]) -> bool:
    """Most subjects speak of a repair; one `fix lint` in a branch of features does not make it one."""
    subjects = [commit.subject for commit in commits if not commit.subject.startswith("Merge ")]
    return 2 * sum(map(says_repair, subjects)) > len(subjects)


def _is_plain(file: FileDiff) -> bool:
    """Whether a file is read and never run or followed: no executable, link or submodule."""
    return {file.old_mode, file.new_mode} <= {"", "100644"}
