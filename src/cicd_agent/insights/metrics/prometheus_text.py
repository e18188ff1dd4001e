"""Samples as Prometheus text, and the strict reading of what we wrote."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from cicd_agent.domain.metric import ForeignTextError, Metric, MetricKind, Sample
from cicd_agent.insights.metrics.registry import METRICS, PREFIX

_SERIES = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)', re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"(?:,|$)', re.ASCII)
_ESCAPED = re.compile(r"\\(.)")
_SUFFIX = re.compile(r"(.+)_(bucket|sum|count)")


def exposition(samples: Iterable[Sample]) -> str:
    """The samples as text, in the order of the registry; nothing of a metric without one."""
    found: dict[str, list[Sample]] = {}
    for each in samples:
        found.setdefault(each.metric.name, []).append(each)
    lines: list[str] = []
    for metric in METRICS.values():
        if own := found.get(metric.name):
            lines += [f"# HELP {metric.name} {_line_escaped(metric.help)}", f"# TYPE {metric.name} {metric.kind}"]
            for each in sorted(own, key=lambda each: each.labels):
                lines += _lines(each)
    return "".join(f"{line}\n" for line in lines)


def _lines(each: Sample) -> Iterator[str]:
    metric = each.metric
    labels = [(label.name, value) for label, value in zip(metric.labels, each.labels, strict=True)]
    if metric.kind is not MetricKind.HISTOGRAM:
        yield f"{metric.name}{_labels(labels)} {_number(each.value)}"
        return
    for bound, number in zip(_bounds(metric), each.cumulative, strict=True):
        yield f"{metric.name}_bucket{_labels([*labels, ('le', bound)])} {number}"
    yield f"{metric.name}_sum{_labels(labels)} {_number(each.value)}"
    yield f"{metric.name}_count{_labels(labels)} {each.cumulative[-1]}"


def _bounds(metric: Metric) -> tuple[str, ...]:
    return (*(f"{bound:g}" for bound in metric.buckets), "+Inf")


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    escaped = ((name, _line_escaped(value).replace('"', '\\"')) for name, value in labels)
    inside = ",".join(f'{name}="{value}"' for name, value in escaped)
    return f"{{{inside}}}" if inside else ""


def _line_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


_Series = dict[tuple[str, tuple[str, ...]], dict[str, str]]
"""By metric and labels; of a histogram its lines, of anything else one with the name ""."""


def parse(text: str) -> tuple[Sample, ...]:
    """The samples of a text that `exposition` made, also by another version: what this one does not count is dropped.

    Raises ForeignTextError for anything else.
    """
    kinds: dict[str, str] = {}
    series: _Series = {}
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.startswith("# TYPE "):
                kinds.update([_typed(line)])
            elif line.strip() and not line.startswith(f"# HELP {PREFIX}"):
                _read(line, kinds, series)
        except ValueError as error:
            raise ForeignTextError(f"line {number}: {error}") from None
    samples: list[Sample] = []
    for (name, labels), parts in series.items():
        metric = METRICS[name]
        if metric.kind is not MetricKind.HISTOGRAM:
            samples.append(Sample(metric, labels, float(parts[""])))
            continue
        try:
            samples += _histogram(metric, labels, parts)
        except (KeyError, ValueError):
            raise ForeignTextError(f"a histogram of {name} is not whole") from None
    return tuple(samples)


def _typed(line: str) -> tuple[str, str]:
    _, _, name, kind = line.split(" ")
    if not name.startswith(PREFIX):
        raise ValueError("a metric of somebody else")
    return name, kind


def _read(line: str, kinds: Mapping[str, str], series: _Series) -> None:
    """One line with a value."""
    matched = _SERIES.fullmatch(line)
    if matched is None:
        raise ValueError("no sample")
    name, inside, text = matched[1], matched[2] or "", matched[3]
    labels = {found[1]: _ESCAPED.sub(_unescaped, found[2]) for found in _LABEL.finditer(inside)}
    ending = _SUFFIX.fullmatch(name)
    base, part = (ending[1], ending[2]) if ending and kinds.get(ending[1]) == "histogram" else (name, "")
    if base not in kinds:
        raise ValueError("a sample without its type")
    part += f" {labels.pop('le', '')}" if part == "bucket" else ""
    metric = METRICS.get(base)
    if metric is None or kinds[base] != metric.kind or labels.keys() != {label.name for label in metric.labels}:
        return
    value = float(text)
    if not math.isfinite(value) or (metric.kind is not MetricKind.GAUGE and value < 0):
        raise ValueError("no count")
    if metric.kind is MetricKind.HISTOGRAM and not part:
        raise ValueError("a histogram without its parts")
    parts = series.setdefault((base, tuple(labels[label.name] for label in metric.labels)), {})
    if part in parts:
        raise ValueError("the same sample twice")
    parts[part] = text


def _histogram(metric: Metric, labels: tuple[str, ...], parts: Mapping[str, str]) -> Iterator[Sample]:
    """It as a sample, none with the buckets of another version. Raises KeyError or ValueError when it is not whole."""
    total, number = float(parts["sum"]), int(parts["count"])
    if [part for part in parts if part.startswith("bucket")] != [f"bucket {bound}" for bound in _bounds(metric)]:
        return
    cumulative = [int(parts[f"bucket {bound}"]) for bound in _bounds(metric)]
    counts = tuple(after - before for before, after in pairwise([0, *cumulative]))
    if min(counts) < 0 or cumulative[-1] != number:
        raise ValueError("it does not add up")
    yield Sample(metric, labels, total, counts)


def _unescaped(found: re.Match[str]) -> str:
    match found[1]:
        case "n":
            return "\n"
        case "\\" | '"' as character:
            return character
        case _:
            raise ValueError("an escape that there is not")
