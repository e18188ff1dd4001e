"""What a list of changes and their outcomes teaches of the weights: as little as few of them can bear out."""

from collections.abc import Collection, Mapping, Sequence
from statistics import median_low

from cicd_agent.analysis.risk.logistic import fit
from cicd_agent.analysis.risk.model import FEATURES, NEVER_LOWER, OF_THE_DIFF, RIDGE, WEIGHTS, logs
from cicd_agent.domain.risk_features import Measures
from cicd_agent.domain.risk_file import RiskFile

_MOST = 100.0
_DIGITS = 6


def learn(
    changes: Sequence[Measures],
    outcomes: Sequence[bool],
    *,
    start: Mapping[str, float] = WEIGHTS,
    features: Sequence[str] = FEATURES,
    nonnegative: Collection[str] = NEVER_LOWER,
    importance: Sequence[float] = (),
    ridge: float = RIDGE,
) -> RiskFile:
    """Weights and intercept for these changes, drawn to `start`; an outcome is True where a repair was needed.

    A feature that is not known of any change gets no weight. The rest is as in `logistic.fit`.
    """
    known = [logs(change) for change in changes]
    names = [name for name in features if any(each[name] is not None for each in known)]
    found = fit(
        [[each[name] or 0.0 for name in names] for each in known],
        outcomes,
        ridge=ridge,
        nonnegative=[index for index, name in enumerate(names) if name in nonnegative],
        importance=importance,
        towards=[start.get(name, 0.0) for name in names],
    )
    weights = {name: _bounded(weight) for name, weight in zip(names, found.weights, strict=True)}
    return RiskFile(intercept=_bounded(found.intercept), weights=weights, typical=_typical(known, names))


def _typical(known: Sequence[Mapping[str, float | None]], names: Sequence[str]) -> dict[str, float]:
    """The median of each feature that the diff alone does not give, among the changes of which it is known."""
    of_the_past = [name for name in names if name not in OF_THE_DIFF]
    values = {name: [value for each in known if (value := each[name]) is not None] for name in of_the_past}
    return {name: _bounded(median_low(found)) for name, found in values.items()}


def _bounded(value: float) -> float:
    """As the file can hold it."""
    return round(min(max(value, -_MOST), _MOST), _DIGITS)
