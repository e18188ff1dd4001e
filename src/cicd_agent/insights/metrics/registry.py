"""Every metric that there is, with the values that its labels may have; registry.toml lists them."""

import tomllib
from importlib.resources import files
from typing import Any, Final

from cicd_agent.domain.metric import OTHER, Label, Metric, MetricKind, Sample
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of

PREFIX: Final = "cicd_agent_"
DECISIONS: Final = {name: contract_of(name).decisions for name in MODES}
"""What each mode may come to; each may also decline or fail."""
EITHER: Final = ("declined", "failed")

_LABELS: Final = {
    "mode": Label("mode", (*MODES, OTHER)),
    "decision": Label(
        "decision", tuple(dict.fromkeys([*(each for own in DECISIONS.values() for each in own), *EITHER]))
    ),
    "model": Label("model", max_values=20),
    "repository": Label("repository", max_values=200),
}


def _metric(name: str, table: dict[str, Any]) -> Metric:
    labels = tuple(_LABELS.get(label) or Label(label, tuple(values)) for label, values in table["labels"].items())
    buckets = tuple(table.get("buckets", ()))
    return Metric(PREFIX + name, MetricKind(table["kind"]), table["help"], labels, buckets, table.get("latest", False))


_TABLES: Final = tomllib.loads(files(__package__).joinpath("registry.toml").read_text("utf-8"))
METRICS: Final = {PREFIX + name: _metric(name, table) for name, table in _TABLES.items()}


def sample(name: str, value: float = 1.0, /, **labels: str) -> Sample:
    return METRICS[PREFIX + name].sample(value, **labels)


def label_values(name: str, label: str) -> tuple[str, ...]:
    return next(each.values for each in METRICS[PREFIX + name].labels if each.name == label)
