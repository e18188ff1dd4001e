"""What counts how much, from where on, and the weighted safety score that comes of it."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, inf, isfinite, log10

from cicd_agent import __version__
from cicd_agent.domain.gate_evidence import SIGNALS, Reading, State
from cicd_agent.modes.deploy_gate.result import Band, Factor
from cicd_agent.modes.deploy_gate.signals.team_signals import signals_of
from cicd_agent.settings.schema import Band as Limits
from cicd_agent.settings.schema import Settings

WEIGHTS: Mapping[str, float] = {"tests": 35.0, "coverage": 20.0, "review": 25.0, "failures": 10.0, "model": 10.0}
BANDS: Mapping[str, Limits] = {
    "tests": Limits(green=100, red=95),
    "coverage": Limits(green=0, red=-5),
    "review": Limits(green=1, red=0),
    "failures": Limits(green=5, red=20),
    "model": Limits(green=0.85, red=0.6),
}
RANGES: Mapping[str, tuple[float, float]] = {
    "tests": (0, 100), "coverage": (-100, 100), "review": (0, 1), "failures": (0, 100), "model": (0, 1)
}  # fmt: skip
"""What a signal's value can be at all."""
FAULTS = frozenset({State.ERROR, State.TIMEOUT, State.STALE, State.NONSENSE})

_LOWER_IS_BETTER = frozenset({"failures"})
"""Signals that are green below their line; it matters where green and red are the same number."""
_AGEING = frozenset({"tests", "coverage"})
_SKEW = 3_600
"""Seconds by which a clock elsewhere may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a deployment is judged. `weights` are as they were set, 0 for a signal that is not applicable.

    `max_age` is in seconds. `required` are checks that must have passed, beside those of the rulesets; `ignored` are
    patterns of the names of others that do not count. `stops` are the team's own signals that hold by themselves.
    """

    threshold: float
    weights: Mapping[str, float]
    bands: Mapping[str, Limits]
    not_applicable: tuple[str, ...]
    required: tuple[str, ...]
    max_age: float
    stops: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    bot_policy: str = "off"


def policy(settings: Settings, environment: str = "") -> Policy:
    own = signals_of(settings, environment)
    ignored = tuple(name for name in SIGNALS if name in settings.not_applicable)
    weights: dict[str, float] = {str(name): weight for name, weight in settings.weights.items()}
    bands: dict[str, Limits] = {str(name): limits for name, limits in settings.thresholds.items()}
    return Policy(
        # A default that nobody wrote is a whole number, the same in a file is not: a policy is the same all the same.
        threshold=float(settings.threshold),
        weights={
            **{name: 0.0 if name in ignored else weights.get(name, WEIGHTS[name]) for name in SIGNALS},
            **{name: float(signal.weight) for name, signal in own.items()},
        },
        bands={
            **BANDS,
            **bands,
            **{name: Limits(green=signal.green, red=signal.red) for name, signal in own.items()},
        },
        not_applicable=ignored,
        required=tuple(dict.fromkeys(settings.required_checks)),
        max_age=float(settings.signal_max_age_hours * 3600),
        stops=tuple(name for name, signal in own.items() if signal.stop),
        ignored=tuple(dict.fromkeys(settings.ignore_checks)),
        bot_policy=settings.bot_policy,
    )


def digest(settings: Settings) -> str:
    """What an approval means by this policy: changes with each setting that can change a decision, and no other."""
    rules = policy(settings)
    return canonical(
        {
            "version": __version__.partition(".")[0],
            "threshold": rules.threshold,
            "weights": rules.weights,
            "bands": {name: [limits.green, limits.red] for name, limits in rules.bands.items()},
            "signals": {name: signal.model_dump(mode="json") for name, signal in settings.signals.items()},
            "not_applicable": rules.not_applicable,
            "required": sorted(rules.required),
            "ignored": sorted(rules.ignored),
            "bot_policy": rules.bot_policy,
            "max_age": rules.max_age,
            "failure_workflows": sorted(settings.failure_workflows),
            "environment_aliases": {name: sorted(names) for name, names in settings.environment_aliases.items()},
            "incident_label": settings.incident_label,
            "freezes": {name: freeze.model_dump(mode="json") for name, freeze in settings.freezes.items()},
            "require_model": settings.require_model,
            "rules": settings.rules,
            "paths_ignore": settings.paths_ignore,
            "risk": settings.risk.model_dump(mode="json"),
            "services": {name: each.model_dump(mode="json") for name, each in settings.services.items()},
            "fail_on": settings.fail_on,
            "min_confidence": float(settings.min_confidence),
        }
    )


HASH_DIGITS = 16


