"""A run that has ended in the data model of OpenTelemetry: a trace, metrics and a log record, as OTLP messages.

What may leave: names of a few conventions, short texts, and numbers. The SDK is an extra, which this module needs.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cicd_agent.adapters.telemetry.run import RunTelemetry
from cicd_agent.domain.metric import Metric, MetricKind, Sample
from cicd_agent.domain.timeline import Span, Value

ROOT: Final = "cicd_agent.run"
MODEL: Final = "model"
# The boundaries that the conventions for generative AI ask for.
TOKENS: Final = tuple(float(4**power) for power in range(14))
SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
_SCOPE: Final = InstrumentationScope("cicd_agent")
_STAGES_WITH_MODELS: Final = ("ask", "experiment")
"""Stages in which models are asked, in threads that do not know it."""
_PREFIXES: Final = ("gen_ai.", "cicd.", "vcs.", "cicd_agent.", "service.", "error.", "telemetry.", "deployment.")
_DIMENSIONS: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
)
_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
_TEXTS: Final = frozenset({*_DIMENSIONS, _FINISH_REASONS, "error.type"})
"""The texts that a span of a stage or of a request may have; numbers reveal nothing of the request."""
_MAX_LENGTH: Final = 500


def parent(text: str) -> SpanContext | None:
    """What W3C's `traceparent` names, None where it is none."""
    carried = TraceContextTextMapPropagator().extract({"traceparent": text.strip().lower()}, Context())
    context = get_current_span(carried).get_span_context()
    return context if context.is_valid else None


def messages(
    run: RunTelemetry, above: SpanContext | None, signals: Iterable[str], *, cumulative: bool
) -> dict[str, bytes]:
    """The message of each of these signals; of a trace whose parent is not sampled there is none.

    Metrics are by default what this run adds (delta), for it is gone before anybody looks twice.
    """
    # `Resource.create` would read the environment by itself.
    resource = Resource(_exported(run, run.resource))
    context, spans = _spans(run, resource, above)
    result: dict[str, bytes] = {}
    if "traces" in signals and (above is None or above.trace_flags.sampled):
        result["traces"] = encode_spans(spans).SerializeToString()
    if "metrics" in signals:
        result["metrics"] = encode_metrics(_metrics_data(run, resource, cumulative=cumulative)).SerializeToString()
    if "logs" in signals:
        result["logs"] = encode_logs([_log_record(run, resource, context)]).SerializeToString()
    return result


def _exported(run: RunTelemetry, attributes: Mapping[str, Value]) -> dict[str, Any]:
    """Attributes as they leave: texts are redacted and short, empty ones left out, numbers of 64 bits."""
    result: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, str):
            text = run.redact(value)[:_MAX_LENGTH].encode("utf-8", "replace").decode()
            result |= {name: [text] if name == _FINISH_REASONS else text} if value else {}
        else:
            result[name] = max(-(2**63), min(value, 2**63 - 1)) if isinstance(value, int) else value
    return result


def _spans(run: RunTelemetry, resource: Resource, above: SpanContext | None) -> tuple[SpanContext, list[ReadableSpan]]:
    """The run's own context, and the run, its stages and each request to a model, at the times they happened."""
    fresh = RandomIdGenerator()
    trace = above.trace_id if above else fresh.generate_trace_id()

    def new_context() -> SpanContext:
        return SpanContext(trace, fresh.generate_span_id(), False, TraceFlags(TraceFlags.SAMPLED))  # noqa: FBT003

    def readable(
        span: Span, context: SpanContext, over: SpanContext | None, attributes: Mapping[str, Value]
    ) -> ReadableSpan:
        failed = {"error.type": span.failed} if span.failed else {}
        return ReadableSpan(
            run.redact(_name(span)),
            context,
            over,
            resource=resource,
            attributes=_exported(run, {**attributes, **failed}),
            kind=SpanKind.CLIENT if span.name == MODEL else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=run.nanoseconds(span.began),
            end_time=run.nanoseconds(max(span.began, span.ended)),
            instrumentation_scope=_SCOPE,
        )

    top = new_context()
    own = {span.number: new_context() for span in run.spans}
    root = Span(ROOT, run.began, run.ended, failed=run.error)
    spans = [readable(root, top, above, run.attributes)]
    for span in run.spans:
        over = own.get(_parent_number(span, run.spans), top)
        spans.append(readable(span, own[span.number], over, _request_attributes(span, run.provider)))
    return top, spans


def _name(span: Span) -> str:
    if span.name == MODEL:
        return f"chat {span.attributes.get('gen_ai.request.model', '')}".strip()
    return ROOT if span.name == ROOT else f"cicd_agent.{span.name}"


def _request_attributes(span: Span, provider: str) -> dict[str, Value]:
    """What may be exported of a stage or a request."""
    own = {
        name: value
        for name, value in span.attributes.items()
        if name in _TEXTS or (name.startswith(_PREFIXES) and not isinstance(value, str))
    }
    return {"gen_ai.provider.name": provider, **own} if span.name == MODEL and provider else own


def _parent_number(span: Span, spans: Iterable[Span]) -> int:
    """The number of the span that it lies in: what a thread did belongs to the stage that had started it."""
    if span.parent >= 0 or span.name != MODEL:
        return span.parent
    around = [each for each in spans if each.name in _STAGES_WITH_MODELS and each.began <= span.began <= each.ended]
    return max(around, key=lambda each: each.began).number if around else -1


