"""What counts how much, and from where on: the settings that decide, in one value with a digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cicd_agent import __version__
from cicd_agent.domain.gate_evidence import SIGNALS
from cicd_agent.settings.schema import Band, Settings

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"tests": 35.0, "coverage": 20.0, "review": 25.0, "failures": 10.0, "model": 10.0}
)
BANDS: Mapping[str, Band] = MappingProxyType(
    {
        "tests": Band(green=100, red=95),
        "coverage": Band(green=0, red=-5),
        "review": Band(green=1, red=0),
        "failures": Band(green=5, red=20),
        "model": Band(green=0.85, red=0.6),
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
    bands: Mapping[str, Band]
    not_applicable: tuple[str, ...]
    required: tuple[str, ...]
    max_age: float


def policy(settings: Settings) -> Policy:
    """The policy that the settings make: the defaults, and what they put in their place."""
    ignored = tuple(name for name in SIGNALS if name in settings.not_applicable)
    weights: dict[str, float] = {str(name): weight for name, weight in settings.weights.items()}
    bands: dict[str, Band] = {str(name): band for name, band in settings.thresholds.items()}
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
