"""Fit the model of risk to a repository's own outcomes, and judge it by the newest ones, which it has not seen.

What comes out is a file for a person to review. Unless own weights would have ordered the changes better than the
shipped ones time and again, and by more than chance, the shipped ones stay; where there are too few outcomes, nothing
is called a probability.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low

from cicd_agent.analysis.risk.assessment import level_of
from cicd_agent.analysis.risk.discrimination import Advantage, advantage, auc, calibration_error, lower_bound
from cicd_agent.analysis.risk.logistic import fit, probability
from cicd_agent.analysis.risk.model import (
    FEATURES,
    MATURED,
    NEVER_LOWER,
    OF_THE_DIFF,
    RIDGE,
    SHIPPED_THRESHOLDS,
    WEIGHTS,
    Thresholds,
    log_odds,
    logs,
    score,
    thresholds_of,
)
from cicd_agent.analysis.risk.outcome_labels import MATURED_DAYS, Label
from cicd_agent.domain.repository.history import COUNTED, Measures, PastChange
from cicd_agent.domain.repository.risk_file import Quality, RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel

MIN_OF_EACH = 10
"""With fewer of the bad ones, or of the good ones, a fit is an anecdote."""
MIN_CHANGES = 100
"""With fewer past changes their quantiles are no thresholds."""
LEARNT_FROM = 0.8
_FOLDS = 5
_PERIODS = 5
"""In so many parts the newer half of the changes is judged, each by what was learnt from all before it."""
_DEVIATIONS = 1.645
"""One-sided, 95 %: so sure is it that own weights are better before they are taken."""
HALF_LIFE = 0.5
"""The changes of half a history ago count half as much as the newest: habits change."""
_CHANCE = 0.5
_LITTLE = 1e-3
"""The ridge of two numbers that are learnt from hundreds."""
_MAX_WEIGHT, _DIGITS = 100.0, 6


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learnt: the file to be written, on how much it rests, and what has to be known of it, a line each.

    `fitted` changes were learnt from, `judged` were the newer ones that the quality is of, `judged_bad` the bad ones
    among these; all 0 where there was too little to learn from. `own_auc` is that of own weights, kept or not.
    """

    file: RiskFile
    fitted: int = 0
    judged: int = 0
    judged_bad: int = 0
    own_auc: float | None = None
    notes: tuple[str, ...] = ()
    lifted: Mapping[str, float] = field(default_factory=dict)
    """The share of the last changes that a floor alone makes high or critical, by its reason."""


@dataclass(frozen=True, slots=True)
class _Row:
    measures: Measures
    bad: bool


@dataclass(frozen=True, slots=True)
class _Model:
    """Weights as they stand in a file (None for the shipped ones), and how their log-odds become a probability."""

    weights: RiskFile | None
    slope: float = 1.0
    offset: float = 0.0

    def odds(self, rows: Sequence[_Row]) -> list[float]:
        return [log_odds(row.measures, self.weights) for row in rows]

    def quality(self, rows: Sequence[_Row]) -> Quality:
        """On rows that it was not fitted to."""
        odds, outcomes = self.odds(rows), [row.bad for row in rows]
        chances = [probability(self.slope * each + self.offset) for each in odds]
        error = calibration_error(chances, outcomes)
        return Quality(auc=_rounded(auc(odds, outcomes)), calibration_error=_rounded(error))


def calibrate_on(changes: Sequence[PastChange], labels: Sequence[Label], about: RiskFile) -> Calibration:
    """Learn from changes (newest first) and what became of them; `about` names tool, commit and day."""
    label_of = {label.sha: label for label in labels}
    labelled = [(change, label_of[change.sha]) for change in changes if change.sha in label_of]
    labelled.sort(key=lambda pair: (pair[0].when, pair[0].sha))
    matured = [(change, label) for change, label in labelled if label.matured]
    rows = [_Row(change.measures, label.bad) for change, label in matured]
    sources = Counter(str(source) for _, label in matured for source in label.sources)
    file = about.model_copy(
        update={
            "labels": len(labelled),
            "matured": len(rows),
            "positives": sum(row.bad for row in rows),
            "sources": dict(sorted(sources.items())),
        }
    )
    fitted = _learn(rows, file)
    recent = changes[:COUNTED]
    scores = [score(change.measures, fitted.file) for change in recent]
    thresholds = thresholds_of(scores, [change.floor for change in recent])
    file = fitted.file.model_copy(update={"thresholds": thresholds})
    shares = {"shares_before": level_shares(recent, None), "shares_after": level_shares(recent, file)}
    lifted = _lifted(recent, scores, thresholds)
    return replace(fitted, file=file.model_copy(update=shares), lifted=lifted)


