"""How likely a change is to break something, judged by its shape alone, and why: the floor no model can lower.

The model is just-in-time defect prediction: what a commit's size, spread and purpose say of the chance that a later
commit has to repair it. The weights below are those of a logistic regression on ln(1 + feature), fitted to several
projects and applied to one that it has not seen (area under the ROC curve .73; lines added alone reach .725).

The score is the logistic curve stretched so that nothing at all is 0: it ranks changes, it is not the probability
that this one is wrong. The thresholds are quantiles of the score over 76,712 changes of four open-source projects
(OpenStack, Qt, Go, the Eclipse platform), each project weighing the same: half of all changes are low, 35 % medium,
12 % high, 3 % critical. Between the levels the share of changes that later needed a repair rises in every one of the
four (.08 to .25 when low, .48 to .79 when critical).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, log1p

from cicd_agent.core.change import Change, Commit
from cicd_agent.core.comments import is_comment_only
from cicd_agent.core.diff import FileDiff
from cicd_agent.core.measures import entropy
from cicd_agent.core.paths import UNCOUNTED, PathKind, kinds
from cicd_agent.core.repair_words import says_repair
from cicd_agent.core.verdict import Ground, Reason, Risk, RiskLevel
from cicd_agent.core.words import count

_INTERCEPT = -1.796
_ADDED, _DELETED, _FIX = 0.460, 0.0735, 1.434
_FILES, _DIRECTORIES, _SUBSYSTEMS, _ENTROPY = 0.0947, -0.0695, -0.235, 0.208

# One file, no line: the smallest change there is.
_ORIGIN = _INTERCEPT + (_FILES + _DIRECTORIES + _SUBSYSTEMS) * log(2)

_THRESHOLDS = {RiskLevel.LOW: 0, RiskLevel.MEDIUM: 37, RiskLevel.HIGH: 68, RiskLevel.CRITICAL: 84}

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
    is_documentation = {file.path: PathKind.DOCS in of[file.path] and _is_plain(file) for file in change.files}
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


def assess(change: Change, floors: Iterable[Floor] = ()) -> Risk:
    """The risk of a change: the model's score, raised to every floor. The points of the reasons add up to the score."""
    shape = features(change)
    score, reasons = _by_shape(shape)
    if shape.comment_only:
        # Many words are still words. A floor holds all the same: a secret in a README is no comment.
        lowered = min(score, _THRESHOLDS[RiskLevel.MEDIUM] - 1)
        what = "documentation" if shape.documentation_only else "comments"
        reasons.append(Reason(f"{what} only: nothing that runs has changed", lowered - score))
        score = lowered
    for floor in sorted(dict.fromkeys(floors), key=lambda floor: -floor.level.rank):
        raised = max(score, _THRESHOLDS[floor.level])
        reasons.append(Reason(floor.reason, raised - score, floor.ground))
        score = raised
    level = max((level for level, threshold in _THRESHOLDS.items() if score >= threshold), key=lambda level: level.rank)
    return Risk(level, score, tuple(sorted(reasons, key=lambda reason: -reason.points)))


def _by_shape(shape: Features) -> tuple[int, list[Reason]]:
    """Score and reasons of the statistical model."""
    if not shape.files:
        return 0, []
    spread = (
        _FILES * log((1 + shape.files) / 2)
        + _DIRECTORIES * log((1 + shape.directories) / 2)
        + _SUBSYSTEMS * log((1 + shape.subsystems) / 2)
        + _ENTROPY * log1p(shape.entropy)
    )
    terms = {
        f"{count(shape.added, 'line')} added": _ADDED * log1p(shape.added),
        f"{count(shape.deleted, 'line')} deleted": _DELETED * log1p(shape.deleted),
        _spread_in_words(shape): spread,
        "its commits say that it repairs something": _FIX * log(2) if shape.is_fix else 0.0,
    }
    rise = sum(terms.values())
    score = round(100 * _stretched(_ORIGIN + rise))
    if score <= 0:
        return 0, []
    points = {text: round(score * term / rise) for text, term in terms.items()}
    # Rounded parts rarely add up; what is left over goes where it shows least.
    points[max(points, key=lambda text: points[text])] += score - sum(points.values())
    return score, [Reason(text, value) for text, value in points.items() if value]


def _stretched(z: float) -> float:
    """The logistic curve over the part above the origin, from 0 to 1."""
    floor = 1 / (1 + exp(-_ORIGIN))
    return (1 / (1 + exp(-z)) - floor) / (1 - floor)


def _spread_in_words(shape: Features) -> str:
    files = count(shape.files, "file")
    if shape.subsystems > 1:
        return f"spread over {files} in {shape.subsystems} top-level directories"
    return f"spread over {files}"


def _is_fix(commits: Iterable[Commit]) -> bool:
    """Most subjects speak of a repair; one `fix lint` in a branch of features does not make it one."""
    subjects = [commit.subject for commit in commits if not commit.subject.startswith("Merge ")]
    return 2 * sum(map(says_repair, subjects)) > len(subjects)


def _is_plain(file: FileDiff) -> bool:
    """Whether a file is read and never run or followed: no executable, link or submodule."""
    return {file.old_mode, file.new_mode} <= {"", "100644"}
