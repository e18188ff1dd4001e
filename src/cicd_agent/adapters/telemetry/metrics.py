"""The counts of a run as OTLP metrics, under names that Prometheus turns into those of the text file."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from cicd_agent.adapters.telemetry.attributes import RunTrace, allowed, key_values
from cicd_agent.adapters.telemetry.trace import requests_of
from cicd_agent.domain.timeline import Span, Value
from cicd_agent.insights.metrics.metric import Metric, MetricKind, Sample

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1 import metrics_pb2

# The boundaries that the conventions for generative AI ask for.
TOKENS: Final = tuple(float(4**power) for power in range(14))
SECONDS: Final = tuple(0.01 * 2**power for power in range(14))

_KEPT: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
)


def metrics_request(run: RunTrace, *, cumulative: bool) -> "ExportMetricsServiceRequest":
    """All of it in one message. By default what this run adds (delta), for it is gone before anybody looks twice."""
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # noqa: PLC0415
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.proto.metrics.v1.metrics_pb2 import (  # noqa: PLC0415
        AGGREGATION_TEMPORALITY_CUMULATIVE,
        AGGREGATION_TEMPORALITY_DELTA,
        ResourceMetrics,
        ScopeMetrics,
    )
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # noqa: PLC0415

    temporality = AGGREGATION_TEMPORALITY_CUMULATIVE if cumulative else AGGREGATION_TEMPORALITY_DELTA
    metrics = [*_ours(run, temporality), *_gen_ai(run, temporality)]
    scope = ScopeMetrics(scope=InstrumentationScope(name="cicd_agent"), metrics=metrics)
    resource = Resource(attributes=key_values(run.resource, run.redact))
    return metrics_service_pb2.ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])]
    )


def named(metric: Metric) -> tuple[str, str]:
    """Its name and unit in OpenTelemetry."""
    rest = metric.name.removeprefix("cicd_agent_").removesuffix("_total")
    for ending, unit in (("_seconds", "s"), ("_ratio", "1")):
        if rest.endswith(ending):
            return f"cicd_agent.{rest.removesuffix(ending)}", unit
    return f"cicd_agent.{rest}", ""


def _ours(run: RunTrace, temporality: "metrics_pb2.AggregationTemporality.ValueType") -> "Iterator[metrics_pb2.Metric]":
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb  # noqa: PLC0415

    groups: dict[str, list[Sample]] = {}
    for sample in run.samples:
        if sample.value or sample.counts:
            groups.setdefault(sample.metric.name, []).append(sample)
    began, ended = run.nanoseconds(run.began), run.nanoseconds(run.ended)
    for samples in groups.values():
        metric = samples[0].metric
        name, unit = named(metric)
        told = pb.Metric(name=name, unit=unit, description=metric.help)
        if metric.kind is MetricKind.HISTOGRAM:
            points = [_spread(run, _labels(each), each.value, each.counts, metric.buckets) for each in samples]
            told.histogram.CopyFrom(pb.Histogram(data_points=points, aggregation_temporality=temporality))
        else:
            numbers = [
                pb.NumberDataPoint(
                    start_time_unix_nano=began,
                    time_unix_nano=ended,
                    as_double=each.value,
                    attributes=key_values(_labels(each), run.redact),
                )
                for each in samples
            ]
            if metric.kind is MetricKind.GAUGE:
                told.gauge.CopyFrom(pb.Gauge(data_points=numbers))
            else:
                total = pb.Sum(data_points=numbers, aggregation_temporality=temporality, is_monotonic=True)
                told.sum.CopyFrom(total)
        yield told


def _labels(sample: Sample) -> dict[str, Value]:
    return {label.name: value for label, value in zip(sample.metric.labels, sample.labels, strict=True)}


def _gen_ai(
    run: RunTrace, temporality: "metrics_pb2.AggregationTemporality.ValueType"
) -> "Iterator[metrics_pb2.Metric]":
    """What the conventions for generative AI name, from the requests themselves."""
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb  # noqa: PLC0415

    spans = requests_of(run.spans)
    used = (
        ({**_kept(span, run.provider), "gen_ai.token.type": word}, float(number))
        for span in spans
        for word in ("input", "output")
        if isinstance(number := span.attributes.get(f"gen_ai.usage.{word}_tokens"), int)
    )
    took = (
        (_kept(span, run.provider) | ({"error.type": span.failed} if span.failed else {}), span.seconds)
        for span in spans
    )
    for name, unit, words, observed, bounds in (
        ("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", used, TOKENS),
        ("gen_ai.client.operation.duration", "s", "GenAI operation duration.", took, SECONDS),
    ):
        if points := list(_observed(run, observed, bounds)):
            histogram = pb.Histogram(data_points=points, aggregation_temporality=temporality)
            yield pb.Metric(name=name, unit=unit, description=words, histogram=histogram)


def _kept(span: Span, provider: str) -> dict[str, Value]:
    told = {"gen_ai.provider.name": provider, **allowed(span.attributes)}
    return {name: told[name] for name in _KEPT if told.get(name)}


def _observed(
    run: RunTrace, values: Iterable[tuple[Mapping[str, Value], float]], bounds: Sequence[float]
) -> "Iterator[metrics_pb2.HistogramDataPoint]":
    """A point for each set of attributes."""
    found: dict[tuple[tuple[str, Value], ...], list[float]] = {}
    for attributes, value in values:
        found.setdefault(tuple(attributes.items()), []).append(value)
    for items, seen in found.items():
        counts = [0] * (len(bounds) + 1)
        for value in seen:
            counts[bisect_left(bounds, value)] += 1
        yield _spread(run, dict(items), sum(seen), counts, bounds)


def _spread(
    run: RunTrace, attributes: Mapping[str, Value], total: float, counts: Sequence[int], bounds: Sequence[float]
) -> "metrics_pb2.HistogramDataPoint":
    from opentelemetry.proto.metrics.v1 import metrics_pb2  # noqa: PLC0415

    return metrics_pb2.HistogramDataPoint(
        start_time_unix_nano=run.nanoseconds(run.began),
        time_unix_nano=run.nanoseconds(run.ended),
        attributes=key_values(attributes, run.redact),
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=bounds,
    )
