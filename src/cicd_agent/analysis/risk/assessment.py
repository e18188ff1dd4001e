"""How likely a change is to break something, by its shape and its files' past: the floor that no model can lower.

The score ranks changes; how probable a repair is, is said only where the repository has calibrated the score on its own
outcomes. The shipped thresholds are quantiles of the score over 76,712 changes of four open-source projects (OpenStack,
Qt, Go, the Eclipse platform), each weighing the same. From level to level the share of changes that later needed a
repair rises in every one of the four (.08 to .27 when low, .53 to .78 when critical).
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cicd_agent.analysis.risk.features import UNKNOWN, features
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
from cicd_agent.domain.finding import Finding, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import TROUBLED_DAYS, TROUBLES, History, Measures, Trouble, TroubleKind
from cicd_agent.domain.repository.paths import Area, PathKind
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import Ground, Reason, Risk, RiskLevel

FLOORS = (
    (PathKind.OWN_CONFIG, RiskLevel.HIGH, "the rules of this review"),
    (PathKind.MIGRATION, RiskLevel.HIGH, "a database migration"),
    (PathKind.DATABASE_SCHEMA, RiskLevel.HIGH, "the schema of a database"),
    (PathKind.AUTH, RiskLevel.HIGH, "authentication or permissions"),
    (PathKind.API_CONTRACT, RiskLevel.HIGH, "the contract of an API"),
    (PathKind.INFRASTRUCTURE, RiskLevel.HIGH, "infrastructure"),
    (PathKind.WORKFLOW, RiskLevel.MEDIUM, "the workflows that build and release"),
    (PathKind.PIPELINE, RiskLevel.MEDIUM, "the pipeline that builds and releases"),
    (PathKind.DOCKERFILE, RiskLevel.MEDIUM, "how the image is built"),
    (PathKind.ENV_CONFIG, RiskLevel.MEDIUM, "settings of the running program"),
    (PathKind.DEPENDENCY_MANIFEST, RiskLevel.MEDIUM, "the dependencies"),
    (PathKind.CODE_OWNERS, RiskLevel.MEDIUM, "who has to approve changes"),
    (PathKind.AGENT_INSTRUCTIONS, RiskLevel.MEDIUM, "what coding agents are told to do"),
)
"""Kind, floor, and what is touched in words, in the order of a report."""

_FLOOR_OF = {kind: (floor, what) for kind, floor, what in FLOORS}
_NOT_THE_PRODUCT = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE, PathKind.VENDORED})
_WHEREVER = frozenset({PathKind.CODE_OWNERS, PathKind.AGENT_INSTRUCTIONS})
"""What counts among documents and tests as well: an agent obeys the instructions of the folder that it works in."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule's word that the risk is at least `level`; `reason` says why, in words that stand alone."""

    level: RiskLevel
    reason: str
    ground: Ground = Ground.AREA


def risky_kinds(kinds: AbstractSet[PathKind]) -> Iterator[PathKind]:
    """Those of a file's kinds that have a floor, in the order of the table; few where it is not the product's."""
    risky = kinds & _WHEREVER if kinds & _NOT_THE_PRODUCT else kinds
    yield from (kind for kind in _FLOOR_OF if kind in risky)


def floor_of(kinds: AbstractSet[PathKind]) -> Floor:
    """The highest floor of these kinds, low and without a reason where they have none."""
    return highest(Floor(*_FLOOR_OF[kind]) for kind in risky_kinds(kinds))


def highest(floors: Iterable[Floor]) -> Floor:
    return max(floors, key=lambda floor: floor.level.rank, default=Floor(RiskLevel.LOW, ""))


def floors(areas: Iterable[Area], findings: Iterable[Finding], min_confidence: float) -> list[Floor]:
    """A floor for each area, and for each finding that is sure enough and not of low severity."""
    return [
        *(Floor(area.floor, f"it {area.reason}") for area in areas),
        *(
            Floor(RiskLevel(finding.severity), f"{finding.severity} finding: {finding.title}", Ground.FINDING)
            for finding in findings
            if finding.confidence >= min_confidence and finding.severity is not Severity.LOW
        ),
    ]


AMONG = 500
"""So many of the last changes a change is ranked among."""
FEWEST = 20
"""With fewer past changes one of them more or less moves a percentile by over 5, and a level's share as well."""
_MIXED = 100
"""So many of the last changes show how often each level comes up; with fewer, no threshold is made of them."""
_REPAIRED_OFTEN = 3


