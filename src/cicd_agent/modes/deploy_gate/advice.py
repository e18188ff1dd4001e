"""How carefully to deploy, what to do before and what to watch after: rules by the kinds of files that changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, exp, lgamma, log, sqrt
from types import MappingProxyType

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.result import CanaryPower, Strategy
from cicd_agent.settings.schema import Route, Settings

MONITOR_MINUTES: Mapping[RiskLevel, int] = MappingProxyType(
    {RiskLevel.LOW: 5, RiskLevel.MEDIUM: 15, RiskLevel.HIGH: 30, RiskLevel.CRITICAL: 30}
)
"""How long a deployment is watched where the config does not say."""

_STRATEGIES: Mapping[RiskLevel, tuple[Strategy, int]] = MappingProxyType(
    {
        RiskLevel.LOW: ("rolling", 0),
        RiskLevel.MEDIUM: ("rolling", 0),
        RiskLevel.HIGH: ("canary", 10),
        RiskLevel.CRITICAL: ("canary", 5),
    }
)
_CANARY = 10
_CHECKS: Mapping[PathKind, str] = MappingProxyType(
    {
        PathKind.MIGRATION: "take a backup and try the migration, and its way back, on a copy of the data",
        PathKind.AUTH: "log in, log out and try a forbidden page on staging, with an old session as well",
        PathKind.API_CONTRACT: "run the clients' contract tests against staging",
        PathKind.INFRASTRUCTURE: "read the plan of the infrastructure change: nothing that holds data is replaced",
        PathKind.DOCKERFILE: "start the image that will be deployed, and scan it",
        PathKind.DEPENDENCY_MANIFEST: "read what the changed dependencies announce as breaking",
        PathKind.LOCK_FILE: "compare the locked versions with those that were tested",
        PathKind.ENV_CONFIG: "see that the environment has every variable that the new version reads",
        PathKind.WORKFLOW: "see that the deployment's own workflow ran as it is now",
    }
)
_WATCH: Mapping[PathKind, str] = MappingProxyType(
    {
        PathKind.MIGRATION: "time and locks of database queries",
        PathKind.AUTH: "failed logins, and answers 401 and 403",
        PathKind.API_CONTRACT: "answers 4xx, by client",
        PathKind.INFRASTRUCTURE: "restarts, memory and processor time",
        PathKind.DOCKERFILE: "starts and restarts of containers",
        PathKind.DEPENDENCY_MANIFEST: "exceptions that were not seen before",
        PathKind.LOCK_FILE: "exceptions that were not seen before",
        PathKind.ENV_CONFIG: "errors at the start of the process",
    }
)
_ALWAYS = ("share of requests that fail", "time that requests take (p99)")
_LEAST_RISE = 0.01
_MOST = 5
_LONGEST = 300


def touched(change: Change | None) -> frozenset[PathKind]:
    """The kinds of files that are changed; tests, examples and vendored files do not run there."""
    aside = {PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS}
    found = (kinds(file.path) for file in (change.files if change else ()))
    return frozenset().union(*(each for each in found if not each & aside))


def strategy(level: RiskLevel, settings: Settings, *, urgent: bool) -> tuple[Strategy, int]:
    """How to deploy and the percentage of the canary, 0 without one. What repairs does not wait for a canary."""
    if urgent:
        return "hotfix", 0
    route = settings.routes.get(level.value, Route())
    how, percentage = _STRATEGIES[level]
    if route.strategy is not None:
        how, percentage = route.strategy, (percentage or _CANARY) if route.strategy == "canary" else 0
    if route.canary_percentage is not None and how == "canary":
        percentage = route.canary_percentage
    return how, percentage


def monitor_minutes(level: RiskLevel, settings: Settings) -> int:
    given = settings.routes.get(level.value, Route()).monitor_minutes
    return MONITOR_MINUTES[level] if given is None else given


def checks(found: Iterable[PathKind], said: Sequence[str]) -> tuple[str, ...]:
    there = frozenset(found)
    return (*(text for kind, text in _CHECKS.items() if kind in there), *_of_model(said))


def focus(found: Iterable[PathKind], said: Sequence[str], doubled: int | None = None) -> tuple[str, ...]:
    """What to watch after; `doubled` are the minutes after which the canary shows twice the errors."""
    there = frozenset(found)
    rules = dict.fromkeys([*_ALWAYS, *(text for kind, text in _WATCH.items() if kind in there)])
    seen = [f"the canary: twice the failures show within {_span(doubled)}"] if doubled else []
    return (*rules, *seen, *_of_model(said))


def trigger(baseline: float, sight: CanaryPower | None, said: Sequence[str]) -> str:
    """When to go back, in numbers."""
    limit, minutes = min(1.0, max(2 * baseline, baseline + _LEAST_RISE)), 5
    if sight is not None and sight.detectable < 1:
        limit, minutes = max(sight.detectable, 2 * baseline), sight.minutes
    spoken = _of_model(said)
    rule = (
        f"roll back when more than {100 * min(1.0, limit):.1f} % of requests fail for {minutes} minutes"
        f" (normal: {100 * baseline:.3g} %)"
    )
    return "; ".join((rule, *spoken[:1]))


def _of_model(said: Sequence[str]) -> tuple[str, ...]:
    lines = dict.fromkeys(clip(visible_line(" ".join(each.split())), _LONGEST) for each in said)
    return tuple(f"{line} (model)" for line in list(filter(None, lines))[:_MOST])


def _span(minutes: int) -> str:
    hours = 120
    return f"{minutes} minutes" if minutes < hours else f"{minutes / 60:.0f} hours"


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
