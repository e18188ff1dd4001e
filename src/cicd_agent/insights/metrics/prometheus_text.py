"""Samples as Prometheus text, and the strict reading of what we wrote."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
            lines += [f"# HELP {metric.name} {_help(metric.help)}", f"# TYPE {metric.name} {metric.kind}"]
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
    inside = ",".join(f'{name}="{_value(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _value(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


@dataclass(slots=True)
class _Reading:
    """What was read so far: of a histogram, its lines by their labels."""

    kinds: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    seen: set[tuple[str, str, tuple[str, ...]]] = field(default_factory=set)
    parts: dict[tuple[str, tuple[str, ...]], dict[str, str]] = field(default_factory=dict)


def parse(text: str) -> tuple[Sample, ...]:
    """The samples of a text that `exposition` made, also by another version: what this one does not count is dropped.

    Raises ForeignTextError for anything else.
    """
    reading = _Reading()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.startswith("# TYPE "):
                name, kind = _typed(line)
                reading.kinds[name] = kind
            elif line.strip() and not line.startswith(f"# HELP {PREFIX}"):
                _read(line, reading)
        except ValueError as error:
            raise ForeignTextError(f"line {number}: {error}") from None
    for (name, labels), parts in reading.parts.items():
        try:
            reading.samples += _histogram(METRICS[name], labels, parts)
        except (KeyError, ValueError):
            raise ForeignTextError(f"a histogram of {name} is not whole") from None
    return tuple(reading.samples)


def _typed(line: str) -> tuple[str, str]:
    _, _, name, kind = line.split(" ")
    if not name.startswith(PREFIX):
        raise ValueError("a metric of somebody else")
    return name, kind


def _read(line: str, reading: _Reading) -> None:
    """One line with a value."""
    matched = _SERIES.fullmatch(line)
    if matched is None:
        raise ValueError("no sample")
    name, inside, text = matched[1], matched[2] or "", matched[3]
    labels = {found[1]: _ESCAPED.sub(_unescaped, found[2]) for found in _LABEL.finditer(inside)}
    ending = _SUFFIX.fullmatch(name)
    base, part = (ending[1], ending[2]) if ending and reading.kinds.get(ending[1]) == "histogram" else (name, "")
    if base not in reading.kinds:
        raise ValueError("a sample without its type")
    part += f" {labels.pop('le', '')}" if part == "bucket" else ""
    metric = METRICS.get(base)
    if metric is None or reading.kinds[base] != metric.kind or labels.keys() != {label.name for label in metric.labels}:
        return
    value = float(text)
    if not math.isfinite(value) or (metric.kind is not MetricKind.GAUGE and value < 0):
        raise ValueError("no count")
    values = tuple(labels[label.name] for label in metric.labels)
    if (series := (base, part, values)) in reading.seen:
        raise ValueError("the same sample twice")
    reading.seen.add(series)
    if part:
        reading.parts.setdefault((base, values), {})[part] = text
    elif metric.kind is MetricKind.HISTOGRAM:
        raise ValueError("a histogram without its parts")
    else:
        reading.samples.append(Sample(metric, values, value))


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
