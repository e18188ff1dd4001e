"""A run as one trace: the run, its stages, and each request to a model, with the times at which they happened."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cicd_agent.adapters.telemetry.attributes import ROOT, RunTrace, allowed, key_values
from cicd_agent.domain.timeline import Span, Value

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1 import trace_pb2

_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED: Final = 0x01
_LOCAL: Final = 0x100
"""It is known whether the parent is another process's, and it is not; with _REMOTE it is."""
_REMOTE: Final = 0x200
MODEL: Final = "model"
_ASKING: Final = ("ask", "experiment")
"""Stages in which models are asked, in threads that do not know it."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The trace that this one is a part of, as a TRACEPARENT says it."""

    trace: bytes
    span: bytes
    sampled: bool = True


def parent(text: str) -> Parent | None:
    """What W3C's `traceparent` says, None where it says nothing of the kind."""
    found = _PARENT.fullmatch(text.strip().lower())
    if found is None or text.lower().startswith("ff") or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Parent(bytes.fromhex(found[1]), bytes.fromhex(found[2]), bool(int(found[3], 16) & _SAMPLED))


def trace_request(run: RunTrace, above: Parent | None) -> "ExportTraceServiceRequest":
    """All of it in one message."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # noqa: PLC0415
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans  # noqa: PLC0415

    resource = Resource(attributes=key_values(run.resource, run.redact))
    scope = ScopeSpans(scope=InstrumentationScope(name="cicd_agent"), spans=_spans(run, above))
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])


def _spans(run: RunTrace, above: Parent | None) -> "list[trace_pb2.Span]":
    trace = above.trace if above else _fresh(16)
    top = _fresh(8)
    own = {span.number: _fresh(8) for span in run.spans}
    flags = _SAMPLED | _LOCAL | (_REMOTE if above else 0)
    root = Span(ROOT, run.began, run.ended, failed=run.error, attributes=run.attributes)
    found = [_span(run, root, (trace, top, above.span if above else b""), flags, root.attributes)]
    for span in run.spans:
        over = own.get(_over(span, run.spans), top)
        found.append(_span(run, span, (trace, own[span.number], over), _SAMPLED | _LOCAL, _told(span, run.provider)))
    return found


def _span(
    run: RunTrace, span: Span, ids: tuple[bytes, bytes, bytes], flags: int, attributes: Mapping[str, Value]
) -> "trace_pb2.Span":
    from opentelemetry.proto.trace.v1 import trace_pb2  # noqa: PLC0415

    failed = {"error.type": span.failed} if span.failed else {}
    kind = trace_pb2.Span.SPAN_KIND_CLIENT if span.name == MODEL else trace_pb2.Span.SPAN_KIND_INTERNAL
    code = trace_pb2.Status.STATUS_CODE_ERROR if span.failed else trace_pb2.Status.STATUS_CODE_UNSET
    return trace_pb2.Span(
        trace_id=ids[0],
        span_id=ids[1],
        parent_span_id=ids[2],
        flags=flags,
        name=run.redact(_name(span)),
        kind=kind,
        start_time_unix_nano=run.nanoseconds(span.began),
        end_time_unix_nano=run.nanoseconds(max(span.began, span.ended)),
        attributes=key_values({**attributes, **failed}, run.redact),
        status=trace_pb2.Status(code=code),
    )


def _name(span: Span) -> str:
    if span.name == ROOT:
        return ROOT
    if span.name != MODEL:
        return f"cicd_agent.{span.name}"
    return f"chat {span.attributes.get('gen_ai.request.model', '')}".strip()


def _told(span: Span, provider: str) -> dict[str, Value]:
    told = allowed(span.attributes)
    return {"gen_ai.provider.name": provider, **told} if span.name == MODEL and provider else told


def _over(span: Span, spans: Iterable[Span]) -> int:
    """The number of the span that it lies in: what a thread did belongs to the stage that had started it."""
    if span.parent >= 0 or span.name != MODEL:
        return span.parent
    around = [each for each in spans if each.name in _ASKING and each.began <= span.began <= each.ended]
    return max(around, key=lambda each: each.began).number if around else -1


def _fresh(size: int) -> bytes:
    """An id, which may not be all zeros."""
    return secrets.token_bytes(size - 1) + b"\x01"


def requests_of(spans: Sequence[Span]) -> list[Span]:
    """The requests that were sent to a model, without replies from the cache."""
    return [span for span in spans if span.name == MODEL and not span.attributes.get("cicd_agent.from_cache")]
