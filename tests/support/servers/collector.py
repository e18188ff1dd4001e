"""A collector of OpenTelemetry's on loopback: it reads what is sent with the published messages, or is in trouble."""

import gzip
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.servers.serving import Serving


class Collector(Serving):
    """`status` is what it answers; with `hangs` nothing, until it is closed. `raw` is all that came, unpacked."""

    def __init__(self, status: int = 200, *, hangs: bool = False, headers: Mapping[str, str] | None = None) -> None:
        self.raw: list[tuple[str, bytes]] = []
        self.headers: list[Mapping[str, str]] = []
        closing = self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.raw.append((self.path, body))
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                if hangs:
                    closing.wait(30)
                    return
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        super().__init__(self._http)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """End it, also where it hangs."""
        self._closing.set()
        super().close()

    def of(self, path: str) -> list[bytes]:
        """The bodies that came to a path."""
        return [body for came, body in self.raw if came == path]

    @property
    def spans(self) -> list[Span]:
        """All spans, in their order."""
        messages = [ExportTraceServiceRequest.FromString(body) for body in self.of("/v1/traces")]
        return [
            span
            for message in messages
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics, by name."""
        messages = [ExportMetricsServiceRequest.FromString(body) for body in self.of("/v1/metrics")]
        return {
            metric.name: metric
            for message in messages
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    @property
    def records(self) -> list[LogRecord]:
        """All log records, in their order."""
        messages = [ExportLogsServiceRequest.FromString(body) for body in self.of("/v1/logs")]
        return [
            record
            for message in messages
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    @property
    def resource(self) -> dict[str, Any]:
        """What the spans are from."""
        (message,) = [ExportTraceServiceRequest.FromString(body) for body in self.of("/v1/traces")]
        return plain(message.resource_spans[0].resource.attributes)


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {each.key: _value(each) for each in attributes}


def _value(told: KeyValue) -> Any:
    value: AnyValue = told.value
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [each.string_value for each in value.array_value.values]
    return getattr(value, kind or "string_value")
