"""The page of the metrics, docs/reference/metrics.md, made from the registry so that it cannot fall behind."""

from collections.abc import Iterable
from importlib.resources import files
from string import Template

from cicd_agent.domain.metric import Label
from cicd_agent.insights.metrics.registry import DECISIONS, EITHER, METRICS

_MANY = 12


def page() -> str:
    """The whole page, in Markdown."""
    text = Template(files(__package__).joinpath("page.md").read_text("utf-8"))
    return text.substitute(values=_values(), table=_metrics())


def _metrics() -> str:
    rows = [
        f"| `{metric.name}` | {metric.kind} | {_listed(label.name for label in metric.labels)} | {metric.help} |"
        for metric in sorted(METRICS.values(), key=lambda metric: metric.name)
    ]
    return "\n".join(["| metric | type | labels | counts |", "|---|---|---|---|", *rows])


def _values() -> str:
    """The closed labels, each list once."""
    lists: dict[Label, list[str]] = {}
    for metric in METRICS.values():
        for label in metric.labels:
            if label.values and label.name != "decision":
                lists.setdefault(label, []).append(metric.name)
    rows = [
        f"| `{label.name}` | {_listed(names) if len(names) < _MANY else 'most metrics'} | {_listed(label.values)} |"
        for label, names in lists.items()
    ]
    decided = [f"| `decision` | `{mode}` | {_listed([*own, *EITHER])} |" for mode, own in DECISIONS.items()]
    return "\n".join(["| label | of | values |", "|---|---|---|", *rows, *decided])


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)
