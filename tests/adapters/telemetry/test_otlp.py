import sys
import threading
from importlib import import_module
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA
from opentelemetry.proto.trace.v1 import trace_pb2

from cicd_agent.adapters.telemetry.otlp import export
from cicd_agent.adapters.telemetry.run import RunTelemetry
from cicd_agent.adapters.telemetry.signals import SECONDS, TOKENS, otel_name, parent
from cicd_agent.domain.timeline import Span, Value
from cicd_agent.insights.metrics import registry
from tests.support.servers.collector import Collector, plain

TRACE, ABOVE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASKED: dict[str, Value] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-5.5",
    "gen_ai.request.max_tokens": 16_000,
    "gen_ai.response.model": "gpt-5.5-2026",
    "gen_ai.response.finish_reasons": "stop",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "cicd_agent.from_cache": False,
}
SPANS = (
    Span("gather", 100.0, 100.5, 0),
    Span("ask", 101.0, 104.0, 1),
    Span("model", 101.5, 103.5, 2, -1, ASKED),
    Span(
        "model", 103.5, 103.6, 3, 1, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, "ModelUnavailable"
    ),
)


RECORD: dict[str, Value] = {"mode": "review", "exit": 0, "degraded": False, "cost_usd": 0.25}


def run(**changed: Any) -> RunTelemetry:
    samples = (
        registry.sample("runs_total", repository="acme/shop", mode="review", conclusion="success"),
        registry.sample("exits_total", 0, mode="review", code="70"),
        registry.sample("stage_seconds", 0.5, mode="review", stage="gather"),
        registry.sample("last_run_timestamp_seconds", 1_790_000_010, repository="acme/shop", mode="review"),
    )
    told: dict[str, Any] = {"began": 100.0, "ended": 110.0, "origin": 100.0, "epoch": 1_790_000_000.0, "spans": SPANS}
    return RunTelemetry(
        **{
            **told,
            "samples": samples,
            "attributes": {"cicd_agent.mode": "review"},
            "record": RECORD,
            "provider": "openai",
            **changed,
        }
    )


def send(sent: RunTelemetry, **variables: str) -> list[str]:
    said: list[str] = []
    export(sent, variables, "", said.append, seconds=5)
    return said


def test_a_run_is_one_trace_with_its_own_times() -> None:
    with Collector() as collector:
        assert send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url + "/") == []
        root, gather, ask, model, failed = collector.spans
    assert {span.trace_id for span in (root, gather, ask, model, failed)} == {root.trace_id}
    assert (root.name, root.parent_span_id, plain(root.attributes)) == (
        "cicd_agent.run",
        b"",
        {"cicd_agent.mode": "review"},
    )
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (1_790_000_000 * 10**9, 1_790_000_010 * 10**9)
    assert (gather.name, gather.parent_span_id) == ("cicd_agent.gather", root.span_id)
    assert gather.end_time_unix_nano - gather.start_time_unix_nano == 5 * 10**8
    assert (model.name, model.kind) == ("chat gpt-5.5", trace_pb2.Span.SPAN_KIND_CLIENT)
    assert model.parent_span_id == failed.parent_span_id == ask.span_id, "also what a thread asked belongs to its stage"
    assert plain(model.attributes) == {
        **ASKED,
        "gen_ai.provider.name": "openai",
        "gen_ai.response.finish_reasons": ["stop"],
    }
    assert (failed.status.code, plain(failed.attributes)["error.type"]) == (2, "ModelUnavailable")


def test_it_is_a_part_of_the_trace_that_it_was_started_in() -> None:
    with Collector() as collector:
        send(
            run(), OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces", TRACEPARENT=f"00-{TRACE}-{ABOVE}-01"
        )
        assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
        assert collector.spans[0].parent_span_id.hex() == ABOVE
        assert collector.metrics == {}, "only the endpoint of traces was given"


def test_a_trace_that_nobody_samples_is_not_sent() -> None:
    with Collector() as collector:
        send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, TRACEPARENT=f"00-{TRACE}-{ABOVE}-00")
        assert (collector.spans, bool(collector.metrics)) == ([], True)


