"""How well scores tell bad changes from good ones, and whether one way of scoring does so better than another."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance

_FEWEST = 2
"""Without so many of each kind a difference has no known error."""


@dataclass(frozen=True, slots=True)
class Advantage:
    """How much larger one area under the ROC curve is than another, and the square of that difference's error."""

    difference: float
    error_squared: float


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The chance that a random True has a higher score than a random False; a tie counts half."""
    of_positives, _ = _placements(scores, labels)
    return fmean(of_positives) if 0 < len(of_positives) < len(labels) else None


def advantage(scores: Sequence[float], others: Sequence[float], labels: Sequence[bool]) -> Advantage | None:
    """Of `scores` over `others` on the same changes; None with fewer than two of a kind.

    DeLong, DeLong & Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating Characteristic
    Curves", Biometrics 44 (1988).
    """
    pairs = zip(_placements(scores, labels), _placements(others, labels), strict=True)
    of_positives, of_negatives = ([a - b for a, b in zip(*pair, strict=True)] for pair in pairs)
    if min(len(of_positives), len(of_negatives)) < _FEWEST:
        return None
    error = variance(of_positives) / len(of_positives) + variance(of_negatives) / len(of_negatives)
    return Advantage(fmean(of_positives), error)


def lower_bound(advantages: Sequence[Advantage], deviations: float) -> float | None:
    """What the mean advantage over several periods is at least, so many standard errors below it.

    The error is the larger one of that within the periods and that between them: people change how they work. None
    with fewer than two periods.
    """
    if len(advantages) < _FEWEST:
        return None
    differences = [each.difference for each in advantages]
    within = sum(each.error_squared for each in advantages) / len(advantages) ** 2
    return fmean(differences) - deviations * sqrt(max(within, variance(differences) / len(advantages)))


def _placements(scores: Sequence[float], labels: Sequence[bool]) -> tuple[list[float], list[float]]:
    """For each True the share of Falses below it, for each False that of Trues above it; ties count half."""
    of_labels = list(zip(scores, labels, strict=True))
    positives, negatives = ([score for score, label in of_labels if bool(label) is kind] for kind in (True, False))
    return _shares_below(positives, negatives), [1 - share for share in _shares_below(negatives, positives)]


def _shares_below(scores: Sequence[float], others: Sequence[float]) -> list[float]:
    rising = sorted(others)
    ties = max(1, 2 * len(others))
    return [(bisect_left(rising, each) + bisect_right(rising, each)) / ties for each in scores]


def calibration_error(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float | None:
    """The expected calibration error: how far the promised share is from the seen one, over bins of equal width."""
    promised, seen = [0.0] * bins, [0] * bins
    for chance, label in zip(probabilities, labels, strict=True):
        index = min(bins - 1, max(0, int(chance * bins)))
        promised[index] += chance
        seen[index] += bool(label)
    if not labels:
        return None
    return sum(abs(chance - count) for chance, count in zip(promised, seen, strict=True)) / len(labels)