def _lifted(changes: Sequence[PastChange], scores: Sequence[int], thresholds: Thresholds) -> dict[str, float]:
    """The share of changes that a floor alone lifts to high or above, by its reason, the largest first."""
    reasons = Counter(
        change.reason
        for change, reached in zip(changes, scores, strict=True)
        if change.floor.rank >= RiskLevel.HIGH.rank > level_of(reached, thresholds).rank
    )
    return {reason: round(times / len(changes), 4) for reason, times in reasons.most_common()}


def level_shares(changes: Sequence[PastChange], learnt: RiskFile | None) -> tuple[float, float, float, float] | None:
    """The shares of low, medium, high and critical, floors among them; None without changes."""
    if not changes:
        return None
    thresholds = learnt.thresholds if learnt is not None and learnt.thresholds else SHIPPED_THRESHOLDS
    by_score = ((change, level_of(score(change.measures, learnt), thresholds)) for change in changes)
    levels = Counter(max(level, change.floor, key=lambda each: each.rank) for change, level in by_score)
    low, medium, high, critical = (round(levels[level] / len(changes), 4) for level in RiskLevel)
    return low, medium, high, critical


def _learn(rows: Sequence[_Row], file: RiskFile) -> Calibration:
    """The file with weights and a probability, as far as the outcomes carry them, and why they carry no further."""
    bad = sum(row.bad for row in rows)
    if lacking := _lacking(len(rows), bad):
        return Calibration(file, notes=(f"no probability: {lacking}",))
    cut = int(LEARNT_FROM * len(rows))
    early, late = rows[:cut], rows[cut:]
    judged_bad = sum(row.bad for row in late)
    for name, part in (("oldest four fifths", early), ("newest fifth", late)):
        if len({row.bad for row in part}) == 1:
            reason = f"all of the {name} of the changes are {'bad' if part[0].bad else 'good'}"
            return Calibration(file, notes=(f"no probability: {reason}, so that nothing can be learnt or judged",))
    before = _Model(None).quality(late)
    scaled = _scaled(_Model(None), early, _Model(None).odds(early))
    own = _own(early)
    own_quality = own.quality(late)
    reason = objection([row.measures for row in rows], [row.bad for row in rows])
    chosen, after = (scaled, scaled.quality(late)) if reason else (own, own_quality)
    notes = [f"the shipped weights stay: {reason}"] if reason else []
    if not reason and own.weights is not None:
        file = file.model_copy(update=own.weights.model_dump(include={"intercept", "weights", "typical"}))
    if chosen.slope > 0 and (after.auc or 0.0) > _CHANCE:
        file = file.model_copy(update={"slope": _rounded(chosen.slope), "offset": _rounded(chosen.offset)})
    else:
        notes.append("no probability: the score orders the newest changes no better than chance")
        after = after.model_copy(update={"calibration_error": None})
    file = file.model_copy(update={"before": before, "after": after})
    return Calibration(file, len(early), len(late), judged_bad, own_quality.auc, tuple(notes))


def objection(changes: Sequence[Measures], outcomes: Sequence[bool], shipped: RiskFile | None = None) -> str:
    """What speaks against own weights in place of `shipped` ones, "" for nothing; the changes are oldest first.

    Own weights are taken where, period after period, those learnt from all before would have ordered the changes
    better, so that the lower bound of the mean is above 0, and where the newest period agrees.
    """
    periods = _advantages(changes, outcomes, shipped)
    if periods and periods[-1].difference <= 0:
        return "own ones order the newest changes no better"
    bound = lower_bound(periods, _DEVIATIONS)
    if bound is None or bound <= 0:
        return "that own ones order later changes better may be chance"
    return ""


