"""What to do before a deployment and what to watch after it: rules by the kinds of files that changed."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from math import ceil, exp, lgamma, log, sqrt

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.result import CanaryPower

_CHECKS: Mapping[PathKind, str] = {
    PathKind.MIGRATION: "take a backup and try the migration, and its way back, on a copy of the data",
    PathKind.DATABASE_SCHEMA: "compare the schema with that of the database, and have the migration that leads there",
    PathKind.AUTH: "log in, log out and try a forbidden page on staging, with an old session as well",
    PathKind.API_CONTRACT: "run the clients' contract tests against staging",
    PathKind.INFRASTRUCTURE: "read the plan of the infrastructure change: nothing that holds data is replaced",
    PathKind.DOCKERFILE: "start the image that will be deployed, and scan it",
    PathKind.DEPENDENCY_MANIFEST: "read what the changed dependencies announce as breaking",
    PathKind.LOCK_FILE: "compare the locked versions with those that were tested",
    PathKind.ENV_CONFIG: "see that the environment has every variable that the new version reads",
    PathKind.WORKFLOW: "see that the deployment's own workflow ran as it is now",
}
_FOCUS: Mapping[PathKind, str] = {
    PathKind.MIGRATION: "time and locks of database queries",
    PathKind.DATABASE_SCHEMA: "time and locks of database queries",
    PathKind.AUTH: "failed logins, and answers 401 and 403",
    PathKind.API_CONTRACT: "answers 4xx, by client",
    PathKind.INFRASTRUCTURE: "restarts, memory and processor time",
    PathKind.DOCKERFILE: "starts and restarts of containers",
    PathKind.DEPENDENCY_MANIFEST: "exceptions that were not seen before",
    PathKind.LOCK_FILE: "exceptions that were not seen before",
    PathKind.ENV_CONFIG: "errors at the start of the process",
}
_GENERAL = ("share of requests that fail", "time that requests take (p99)")
_NOT_DEPLOYED = frozenset({PathKind.TEST, PathKind.EXAMPLE, PathKind.DOCS})
_MIN_RISE = 0.01
_MAX_TEXTS = 5
_MAX_LENGTH = 300
_MAX_IN_MINUTES = 120


def touched(change: Change | None) -> frozenset[PathKind]:
    """The kinds of files that are changed; tests, examples and documents do not run there."""
    by_file = (change.kinds_of(file) for file in change.files) if change else ()
    return frozenset().union(*(each for each in by_file if not each & _NOT_DEPLOYED))


def checks(path_kinds: Collection[PathKind], of_model: Iterable[str]) -> tuple[str, ...]:
    return (*(text for kind, text in _CHECKS.items() if kind in path_kinds), *_of_model(of_model))


def focus(path_kinds: Collection[PathKind], of_model: Iterable[str], doubled: int | None) -> tuple[str, ...]:
    """What to watch after; `doubled` are the minutes after which the canary shows twice the errors."""
    rules = dict.fromkeys([*_GENERAL, *(text for kind, text in _FOCUS.items() if kind in path_kinds)])
    canary = []
    if doubled:
        span = f"{doubled} minutes" if doubled < _MAX_IN_MINUTES else f"{doubled / 60:.0f} hours"
        canary = [f"the canary: twice the failures show within {span}"]
    return (*rules, *canary, *_of_model(of_model))


def trigger(baseline: float, power: CanaryPower | None, of_model: Iterable[str]) -> str:
    limit, minutes = max(2 * baseline, baseline + _MIN_RISE), 5
    if power is not None and power.detectable < 1:
        limit, minutes = max(power.detectable, 2 * baseline), power.minutes
    rule = (
        f"roll back when more than {100 * min(1.0, limit):.1f} % of requests fail for {minutes} minutes"
        f" (normal: {100 * baseline:.3g} %)"
    )
    return "; ".join((rule, *_of_model(of_model)[:1]))


def _of_model(texts: Iterable[str]) -> tuple[str, ...]:
    lines = dict.fromkeys(clip(visible_line(" ".join(each.split())), _MAX_LENGTH) for each in texts)
    return tuple(f"{line} (model)" for line in list(filter(None, lines))[:_MAX_TEXTS])


# What a canary can see. It gets n requests. On a normal day the failures among them are Poisson with the mean n times
# the baseline (the binomial itself is no wider). One looks for `c` failures or more, with `c` the least number that a
# normal day reaches in at most 5 % of cases; a rise is seen when it reaches them in at least 80 %. For each `c` there
# is a greatest normal mean and a least raised one: both are quantiles of the gamma distribution, whatever n is.
ALPHA = 0.05
POWER = 0.8

_EXACT = 100
"""Up to so many failures quantiles are summed up; beyond, Wilson and Hilferty's form is closer than anybody needs."""
_Z = {ALPHA: -1.6448536269514722, POWER: 0.8416212335729143}
_MAX_FAILURES = 1 << 40


def canary_power(percentage: int, per_minute: float, baseline: float, minutes: int) -> CanaryPower | None:
    """The smallest rise that so many percent of the requests show within `minutes`, None where there is none to see."""
    requests = percentage / 100 * per_minute * minutes
    if requests <= 0 or not 0 < baseline < 1:
        return None
    failures = _min_failures(lambda c: _mean(c, ALPHA) >= requests * baseline)
    rate = _mean(failures, POWER) / requests
    if failures > 1:
        # More requests never show less: one failure less can be asked for of so many that chance still spares it.
        rate = min(rate, baseline * _mean(failures - 1, POWER) / _mean(failures - 1, ALPHA))
    return CanaryPower(percentage, per_minute, baseline, min(1.0, rate), minutes)


def minutes_to_double(percentage: int, per_minute: float, baseline: float) -> int | None:
    """The minutes after which twice the error rate is seen, None where there is nothing to see."""
    each_minute = percentage / 100 * per_minute
    if each_minute <= 0 or not 0 < baseline < 1:
        return None
    failures = _min_failures(lambda c: _mean(c, POWER) <= 2 * _mean(c, ALPHA))
    return max(1, ceil(_mean(failures, POWER) / (2 * baseline) / each_minute))


def _min_failures(holds: Callable[[int], bool]) -> int:
    """The least number of failures for which something holds that holds for all greater ones."""
    return 1 + bisect_left(range(1, _MAX_FAILURES), True, key=holds)  # noqa: FBT003  the value that is looked for


def _mean(failures: int, chance: float) -> float:
    """The mean at which so many failures or more come with this chance."""
    if failures > _EXACT:
        ninth = 1 / (9 * failures)
        return failures * float((1 - ninth + _Z[chance] * sqrt(ninth)) ** 3)
    low, high = 0.0, 3.0 * failures + 10
    for _ in range(60):
        mean = (low + high) / 2
        fewer = sum(exp(count * log(mean) - mean - lgamma(count + 1)) for count in range(failures))
        low, high = (mean, high) if 1 - fewer < chance else (low, mean)
    return high
