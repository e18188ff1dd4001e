"""The weighted safety score: what each signal adds, what is missing, and what could be reached at best."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, isfinite
from types import MappingProxyType

from cicd_agent import __version__
from cicd_agent.domain.gate_evidence import SIGNALS, Reading, State
from cicd_agent.modes.deploy_gate.result import Band, Factor
from cicd_agent.settings.schema import Band as Limits
from cicd_agent.settings.schema import Settings

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"tests": 35.0, "coverage": 20.0, "review": 25.0, "failures": 10.0, "model": 10.0}
)
BANDS: Mapping[str, Limits] = MappingProxyType(
    {
        "tests": Limits(green=100, red=95),
        "coverage": Limits(green=0, red=-5),
        "review": Limits(green=1, red=0),
        "failures": Limits(green=5, red=20),
        "model": Limits(green=0.85, red=0.6),
    }
)
LOWER_IS_BETTER = frozenset({"failures"})
"""Signals that are green below their line; it matters where green and red are the same number."""
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"tests": (0, 100), "coverage": (-100, 100), "review": (0, 1), "failures": (0, 100), "model": (0, 1)}
)
"""What a signal's value can be at all."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a deployment is judged. `weights` are as they were set, 0 for a signal that is not applicable.

    `max_age` is in seconds. `required` are checks that must have passed, beside those of the rulesets.
    """

    threshold: float
    weights: Mapping[str, float]
    bands: Mapping[str, Limits]
    not_applicable: tuple[str, ...]
    required: tuple[str, ...]
    max_age: float


def policy(settings: Settings) -> Policy:
    """The policy that the settings make: the defaults, and what they put in their place."""
    ignored = tuple(name for name in SIGNALS if name in settings.not_applicable)
    weights: dict[str, float] = {str(name): weight for name, weight in settings.weights.items()}
    bands: dict[str, Limits] = {str(name): band for name, band in settings.thresholds.items()}
    return Policy(
        # A default that nobody wrote is a whole number, the same in a file is not: a policy is the same all the same.
        threshold=float(settings.threshold),
        weights={name: 0.0 if name in ignored else weights.get(name, WEIGHTS[name]) for name in SIGNALS},
        bands={**BANDS, **bands},
        not_applicable=ignored,
        required=tuple(dict.fromkeys(settings.required_checks)),
        max_age=float(settings.signal_max_age_hours * 3600),
    )


def digest(settings: Settings) -> str:
    """What an approval means by this policy: changes with each setting that can change a decision, and no other."""
    judged = policy(settings)
    told = {
        "version": __version__.partition(".")[0],
        "threshold": judged.threshold,
        "weights": dict(judged.weights),
        "bands": {name: [band.green, band.red] for name, band in judged.bands.items()},
        "not_applicable": list(judged.not_applicable),
        "required": sorted(judged.required),
        "max_age": judged.max_age,
        "failure_workflows": sorted(settings.failure_workflows),
        "incident_label": settings.incident_label,
        "freezes": {name: freeze.model_dump(mode="json") for name, freeze in settings.freezes.items()},
        "require_model": settings.require_model,
        "rules": dict(settings.rules),
        "paths_ignore": list(settings.paths_ignore),
        "fail_on": settings.fail_on,
        "min_confidence": float(settings.min_confidence),
    }
    return canonical(told)


def canonical(told: object) -> str:
    """16 hex digits of what is told, the same for the same whatever the order of its keys."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


FAULTS = frozenset({State.ERROR, State.TIMEOUT, State.STALE, State.NONSENSE})

_AGEING = frozenset({"tests", "coverage"})
_SKEW = 3_600
"""Seconds by which a clock elsewhere may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Score:
    """Scores are 0–100. `score` is with the model where one was heard, `without` that of the rules alone.

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
    if reading.value is None:
        return replace(reading, state=State.NONSENSE, problem=reading.problem or "it has no value")
    least, most = RANGES[reading.name]
    if not isfinite(reading.value) or not least <= reading.value <= most:
        return replace(reading, state=State.NONSENSE, problem=f"{reading.value:g} is no value of it")
    if reading.name in _AGEING and reading.measured:
        age = at - reading.measured
        if age > policy.max_age:
            return replace(
                reading,
                state=State.STALE,
                problem=f"it was measured more than {policy.max_age / 3600:g} hours ago",
            )
        if age < -_SKEW:
            return replace(reading, state=State.NONSENSE, problem="it was measured in the future")
    return reading


