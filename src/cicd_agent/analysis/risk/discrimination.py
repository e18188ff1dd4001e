"""How well scores tell two kinds apart, and how far a probability can be taken at its word."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The chance that a random True has a higher score than a random False; a tie counts half.

    None where one of the two is missing.
    """
    positives = sum(1 for label in labels if label)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    won, below = 0.0, 0
    for _, tied in groupby(sorted(zip(scores, labels, strict=True), key=_score), key=_score):
        kinds = [label for _, label in tied]
        of_these = sum(1 for label in kinds if label)
        won += of_these * (below + (len(kinds) - of_these) / 2)
        below += len(kinds) - of_these
    return won / positives / negatives


def calibration_error(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float | None:
    """The expected calibration error: how far the promised share is from the seen one, over bins of equal width.

    Each bin counts by what is in it. None without labels.
    """
    promised, seen = [0.0] * bins, [0] * bins
    for chance, label in zip(probabilities, labels, strict=True):
        index = min(bins - 1, max(0, int(chance * bins)))
        promised[index] += chance
        seen[index] += bool(label)
    if not labels:
        return None
    return sum(abs(chance - count) for chance, count in zip(promised, seen, strict=True)) / len(labels)


def recall_at(scores: Sequence[float], labels: Sequence[bool], share: float = 0.2) -> float | None:
    """The share of all Trues among the highest scores, which are `share` of all, rounded up.

    Of scores that tie at the end, a part counts as that part of what they hold. None without a True.
    """
    positives = sum(1 for label in labels if label)
    if not positives:
        return None
    room = min(len(labels), ceil(round(share * len(labels), 6)))
    found = 0.0
    ranked = sorted(zip(scores, labels, strict=True), key=_score, reverse=True)
    for _, tied in groupby(ranked, key=_score):
        kinds = [label for _, label in tied]
        taken = min(room, len(kinds))
        found += sum(1 for label in kinds if label) * taken / len(kinds)
        room -= taken
        if not room:
            break
    return found / positives


def _score(scored: tuple[float, bool]) -> float:
    return scored[0]
