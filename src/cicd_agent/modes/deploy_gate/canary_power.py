"""What a canary can see: the smallest rise of the error rate that is no chance, and how long it takes.

A canary sees n requests. On a normal day the failures among them are Poisson with the mean n times the baseline (the
binomial itself is no wider). One looks for `c` failures or more, with `c` the least number that a normal day reaches in
at most 5 % of cases; a rise is seen when it reaches them in at least 80 %. For each `c` there is a greatest normal
mean and a least raised one: both are quantiles of the gamma distribution, whatever n is.
"""

from collections.abc import Callable
from math import ceil, exp, lgamma, log, sqrt

from cicd_agent.modes.deploy_gate.result import CanaryPower

ALPHA = 0.05
POWER = 0.8

_EXACT = 100
"""Up to so many failures quantiles are summed up; beyond, Wilson and Hilferty's form is closer than anybody needs."""
_Z = {ALPHA: -1.6448536269514722, POWER: 0.8416212335729143}
_MOST_FAILURES = 1 << 40


def sight(percentage: int, per_minute: float, baseline: float, minutes: int) -> CanaryPower | None:
    """The smallest rise that `percentage` % of the requests show within `minutes`, None where there is none to see.

    More requests never show less: whoever has more can look at fewer. A `detectable` of 1 means that nothing is seen.
    """
    seen = percentage / 100 * per_minute * minutes
    if seen <= 0 or not 0 < baseline < 1:
        return None
    return CanaryPower(percentage, per_minute, baseline, _detectable(seen, baseline), minutes)


def minutes_to_double(percentage: int, per_minute: float, baseline: float) -> int | None:
    """The minutes after which twice the error rate is seen, None where there is nothing to see."""
    each = percentage / 100 * per_minute
    if each <= 0 or not 0 < baseline < 1:
        return None
    failures = _least(lambda c: _mean(c, POWER) <= 2 * _mean(c, ALPHA))
    return max(1, ceil(_mean(failures, POWER) / (2 * baseline) / each))


def _detectable(seen: float, baseline: float) -> float:
    failures = _least(lambda c: _mean(c, ALPHA) >= seen * baseline)
    rate = _mean(failures, POWER) / seen
    if failures > 1:
        # One failure less can be asked for where one looks at just so many requests that chance still spares it.
        fewer = failures - 1
        rate = min(rate, baseline * _mean(fewer, POWER) / _mean(fewer, ALPHA))
    return min(1.0, rate)


def _least(holds: Callable[[int], bool]) -> int:
    """The least number of failures for which something holds that holds for all greater ones."""
    high = 1
    while high < _MOST_FAILURES and not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _mean(failures: int, chance: float) -> float:
    """The mean at which so many failures or more come with this chance."""
    if failures > _EXACT:
        ninth = 1 / (9 * failures)
        return failures * float((1 - ninth + _Z[chance] * sqrt(ninth)) ** 3)
    low, high = 0.0, 3.0 * failures + 10
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(failures, middle) < chance else (low, middle)
    return high


def _at_least(failures: int, mean: float) -> float:
    if mean <= 0:
        return 0.0
    return 1 - sum(exp(count * log(mean) - mean - lgamma(count + 1)) for count in range(failures))
