"""Logistic regression in plain Python, because a repository's own weights are not worth a numerical library.

Newton's method on standardised columns with a ridge: the optimum is the only one, so that the same data give the same
weights, and few data give small ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, log1p, sqrt
from operator import mul

_MAX_STEPS = 50
_MIN_STEP = 1e-9
_HALVINGS = 30
_MAX_NUMBER = 1e100

_Column = Sequence[float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The log-odds of True are `intercept` plus the sum of each weight times its column, in the columns' own units."""

    intercept: float
    weights: tuple[float, ...]


def fit(
    rows: Sequence[Sequence[float]],
    labels: Sequence[bool],
    *,
    ridge: float = 1.0,
    nonnegative: Collection[int] = (),
    importance: Sequence[float] = (),
    towards: Sequence[float] = (),
) -> Fitted:
    """The weights under which the labels are likeliest, less the ridge.

    `ridge` counts against the square of each weight times its column's standard deviation; with `towards`, against the
    distance from these weights (in the columns' own units). The weights of the columns in `nonnegative` are never below
    0. `importance` is how much each row counts, 1 when it is empty. Where nothing can be learnt (no rows, one class, a
    column that is constant) a weight is that of `towards`, or else 0.

    Raises:
        ValueError: When lengths differ, a number is not finite or beyond 1e100, an importance is negative or the ridge
            not above 0.
    """
    _check(rows, labels, ridge, importance, towards)
    if not rows:
        return Fitted(0.0, tuple(towards))
    counts = tuple(importance) or (1.0,) * len(rows)
    total = sum(counts)
    positives = sum(count for count, label in zip(counts, labels, strict=True) if label)
    width = len(rows[0])
    targets = tuple(towards) or (0.0,) * width
    columns = list(zip(*rows, strict=True)) if width else []
    means = [sum(map(mul, counts, column)) / (total or 1.0) for column in columns]
    # What explains nothing has the weight that it came with.
    weights = [max(0.0, target) if index in nonnegative else target for index, target in enumerate(targets)]
    if not 0 < positives < total:
        # Each class counts half a time more than it was seen: one class alone is no certainty.
        known = log((positives + 0.5) / (total - positives + 0.5))
        return Fitted(known - sum(map(mul, weights, means)), tuple(weights))
    spreads = [_spread(column, mean, counts, total) for column, mean in zip(columns, means, strict=True)]
    used = [index for index in range(width) if spreads[index]]
    standardised = ([(value - means[index]) / spreads[index] for value in columns[index]] for index in used)
    problem = _Problem(
        ([1.0] * len(rows), *standardised),
        tuple(map(float, labels)),
        counts,
        (0.0, *(ridge for _ in used)),
        (0.0, *(targets[index] * spreads[index] for index in used)),
    )
    bounded = {number for number, index in enumerate(used, 1) if index in nonnegative}
    solved = problem.solved(log(positives / (total - positives)), bounded)
    for number, index in enumerate(used, 1):
        weights[index] = solved[number] / spreads[index]
    return Fitted(solved[0] - sum(map(mul, weights, means)), tuple(weights))


def probability(log_odds: float) -> float:
    """The chance that log-odds stand for, without overflow at either end."""
    if log_odds >= 0:
        return 1 / (1 + exp(-min(log_odds, 700.0)))
    odds = exp(max(log_odds, -700.0))
    return odds / (1 + odds)


def _check(
    rows: Sequence[_Column], labels: Sequence[bool], ridge: float, importance: _Column, towards: _Column
) -> None:
    if len(rows) != len(labels) or (importance and len(importance) != len(rows)):
        raise ValueError("each row takes a label and, if any is given, an importance")
    if len({len(row) for row in rows} | ({len(towards)} if towards and rows else set())) > 1:
        raise ValueError("the rows differ in length")
    if not (isfinite(ridge) and ridge > 0):
        raise ValueError("the ridge has to be above 0")
    if not all(abs(value) <= _MAX_NUMBER for row in (*rows, importance, towards) for value in row):
        raise ValueError("a number is not finite, or too large")
    if any(count < 0 for count in importance):
        raise ValueError("an importance is negative")