def _advantages(changes: Sequence[Measures], outcomes: Sequence[bool], shipped: RiskFile | None) -> list[Advantage]:
    """Of own weights over the shipped ones in each period of the newer half, learnt from all that was before it."""
    start = WEIGHTS if shipped is None else shipped.weights
    found: list[Advantage | None] = []
    for period in range(_PERIODS):
        first, last = (len(changes) * (_PERIODS + number) // (2 * _PERIODS) for number in (period, period + 1))
        own = learn(changes[:first], outcomes[:first], start=start)
        by_own, by_shipped = ([log_odds(each, model) for each in changes[first:last]] for model in (own, shipped))
        found.append(advantage(by_own, by_shipped, outcomes[first:last]))
    return [each for each in found if each is not None]


def _lacking(matured: int, bad: int) -> str:
    if matured < MATURED:
        seen = f"{count(matured, 'change')} of which the outcome is known for {MATURED_DAYS} days"
        return f"there are {seen}, and it takes {MATURED}: {MATURED - matured:,} are missing"
    for number, kind in ((bad, "bad"), (matured - bad, "good")):
        if number < MIN_OF_EACH:
            return f"only {number:,} of {matured:,} changes were {kind}, and it takes {MIN_OF_EACH}"
    return ""


def _own(rows: Sequence[_Row]) -> _Model:
    """Own weights, drawn to the shipped ones as far as there is little to learn from, and their probability."""
    odds: list[float] = []
    for fold in range(_FOLDS):
        first, last = fold * len(rows) // _FOLDS, (fold + 1) * len(rows) // _FOLDS
        odds += _Model(_fitted([*rows[:first], *rows[last:]])).odds(rows[first:last])
    return _scaled(_Model(_fitted(rows)), rows, odds)


def _fitted(rows: Sequence[_Row]) -> RiskFile:
    return learn([row.measures for row in rows], [row.bad for row in rows])


def _scaled(model: _Model, rows: Sequence[_Row], odds: Sequence[float]) -> _Model:
    """The model with its log-odds made a probability.

    J. C. Platt, "Probabilistic Outputs for Support Vector Machines" (1999); a rising curve, or none.
    """
    fitted = fit([[each] for each in odds], [row.bad for row in rows], nonnegative=[0], ridge=_LITTLE)
    return replace(model, slope=min(fitted.weights[0], _MAX_WEIGHT), offset=_bounded(fitted.intercept))


def _bounded(value: float) -> float:
    return round(min(max(value, -_MAX_WEIGHT), _MAX_WEIGHT), _DIGITS)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def learn(
    changes: Sequence[Measures],
    outcomes: Sequence[bool],
    *,
    start: Mapping[str, float] = WEIGHTS,
    features: Sequence[str] = FEATURES,
    nonnegative: Collection[str] = NEVER_LOWER,
    ridge: float = RIDGE,
    half_life: float = HALF_LIFE,
) -> RiskFile:
    """Weights and intercept for these changes (oldest first), drawn to `start`; True is one that needed a repair."""
    known = [logs(change) for change in changes]
    names = [name for name in features if any(each[name] is not None for each in known)]
    fitted = fit(
        [[each[name] or 0.0 for name in names] for each in known],
        outcomes,
        ridge=ridge,
        nonnegative=[index for index, name in enumerate(names) if name in nonnegative],
        importance=_recency(len(known), half_life),
        towards=[start.get(name, 0.0) for name in names],
    )
    weights = {name: _bounded(weight) for name, weight in zip(names, fitted.weights, strict=True)}
    return RiskFile(intercept=_bounded(fitted.intercept), weights=weights, typical=_typical(known, names))


def _recency(total: int, half_life: float) -> list[float]:
    """How much each of so many rows counts, the newest last, 1 on average."""
    counts = [0.5 ** ((1 - index / total) / half_life) for index in range(total)]
    mean = sum(counts) / max(1, total)
    return [each / mean for each in counts]


def _typical(known: Sequence[Mapping[str, float | None]], names: Sequence[str]) -> dict[str, float]:
    """The median of each feature that the diff alone does not give, among the changes of which it is known."""
    of_the_past = [name for name in names if name not in OF_THE_DIFF]
    values = {name: [value for each in known if (value := each[name]) is not None] for name in of_the_past}
    return {name: _bounded(median_low(fitted)) for name, fitted in values.items()}
