"""A run that has ended in the data model of OpenTelemetry: a trace, metrics and a log record, as OTLP messages.

What may leave: names of a few conventions, short words, and numbers. The SDK is imported where it is used, an extra.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cicd_agent.domain.metric import Metric, MetricKind, Sample
from cicd_agent.domain.timeline import Span, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import export as sdk_metrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

ROOT: Final = "cicd_agent.run"
SCOPE: Final = "cicd_agent"
MODEL: Final = "model"
# The boundaries that the conventions for generative AI ask for.
TOKENS: Final = tuple(float(4**power) for power in range(14))
SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
_STAGES_WITH_MODELS: Final = ("ask", "experiment")
"""Stages in which models are asked, in threads that do not know it."""
_PREFIXES: Final = ("gen_ai.", "cicd.", "vcs.", "cicd_agent.", "service.", "error.", "telemetry.", "deployment.")
_TEXTS: Final = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.response.finish_reasons",
        "error.type",
    }
)
"""The texts that a span of a stage or of a request may have; numbers say nothing of what was asked."""
_LISTS: Final = frozenset({"gen_ai.response.finish_reasons"})
_DIMENSIONS: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
)
_MAX_LENGTH: Final = 500
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED: Final = 0x01


@dataclass(frozen=True, slots=True)
class RunTelemetry:
    """A run that has ended, by the timeline's clock; `epoch` is what the wall clock said when that said `origin`.

    `attributes` are of the run as a whole, `resource` of whatever this process sends, `record` the fields of the log
    record. `error` is the type of what went wrong, "" when nothing did. `provider` is who serves the models, in the
    words of the conventions, "" when unknown.
    """

    began: float
    ended: float
    origin: float
    epoch: float
    spans: Sequence[Span] = ()
    samples: Sequence[Sample] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    resource: Mapping[str, Value] = field(default_factory=dict)
    record: Mapping[str, Value] = field(default_factory=dict)
    error: str = ""
    provider: str = ""
    redact: Callable[[str], str] = str

    def nanoseconds(self, moment: float) -> int:
        return max(0, int((self.epoch + moment - self.origin) * 1e9))

    def exported(self, attributes: Mapping[str, Value]) -> dict[str, Any]:
        """Attributes as they leave: texts are redacted and short, empty ones left out, numbers of 64 bits."""

        def value(name: str, given: Value) -> Any:
            if isinstance(given, str):
                text = self.redact(given)[:_MAX_LENGTH].encode("utf-8", "replace").decode()
                return [text] if name in _LISTS else text
            return max(-(2**63), min(given, 2**63 - 1)) if isinstance(given, int) else given

        return {name: value(name, given) for name, given in attributes.items() if given != ""}


@dataclass(frozen=True, slots=True)
class Parent:
    """The trace that this one is a part of, as a TRACEPARENT says it."""

    trace: int
    span: int
    sampled: bool = True


def parent(text: str) -> Parent | None:
    """What W3C's `traceparent` says, None where it says nothing of the kind."""
    found = _PARENT.fullmatch(text.strip().lower())
    if found is None or text.lower().startswith("ff") or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Parent(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & _SAMPLED))


def messages(run: RunTelemetry, above: Parent | None, signals: Iterable[str], *, cumulative: bool) -> dict[str, bytes]:
    """The message of each of these signals; of a trace whose parent is not sampled there is none.

    Metrics are by default what this run adds (delta), for it is gone before anybody looks twice. Raises ImportError
    when the SDK is not installed.
    """
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs  # noqa: PLC0415  an extra, slow
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    # `Resource.create` would read the environment by itself.
    resource = Resource(run.exported(run.resource))
    context, spans = _spans(run, resource, above)
    found: dict[str, bytes] = {}
    if "traces" in signals and (above is None or above.sampled):
        found["traces"] = encode_spans(spans).SerializeToString()
    if "metrics" in signals:
        found["metrics"] = encode_metrics(_metrics_data(run, resource, cumulative=cumulative)).SerializeToString()
    if "logs" in signals:
        found["logs"] = encode_logs([_log_record(run, resource, context)]).SerializeToString()
    return found