def canonical(value: object) -> str:
    """16 hex digits of a value, the same whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:HASH_DIGITS]


@dataclass(frozen=True, slots=True)
class Score:
    """Scores are 0–100. `score` is with the model where one answered, `without` that of the rules alone.

    `reachable` is the best that the rules alone could come to while what is missing stays missing.
    """

    score: float
    without: float
    reachable: float
    factors: tuple[Factor, ...]


def sound(reading: Reading, policy: Policy, at: int) -> Reading:
    """The reading, less what cannot be believed of it: a value that is none, or one that is too old."""
    if reading.state is not State.KNOWN:
        return reading
    state, problem = State.NONSENSE, ""
    minimum, maximum = RANGES.get(reading.name, (-inf, inf))
    age = at - reading.measured if reading.name in _AGEING and reading.measured else 0
    if reading.value is None:
        problem = reading.problem or "it has no value"
    elif not isfinite(reading.value) or not minimum <= reading.value <= maximum:
        problem = f"{reading.value:g} is no value of it"
    elif age > policy.max_age:
        state, problem = State.STALE, f"it was measured more than {policy.max_age / 3600:g} hours ago"
    elif age < -_SKEW:
        problem = "it was measured in the future"
    return replace(reading, state=state, problem=problem) if problem else reading


def share(value: float, limits: Limits, *, lower_is_better: bool = False) -> float:
    """How far a value is from red (0) to green (1). Where both are the same number it is one or the other."""
    if limits.green == limits.red:
        return float(value <= limits.green if lower_is_better else value >= limits.green)
    ratio = (value - limits.red) / (limits.green - limits.red)
    return min(max(ratio, 0.0), 1.0) if isfinite(ratio) else 0.0


def below_red(value: float, limits: Limits) -> bool:
    """Whether a value is worse than the limit: with the same number for both, less is worse."""
    return value < limits.red if limits.green >= limits.red else value > limits.red


def scored(policy: Policy, readings: Mapping[str, Reading]) -> Score:
    """The score of sound readings.

    A model that is MISSING gave no answer, and what is ABSENT is not there to be had: their weight is the others' then.
    """
    shares = {name: _share(readings[name], policy) for name in policy.weights}
    weights, of_rules = _both_weights(policy, readings)
    there = {name: float(readings[name].state is not State.MISSING) for name in policy.weights}
    return Score(
        score=_sum(weights, shares),
        without=_sum(of_rules, shares),
        reachable=_sum(of_rules, there),
        factors=tuple(_factor(readings[name], policy, weights[name], shares[name]) for name in policy.weights),
    )


def missing(policy: Policy, readings: Mapping[str, Reading]) -> dict[str, float]:
    _, of_rules = _both_weights(policy, readings)
    return {name: weight for name, weight in of_rules.items() if weight and readings[name].state is State.MISSING}


def targets(policy: Policy, readings: Mapping[str, Reading]) -> dict[str, float]:
    """For each signal that could lift both scores to the threshold on its own: the value that does, rounded up to it.

    To one decimal; of a team's own signals to a hundredth of the way from red to green.
    """
    weights, of_rules = _both_weights(policy, readings)
    reached = scored(policy, readings)
    results = {}
    for name, limits in policy.bands.items():
        if not of_rules[name] or not weights[name]:
            continue
        gap = max(
            (policy.threshold - reached.without) / of_rules[name], (policy.threshold - reached.score) / weights[name]
        )
        target = _share(readings[name], policy) + gap
        scale = 10.0 if name in BANDS else _scale(limits)
        value = scale * (limits.red + target * (limits.green - limits.red))
        if gap > 0 and target <= 1 and isfinite(value):
            away = ceil if limits.green >= limits.red else floor
            results[name] = away(round(value, 6)) / scale
    return results


def _scale(limits: Limits) -> float:
    """The power of ten that makes whole numbers of a hundredth of the way from red to green."""
    width = abs(limits.green - limits.red) or abs(limits.green) or 1.0
    return 10.0 ** min(max(2 - floor(log10(width)), 0), 12)


def _both_weights(policy: Policy, readings: Mapping[str, Reading]) -> tuple[dict[str, float], dict[str, float]]:
    """The weights with the model, where one answered, and those of the rules alone."""
    absent = {name for name, reading in readings.items() if reading.state is State.ABSENT}
    without = absent | {"model"}
    has_model = readings["model"].state is not State.MISSING
    return _weights(policy, absent if has_model else without), _weights(policy, without)


def _weights(policy: Policy, left_out: Collection[str]) -> dict[str, float]:
    """The weights in percent of their sum, all 0 where nothing has a weight."""
    left = {name: 0.0 if name in left_out else weight for name, weight in policy.weights.items()}
    total = sum(left.values())
    return {name: 100 * (weight / total) if total else 0.0 for name, weight in left.items()}


def _share(reading: Reading, policy: Policy) -> float:
    if reading.state is not State.KNOWN or reading.value is None:
        return 0.0
    return share(reading.value, policy.bands[reading.name], lower_is_better=reading.name in _LOWER_IS_BETTER)


def _sum(weights: Mapping[str, float], shares: Mapping[str, float]) -> float:
    # Sums of shares are off by a rounding error: 75 must not be missed by it.
    return min(100.0, round(sum(weight * shares[name] for name, weight in weights.items()), 2))


def _factor(reading: Reading, policy: Policy, weight: float, share: float) -> Factor:
    if reading.name in policy.not_applicable or reading.state is State.ABSENT:
        band = Band.NOT_APPLICABLE
    elif reading.state in FAULTS:
        band = Band.FAULT
    elif reading.state is State.MISSING:
        band = Band.MISSING
    else:
        band = Band.GREEN if share >= 1 else Band.RED if share <= 0 else Band.AMBER
    return Factor(
        name=reading.name,
        state=reading.state,
        band=band,
        weight=round(weight, 2),
        points=round(weight * share, 2),
        words=reading.words or reading.problem,
        source=reading.source,
        measured=reading.measured,
        value=reading.value,
    )