def _spread(column: _Column, mean: float, counts: _Column, total: float) -> float:
    """The standard deviation, and 0 where it is but rounding."""
    spread = sqrt(sum(count * (value - mean) ** 2 for value, count in zip(column, counts, strict=True)) / total)
    return spread if spread > 1e-9 * max(1.0, abs(mean)) else 0.0


@dataclass(frozen=True, slots=True)
class _Problem:
    """Standardised columns (the first is the intercept's, of ones), outcomes, and what each row and weight counts."""

    columns: tuple[_Column, ...]
    outcomes: _Column
    importance: _Column
    ridge: _Column
    towards: _Column

    def solved(self, intercept: float, bounded: Collection[int]) -> list[float]:
        """The optimum with the weights in `bounded` held at 0 where they would be negative."""
        held: set[int] = set()
        while True:
            weights = self._optimum(intercept, [index for index in range(len(self.columns)) if index not in held])
            below = {index for index in bounded if weights[index] < 0}
            if not below:
                return weights
            held |= below

    def _optimum(self, intercept: float, free: Sequence[int]) -> list[float]:
        """The optimum with all weights but those in `free` at 0."""
        weights = [intercept, *(0.0 for _ in self.columns[1:])]
        odds, loss = self._evaluated(weights)
        for _ in range(_MAX_STEPS):
            step = self._step(weights, odds, free)
            if max(map(abs, step)) < _MIN_STEP:
                break
            for halving in range(_HALVINGS):
                moved = list(weights)
                for index, by in zip(free, step, strict=True):
                    moved[index] += by / 2**halving
                moved_odds, moved_loss = self._evaluated(moved)
                if moved_loss < loss:
                    break
            else:
                # Rounding alone is left.
                break
            weights, odds, loss = moved, moved_odds, moved_loss
        return weights

    def _evaluated(self, weights: Sequence[float]) -> tuple[list[float], float]:
        """The log-odds; and how unlikely the labels are, in nats, plus how far the weights from their targets."""
        odds = [weights[0]] * len(self.outcomes)
        for weight, column in zip(weights[1:], self.columns[1:], strict=True):
            if weight:
                odds = [each + weight * value for each, value in zip(odds, column, strict=True)]
        unlikely = sum(
            count * (max(each, 0.0) - each * outcome + log1p(exp(-abs(each))))
            for each, outcome, count in zip(odds, self.outcomes, self.importance, strict=True)
        )
        far = zip(self.ridge, weights, self.towards, strict=True)
        return odds, unlikely + sum(ridge * (weight - target) ** 2 for ridge, weight, target in far) / 2

    def _step(self, weights: Sequence[float], odds: Sequence[float], free: Sequence[int]) -> list[float]:
        chances = list(map(probability, odds))
        rows = list(zip(self.importance, self.outcomes, chances, strict=True))
        missed = [count * (outcome - chance) for count, outcome, chance in rows]
        certainty = [max(count * chance * (1 - chance), 1e-12) for count, _, chance in rows]
        columns = [self.columns[index] for index in free]
        slope = [
            sum(map(mul, self.columns[index], missed)) - self.ridge[index] * (weights[index] - self.towards[index])
            for index in free
        ]
        curvature = [
            [sum(map(mul, weighted, column)) for column in columns[: row + 1]]
            for row, weighted in enumerate(list(map(mul, column, certainty)) for column in columns)
        ]
        for row, index in enumerate(free):
            curvature[row][row] += self.ridge[index]
        return _solve(curvature, slope)


def _solve(lower: list[list[float]], right: Sequence[float]) -> list[float]:
    """Solve a symmetric, positive definite system of which the lower triangle is given (Cholesky)."""
    size = len(right)
    root: list[list[float]] = []
    halfway: list[float] = []
    for row in range(size):
        root.append([])
        for column in range(row + 1):
            rest = lower[row][column] - sum(map(mul, root[row][:column], root[column][:column]))
            root[row].append(sqrt(max(rest, 1e-12)) if row == column else rest / root[column][column])
        halfway.append((right[row] - sum(map(mul, root[row][:row], halfway))) / root[row][row])
    solution = [0.0] * size
    for row in reversed(range(size)):
        above = sum(root[later][row] * solution[later] for later in range(row + 1, size))
        solution[row] = (halfway[row] - above) / root[row][row]
    return solution
