"""What a metric is, and a sample of one: labels are bounded, so that no input can make series without end."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

OTHER: Final = "other"

_OPEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@+-]{0,99}")
_DIGITS: Final = 9
"""Decimals that sums are kept to: adding up dollars must not grow tails."""


class ForeignTextError(ValueError):
    """A text of metrics is not one that we wrote; says at which line."""


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension of a metric: closed with all its `values`, or open, with at most `max_values` of them in a file."""

    name: str
    values: tuple[str, ...] = ()
    max_values: int = 0

    def bounded(self, value: str) -> str:
        """The value, or `other` where the label has no such one."""
        fits = value in self.values if self.values else _OPEN.fullmatch(value) is not None
        return value if fits else OTHER


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the registry. `buckets` are the upper bounds of a histogram, without the infinite one.

    Of a gauge that is `latest`, the larger value stays: runs may end in another order than they began in.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    latest: bool = False

    def sample(self, value: float = 1.0, /, **labels: str) -> "Sample":
        counts: tuple[int, ...] = ()
        if self.kind is MetricKind.HISTOGRAM:
            bucket = bisect_left(self.buckets, value)
            counts = tuple(int(index == bucket) for index in range(len(self.buckets) + 1))
        return Sample(self, tuple(label.bounded(labels[label.name]) for label in self.labels), value, counts)


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric for some labels, in their order; of a histogram the sum.

    `counts` are the observations of each bucket by itself, the infinite one last; empty for other kinds.
    """

    metric: Metric
    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        return self.metric.name, self.labels

    @property
    def cumulative(self) -> tuple[int, ...]:
        return tuple(accumulate(self.counts))


class Tally:
    """Samples that add up: counters and histograms are summed, gauges replaced; what has no room is `other`."""

    def __init__(self) -> None:
        self._total: dict[tuple[str, tuple[str, ...]], Sample] = {}
        self._values: dict[tuple[str, str], set[str]] = {}

    def add(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            each = self._within(sample)
            stood = self._total.get(each.key)
            self._total[each.key] = each if stood is None else _both(stood, each)

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(self._total.values())

    def _within(self, each: Sample) -> Sample:
        values: list[str] = []
        for label, given in zip(each.metric.labels, each.labels, strict=True):
            value = label.bounded(given)
            if not label.values and value != OTHER:
                known = self._values.setdefault((each.metric.name, label.name), set())
                if value not in known and len(known) >= label.max_values:
                    value = OTHER
                else:
                    known.add(value)
            values.append(value)
        return Sample(each.metric, tuple(values), each.value, each.counts)


def added(before: Iterable[Sample], new: Iterable[Sample]) -> tuple[Sample, ...]:
    tally = Tally()
    tally.add(before)
    tally.add(new)
    return tally.samples


def _both(before: Sample, after: Sample) -> Sample:
    if before.metric.kind is MetricKind.GAUGE:
        return before if before.metric.latest and before.value > after.value else after
    counts = tuple(left + right for left, right in zip(before.counts, after.counts, strict=True))
    return Sample(before.metric, before.labels, round(before.value + after.value, _DIGITS), counts)