def share(value: float, limits: Limits, *, lower_is_better: bool = False) -> float:
    """How far a value is from red (0) to green (1). Where both are the same number it is one or the other."""
    if limits.green == limits.red:
        return float(value <= limits.green if lower_is_better else value >= limits.green)
    found = (value - limits.red) / (limits.green - limits.red)
    return min(max(found, 0.0), 1.0) if isfinite(found) else 0.0


def scored(policy: Policy, readings: Mapping[str, Reading]) -> Score:
    """The score of sound readings. A model that is MISSING was not heard: its weight is the others' then."""
    shares = {name: _share(readings[name], policy) for name in SIGNALS}
    silent = {"model"} if readings["model"].state is State.MISSING else set()
    weights = _normalised(policy.weights, silent)
    alone = _normalised(policy.weights, {"model"})
    there = {name: float(readings[name].state is not State.MISSING) for name in SIGNALS}
    return Score(
        score=_sum(weights, shares),
        without=_sum(alone, shares),
        reachable=_sum(alone, there),
        factors=tuple(_factor(readings[name], policy, weights[name], shares[name]) for name in SIGNALS),
    )


def missing(policy: Policy, readings: Mapping[str, Reading]) -> dict[str, float]:
    alone = _normalised(policy.weights, {"model"})
    return {name: alone[name] for name in SIGNALS if alone[name] and readings[name].state is State.MISSING}


def targets(policy: Policy, readings: Mapping[str, Reading]) -> dict[str, float]:
    """For each signal that could lift both scores to the threshold on its own: the value that does, to one decimal."""
    reached = scored(policy, readings)
    silent = {"model"} if readings["model"].state is State.MISSING else set()
    found = {}
    for name in SIGNALS:
        alone, weight = _normalised(policy.weights, {"model"})[name], _normalised(policy.weights, silent)[name]
        if name == "model" or not alone or not weight:
            continue
        wanted = max((policy.threshold - reached.without) / alone, (policy.threshold - reached.score) / weight, 0.0)
        target = _share(readings[name], policy) + wanted
        limits = policy.bands[name]
        value = limits.red + target * (limits.green - limits.red)
        if wanted and target <= 1 and isfinite(10 * value):
            away: Callable[[float], int] = ceil if limits.green >= limits.red else floor
            found[name] = away(round(10 * value, 6)) / 10
    return found


def _share(reading: Reading, policy: Policy) -> float:
    if reading.state is not State.KNOWN or reading.value is None:
        return 0.0
    name = reading.name
    return share(reading.value, policy.bands[name], lower_is_better=name in LOWER_IS_BETTER)


def _normalised(weights: Mapping[str, float], without: Iterable[str]) -> dict[str, float]:
    """The weights in percent of their sum, all 0 where nothing has a weight."""
    left = {name: 0.0 if name in without else weight for name, weight in weights.items()}
    total = sum(left.values())
    return {name: 100 * (weight / total) if total else 0.0 for name, weight in left.items()}


def _sum(weights: Mapping[str, float], shares: Mapping[str, float]) -> float:
    # Sums of shares are off by a rounding error: 75 must not be missed by it.
    return min(100.0, round(sum(weights[name] * shares[name] for name in SIGNALS), 2))


def _factor(reading: Reading, policy: Policy, weight: float, points: float) -> Factor:
    return Factor(
        name=reading.name,
        state=reading.state,
        band=_band(reading, policy, points),
        weight=round(weight, 2),
        points=round(weight * points, 2),
        words=reading.words or reading.problem,
        source=reading.source,
        measured=reading.measured,
        value=reading.value,
    )


def _band(reading: Reading, policy: Policy, found: float) -> Band:
    if reading.name in policy.not_applicable:
        return Band.NOT_APPLICABLE
    if reading.state in FAULTS:
        return Band.FAULT
    if reading.state is State.MISSING:
        return Band.MISSING
    if found >= 1:
        return Band.GREEN
    return Band.RED if found <= 0 else Band.AMBER