def _spans(run: RunTelemetry, resource: "Resource", above: Parent | None) -> "tuple[SpanContext, list[ReadableSpan]]":
    """The run's own context, and the run, its stages and each request to a model, at the times they happened."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    fresh = RandomIdGenerator()
    trace = above.trace if above else fresh.generate_trace_id()

    def context(span: int, *, is_remote: bool = False) -> SpanContext:
        return SpanContext(trace, span, is_remote, TraceFlags(TraceFlags.SAMPLED))

    top = context(fresh.generate_span_id())
    own = {span.number: context(fresh.generate_span_id()) for span in run.spans}
    root = Span(ROOT, run.began, run.ended, failed=run.error, attributes=run.attributes)
    over = context(above.span, is_remote=True) if above else None
    found = [_span(run, root, (top, over), resource, root.attributes)]
    for span in run.spans:
        over = own.get(_parent_number(span, run.spans), top)
        found.append(_span(run, span, (own[span.number], over), resource, _of_request(span, run.provider)))
    return top, found


def _span(
    run: RunTelemetry,
    span: Span,
    ids: "tuple[SpanContext, SpanContext | None]",
    resource: "Resource",
    attributes: Mapping[str, Value],
) -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

    failed = {"error.type": span.failed} if span.failed else {}
    return ReadableSpan(
        run.redact(_name(span)),
        *ids,
        resource=resource,
        attributes=run.exported({**attributes, **failed}),
        kind=SpanKind.CLIENT if span.name == MODEL else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=run.nanoseconds(span.began),
        end_time=run.nanoseconds(max(span.began, span.ended)),
        instrumentation_scope=InstrumentationScope(SCOPE),
    )


def _name(span: Span) -> str:
    if span.name == ROOT:
        return ROOT
    if span.name != MODEL:
        return f"cicd_agent.{span.name}"
    return f"chat {span.attributes.get('gen_ai.request.model', '')}".strip()


def _of_request(span: Span, provider: str) -> dict[str, Value]:
    """What a stage or a request may say of itself."""
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


def _log_record(run: RunTelemetry, resource: "Resource", run_context: "SpanContext") -> Any:
    """One record of the run: what was decided and what it cost, nothing of the change."""
    from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: PLC0415
    from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context  # noqa: PLC0415

    severity = SeverityNumber.ERROR if run.error else SeverityNumber.INFO
    record = LogRecord(
        timestamp=run.nanoseconds(run.ended),
        observed_timestamp=run.nanoseconds(run.ended),
        context=set_span_in_context(NonRecordingSpan(run_context)),
        severity_text=severity.name,
        severity_number=severity,
        attributes=run.exported({f"cicd_agent.{name}": value for name, value in run.record.items()}),
        event_name=ROOT,
    )
    return ReadableLogRecord(record, resource, InstrumentationScope(SCOPE))


def otel_name(metric: Metric) -> tuple[str, str]:
    """A metric's name and unit in OpenTelemetry, which Prometheus turns into the name of the text file."""
    rest = metric.name.removeprefix("cicd_agent_").removesuffix("_total")
    for ending, unit in (("_seconds", "s"), ("_ratio", "1")):
        if rest.endswith(ending):
            return f"cicd_agent.{rest.removesuffix(ending)}", unit
    return f"cicd_agent.{rest}", ""


def _metrics_data(run: RunTelemetry, resource: "Resource", *, cumulative: bool) -> "sdk_metrics.MetricsData":
    from opentelemetry.sdk.metrics import export as sdk  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    temporality = sdk.AggregationTemporality.CUMULATIVE if cumulative else sdk.AggregationTemporality.DELTA
    metrics = [*_own_metrics(run, temporality), *_model_metrics(run, temporality)]
    scope = sdk.ScopeMetrics(InstrumentationScope(SCOPE), metrics, "")
    return sdk.MetricsData([sdk.ResourceMetrics(resource, [scope], "")])


def _own_metrics(
    run: RunTelemetry, temporality: "sdk_metrics.AggregationTemporality"
) -> "Iterator[sdk_metrics.Metric]":
    from opentelemetry.sdk.metrics import export as sdk  # noqa: PLC0415

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
                sdk.NumberDataPoint(run.exported(_labels(each)), began, ended, float(each.value)) for each in samples
            ]
            is_gauge = metric.kind is MetricKind.GAUGE
            data = sdk.Gauge(numbers) if is_gauge else sdk.Sum(numbers, temporality, is_monotonic=True)
        yield sdk.Metric(name, metric.help, unit, data)


def _labels(sample: Sample) -> dict[str, Value]:
    return {label.name: value for label, value in zip(sample.metric.labels, sample.labels, strict=True)}


def _model_metrics(
    run: RunTelemetry, temporality: "sdk_metrics.AggregationTemporality"
) -> "Iterator[sdk_metrics.Metric]":
    """What the conventions for generative AI name, from the requests themselves; without replies from the cache."""
    from opentelemetry.sdk.metrics import export as sdk  # noqa: PLC0415

    spans = [span for span in run.spans if span.name == MODEL and not span.attributes.get("cicd_agent.from_cache")]
    used = (
        ({**_dimensions(span, run.provider), "gen_ai.token.type": word}, float(number))
        for span in spans
        for word in ("input", "output")
        if isinstance(number := span.attributes.get(f"gen_ai.usage.{word}_tokens"), int)
    )
    took = (
        (_dimensions(span, run.provider) | ({"error.type": span.failed} if span.failed else {}), span.seconds)
        for span in spans
    )
    for name, unit, text, observed, bounds in (
        ("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", used, TOKENS),
        ("gen_ai.client.operation.duration", "s", "GenAI operation duration.", took, SECONDS),
    ):
        if points := list(_distributions(run, observed, bounds)):
            yield sdk.Metric(name, text, unit, sdk.Histogram(points, temporality))


def _dimensions(span: Span, provider: str) -> dict[str, Value]:
    own = _of_request(span, provider)
    return {name: own[name] for name in _DIMENSIONS if own.get(name)}


def _distributions(
    run: RunTelemetry, values: Iterable[tuple[Mapping[str, Value], float]], bounds: Sequence[float]
) -> "Iterator[sdk_metrics.HistogramDataPoint]":
    """A point for each set of attributes."""
    groups: dict[tuple[tuple[str, Value], ...], list[float]] = {}
    for attributes, value in values:
        groups.setdefault(tuple(attributes.items()), []).append(value)
    for items, seen in groups.items():
        counts = [0] * (len(bounds) + 1)
        for value in seen:
            counts[bisect_left(bounds, value)] += 1
        yield _distribution(run, dict(items), sum(seen), counts, bounds)


def _distribution(
    run: RunTelemetry, attributes: Mapping[str, Value], total: float, counts: Sequence[int], bounds: Sequence[float]
) -> "sdk_metrics.HistogramDataPoint":
    from opentelemetry.sdk.metrics.export import HistogramDataPoint  # noqa: PLC0415

    unknown: Any = None  # the message leaves out what is not there; samples do not keep the extremes
    return HistogramDataPoint(
        run.exported(attributes),
        run.nanoseconds(run.began),
        run.nanoseconds(run.ended),
        sum(counts),
        total,
        counts,
        bounds,
        min=unknown,
        max=unknown,
    )