@pytest.mark.parametrize(
    "text", ["", "00", f"00-{'0' * 32}-{ABOVE}-01", f"ff-{TRACE}-{ABOVE}-01", f"00-{TRACE}-{ABOVE}", "\0"]
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert parent(text) is None


def test_metrics_are_what_this_run_adds() -> None:
    with Collector() as collector:
        send(run(), OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{collector.url}/v1/metrics")
        found = collector.metrics
    runs = found["cicd_agent.runs"].sum
    assert (runs.aggregation_temporality, runs.is_monotonic) == (AGGREGATION_TEMPORALITY_DELTA, True)
    assert plain(runs.data_points[0].attributes) == {
        "repository": "acme/shop",
        "mode": "review",
        "conclusion": "success",
    }
    assert (found["cicd_agent.stage"].unit, found["cicd_agent.stage"].histogram.data_points[0].sum) == ("s", 0.5)
    assert found["cicd_agent.last_run_timestamp"].gauge.data_points[0].as_double == 1_790_000_010
    assert "cicd_agent.exits" not in found, "what is 0 adds nothing"
    tokens = {
        plain(point.attributes)["gen_ai.token.type"]: point
        for point in found["gen_ai.client.token.usage"].histogram.data_points
    }
    assert (tokens["input"].sum, tokens["output"].sum, list(tokens["input"].explicit_bounds)) == (
        1200,
        300,
        list(TOKENS),
    )
    took = found["gen_ai.client.operation.duration"].histogram.data_points
    assert [plain(point.attributes).get("error.type") for point in took] == [None, "ModelUnavailable"]
    assert list(took[0].explicit_bounds) == list(SECONDS)


def test_the_record_of_a_run_belongs_to_its_trace() -> None:
    with Collector() as collector:
        send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        (record,) = collector.records
        root = collector.spans[0]
    assert (record.event_name, record.severity_text, record.trace_id, record.span_id) == (
        "cicd_agent.run",
        "INFO",
        root.trace_id,
        root.span_id,
    )
    assert plain(record.attributes) == {f"cicd_agent.{name}": value for name, value in RECORD.items()}
    assert record.time_unix_nano == root.end_time_unix_nano


def test_the_record_alone_can_be_asked_for_and_says_when_a_run_failed() -> None:
    with Collector() as collector:
        send(run(error="bug"), OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"{collector.url}/v1/logs")
        assert [record.severity_text for record in collector.records] == ["ERROR"]
        assert len(collector.raw) == 1


def test_who_wants_totals_is_given_them() -> None:
    with Collector() as collector:
        preference = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative"}
        send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **preference)
        assert collector.metrics["cicd_agent.runs"].sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE


def test_headers_and_compression_are_as_the_variables_say() -> None:
    with Collector() as collector:
        headers = {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20abc, x-tenant=a%2Cb"}
        assert (
            send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_COMPRESSION="gzip", **headers)
            == []
        )
        assert {(each["authorization"], each["x-tenant"], each["content-encoding"]) for each in collector.headers} == {
            ("Basic abc", "a,b", "gzip")
        }
        assert len(collector.spans) == 5


@pytest.mark.parametrize("status", [302, 403, 503])
def test_a_collector_that_refuses_is_one_line(status: int) -> None:
    with Collector() as other, Collector(status, headers={"Location": other.url}) as collector:
        said = send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_HEADERS="k=v")
        assert said == [f"telemetry was not sent: 127.0.0.1 answered {status} (traces, metrics, logs)"]
        assert other.raw == [], "what authenticates goes nowhere else"


def test_a_collector_that_does_not_answer_is_waited_for_once() -> None:
    before = set(threading.enumerate())
    with Collector(hangs=True) as collector:
        said: list[str] = []
        export(run(), {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, "", said.append, seconds=0.2)
        (line,) = said
        assert line.startswith("telemetry was not sent: 127.0.0.1 ")
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
    assert [thread for thread in left if thread.is_alive()] == []


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.delitem(sys.modules, "cicd_agent.adapters.telemetry.signals")
    with Collector() as collector:
        said = send(run(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        assert (said, collector.raw) == (["telemetry was not sent: install cicd-agent[otel]"], [])


def test_a_collector_that_is_not_there_is_one_line_without_what_is_secret() -> None:
    with Collector() as gone:
        address = gone.url
    secret = "gl" + "pat-0123456789abcdefghij"
    said = send(
        run(), OTEL_EXPORTER_OTLP_ENDPOINT=f"{address}/{secret}", OTEL_EXPORTER_OTLP_HEADERS=f"k={secret}\r\nx: y"
    )
    assert len(said) == 1
    assert secret not in said[0]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "only http/protobuf",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "file:///etc/passwd"}, "no http"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "no http"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:99999"}, "no http"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such"},
            "certificates",
        ),
    ],
)
def test_what_cannot_be_sent_is_said(variables: dict[str, str], says: str) -> None:
    (line,) = send(run(), **variables)
    assert says in line


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SDK_DISABLED": "TRUE"},
        dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none"),
    ],
)
def test_nothing_is_sent_unless_somebody_wants_it(variables: dict[str, str]) -> None:
    with Collector() as collector:
        address = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} if variables else {}
        assert send(run(), **address, **variables) == []
        assert collector.raw == []


def test_no_word_of_what_was_asked_leaves() -> None:
    told: dict[str, Value] = {
        "gen_ai.input.messages": "the code",
        "prompt": "the code",
        "cicd_agent.question": "the code",
        "x": 1,
    }
    with Collector() as collector:
        send(run(spans=(Span("model", 100, 101, 0, -1, {**ASKED, **told}),)), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        assert len(collector.spans) == 2
        assert b"the code" not in b"".join(body for _, body in collector.raw)


def test_every_text_is_redacted_on_its_way() -> None:
    with Collector() as collector:
        send(
            run(redact=lambda text: text.replace("gpt", "***"), attributes={"vcs.ref.head.name": "gpt/branch"}),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        )
        assert len(collector.raw) == 3
        assert b"gpt" not in b"".join(body for _, body in collector.raw)


def test_the_names_are_those_of_the_conventions() -> None:
    """Of the installed package, with those that it does not know as ours."""
    known = {
        value
        for room in ("gen_ai", "cicd", "vcs", "error", "service")
        for name, value in vars(
            import_module(f"opentelemetry.semconv._incubating.attributes.{room}_attributes")
        ).items()
        if name.isupper() and isinstance(value, str)
    }
    attributes = {name for span in SPANS for name in span.attributes} | {
        "gen_ai.provider.name",
        "gen_ai.token.type",
        "error.type",
    }
    assert {name for name in attributes if not name.startswith("cicd_agent.")} <= known
    metrics = vars(import_module("opentelemetry.semconv._incubating.metrics.gen_ai_metrics")).values()
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= {
        each for each in metrics if isinstance(each, str)
    }


def test_prometheus_makes_the_names_of_the_text_file_of_ours() -> None:
    endings = {"s": "_seconds", "1": "_ratio", "": ""}
    for metric in registry.METRICS.values():
        name, unit = otel_name(metric)
        made = name.replace(".", "_") + endings[unit] + ("_total" if metric.kind == "counter" else "")
        assert made == metric.name