def _log_record(run: RunTelemetry, resource: Resource, run_context: SpanContext) -> ReadableLogRecord:
    """One record of the run: what was decided and what it cost, nothing of the change."""
    severity = SeverityNumber.ERROR if run.error else SeverityNumber.INFO
    record = LogRecord(
        timestamp=run.nanoseconds(run.ended),
        observed_timestamp=run.nanoseconds(run.ended),
        context=set_span_in_context(NonRecordingSpan(run_context)),
        severity_text=severity.name,
        severity_number=severity,
        attributes=_exported(run, {f"cicd_agent.{name}": value for name, value in run.record.items()}),
        event_name=ROOT,
    )
    return ReadableLogRecord(record, resource, _SCOPE)


def otel_name(metric: Metric) -> tuple[str, str]:
    """A metric's name and unit in OpenTelemetry, which Prometheus turns into the name of the text file."""
    rest = metric.name.removeprefix("cicd_agent_").removesuffix("_total")
    for ending, unit in (("_seconds", "s"), ("_ratio", "1")):
        if rest.endswith(ending):
            return f"cicd_agent.{rest.removesuffix(ending)}", unit
    return f"cicd_agent.{rest}", ""


def _metrics_data(run: RunTelemetry, resource: Resource, *, cumulative: bool) -> sdk.MetricsData:
    temporality = sdk.AggregationTemporality.CUMULATIVE if cumulative else sdk.AggregationTemporality.DELTA
    metrics = [*_own_metrics(run, temporality), *_model_metrics(run, temporality)]
    return sdk.MetricsData([sdk.ResourceMetrics(resource, [sdk.ScopeMetrics(_SCOPE, metrics, "")], "")])


def _own_metrics(run: RunTelemetry, temporality: sdk.AggregationTemporality) -> Iterator[sdk.Metric]:
    groups: dict[str, list[Sample]] = {}
    for sample in run.samples:
        if sample.value or sample.counts:
            groups.setdefault(sample.metric.name, []).append(sample)
    began, ended = run.nanoseconds(run.began), run.nanoseconds(run.ended)
    for samples in groups.values():
        metric = samples[0].metric
        name, unit = otel_name(metric)
        data: sdk.DataT
        if metric.kind is MetricKind.HISTOGRAM:
            points = [_distribution(run, _labels(each), each.value, each.counts, metric.buckets) for each in samples]
            data = sdk.Histogram(points, temporality)
        else:
            numbers = [
                sdk.NumberDataPoint(_exported(run, _labels(each)), began, ended, float(each.value)) for each in samples
            ]
            is_gauge = metric.kind is MetricKind.GAUGE
            data = sdk.Gauge(numbers) if is_gauge else sdk.Sum(numbers, temporality, is_monotonic=True)
        yield sdk.Metric(name, metric.help, unit, data)


def _labels(sample: Sample) -> dict[str, Value]:
    return {label.name: value for label, value in zip(sample.metric.labels, sample.labels, strict=True)}


def _model_metrics(run: RunTelemetry, temporality: sdk.AggregationTemporality) -> Iterator[sdk.Metric]:
    """What the conventions for generative AI name, from the requests themselves; without replies from the cache."""
    used: dict[tuple[tuple[str, Value], ...], list[float]] = {}
    took: dict[tuple[tuple[str, Value], ...], list[float]] = {}
    for span in run.spans:
        if span.name != MODEL or span.attributes.get("cicd_agent.from_cache"):
            continue
        own = _request_attributes(span, run.provider)
        dimensions = [(name, own[name]) for name in _DIMENSIONS if own.get(name)]
        failed: list[tuple[str, Value]] = [("error.type", span.failed)] if span.failed else []
        took.setdefault((*dimensions, *failed), []).append(span.seconds)
        for kind in ("input", "output"):
            number = span.attributes.get(f"gen_ai.usage.{kind}_tokens")
            if isinstance(number, int):
                used.setdefault((*dimensions, ("gen_ai.token.type", kind)), []).append(float(number))
    for name, unit, text, observed, bounds in (
        ("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", used, TOKENS),
        ("gen_ai.client.operation.duration", "s", "GenAI operation duration.", took, SECONDS),
    ):
        points = []
        for attributes, values in observed.items():
            counts = [0] * (len(bounds) + 1)
            for value in values:
                counts[bisect_left(bounds, value)] += 1
            points.append(_distribution(run, dict(attributes), sum(values), counts, bounds))
        if points:
            yield sdk.Metric(name, text, unit, sdk.Histogram(points, temporality))


def _distribution(
    run: RunTelemetry, attributes: Mapping[str, Value], total: float, counts: Sequence[int], bounds: Sequence[float]
) -> sdk.HistogramDataPoint:
    unknown: Any = None  # the message leaves out what is not there; samples do not keep the extremes
    return sdk.HistogramDataPoint(
        _exported(run, attributes),
        run.nanoseconds(run.began),
        run.nanoseconds(run.ended),
        sum(counts),
        total,
        counts,
        bounds,
        min=unknown,
        max=unknown,
    )