def assess(
    change: Change,
    floors: Iterable[Floor] = (),
    history: History | None = None,
    learnt: RiskFile | None = None,
    bounds: Thresholds | None = None,
) -> Risk:
    """The risk of a change: the model's score, raised to every floor. The points of the reasons add up to the score.

    With `history`, it is ranked among the last changes, each with its own score and its own floor, and their scores say
    where the levels begin, unless `learnt` does, or `bounds`, which a team has set.
    """
    shape = features(change, history.experience if history is not None else UNKNOWN)
    measures = shape.measures
    recent = history.recent[:AMONG] if history is not None else ()
    scores = [score(past.measures, learnt) for past in recent]
    if bounds is not None:
        thresholds = bounds
    elif learnt is not None and learnt.thresholds is not None:
        thresholds = ascending(learnt.thresholds)
    else:
        own = thresholds_of(scores, [past.floor for past in recent])
        thresholds = own if len(scores) >= _MIXED else SHIPPED_THRESHOLDS
    reached, reasons = _by_model(measures, learnt)
    if shape.comment_only:
        # Many words are still words. A floor holds all the same: a secret in a README is no comment.
        lowered = min(reached, thresholds[0] - 1)
        what = "documentation" if shape.documentation_only else "comments"
        reasons.append(Reason(f"{what} only: nothing that runs has changed", lowered - reached))
        reached = lowered
    trouble_floors = _troubles(history.troubles) if history is not None else ()
    for floor in sorted(dict.fromkeys((*floors, *trouble_floors)), key=lambda floor: -floor.level.rank):
        raised = _raised(reached, floor.level, thresholds)
        reasons.append(Reason(floor.reason, raised - reached, floor.ground))
        reached = raised
    before = [_raised(each, past.floor, thresholds) for past, each in zip(recent, scores, strict=True)]
    return Risk(
        level_of(reached, thresholds),
        reached,
        tuple(sorted(reasons, key=lambda reason: -reason.points)),
        # Of the changes before, those with a lower score in whole percent, never rounded up.
        percentile=100 * bisect_left(sorted(before), reached) // len(before) if len(before) >= FEWEST else None,
        among=len(before),
        # The outcomes that it was learnt from did not tell comments from code.
        probability=None if shape.comment_only else chance(measures, learnt),
        mix=_mix(before, thresholds),
    )


def _by_model(measures: Measures, learnt: RiskFile | None) -> tuple[int, list[Reason]]:
    reached = score(measures, learnt)
    if not reached:
        return 0, []
    parts = terms(measures, learnt)
    rise = sum(term.value for term in parts)
    points = {term.text: round(reached * term.value / rise) for term in parts}
    # Rounded parts rarely add up; what is left over goes where it shows least.
    points[max(points, key=lambda text: points[text])] += reached - sum(points.values())
    reasons = [Reason(text, value) for text, value in points.items() if value]
    if missing := unknown(measures, learnt):
        reasons.append(Reason(f"not known, and so taken for what is usual: {', '.join(missing)}", 0))
    return reached, reasons


def level_of(reached: int, thresholds: Thresholds) -> RiskLevel:
    return list(RiskLevel)[bisect_right(thresholds, reached)]


def _raised(reached: int, floor: RiskLevel, thresholds: Thresholds) -> int:
    return max(reached, (0, *thresholds)[floor.rank])


def _mix(before: Sequence[int], thresholds: Thresholds) -> tuple[int, ...]:
    """How many of the last changes are of each level, the lowest level first; none when too few are known."""
    if len(before) < FEWEST:
        return ()
    levels = Counter(level_of(each, thresholds) for each in before[:_MIXED])
    return tuple(levels[level] for level in RiskLevel)


def trouble_level(kind: TroubleKind, times: int) -> RiskLevel:
    """The floor under a change of a file that was taken back or repaired so often lately."""
    if kind == "repaired":
        return RiskLevel.MEDIUM if times >= _REPAIRED_OFTEN else RiskLevel.LOW
    return (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)[min(times, 2)]


def _troubles(troubles: Sequence[Trouble]) -> Iterator[Floor]:
    """What happened to the files of the change lately: a sentence for each kind, of the file with most of it."""
    for kind in TROUBLES:
        affected = [
            trouble
            for trouble in troubles
            if trouble.kind == kind and trouble_level(kind, trouble.times) is not RiskLevel.LOW
        ]
        if affected:
            worst = max(affected, key=lambda trouble: trouble.times)
            times = {1: "once", 2: "twice"}.get(worst.times, f"{worst.times:,} times")
            others = f", {count(len(affected) - 1, 'other file')} as well" if len(affected) > 1 else ""
            level = trouble_level(kind, worst.times)
            yield Floor(level, f"`{worst.path}` was {kind} {times} in {TROUBLED_DAYS} days{others}")
