"""Sends a run to a collector by OTLP/HTTP, once and within two seconds: one in trouble costs a line, no more.

The messages are the SDK's. Its own HTTP exporter sends again what was refused, follows redirects with the headers that
authenticate, and reads the environment: https://github.com/open-telemetry/opentelemetry-python/tree/main/exporter
"""

import gzip
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cicd_agent.adapters.telemetry.run import RunTelemetry
from cicd_agent.domain.parallel import begin

MAX_SECONDS: Final = 2.0
_SIGNALS: Final = ("traces", "metrics", "logs")
_SERVED: Final = "http/protobuf"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a signal goes, by the OTEL_* variables; `refusal` says why it cannot, "" when it can."""

    signal: str
    url: str
    headers: Mapping[str, str]
    compressed: bool = False
    refusal: str = ""

    @property
    def host(self) -> str:
        """Without what may be secret in the address."""
        return urlsplit(self.url).hostname or "the collector"


def export(
    run: RunTelemetry,
    variables: Mapping[str, str],
    ca_bundle: str,
    warn: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = MAX_SECONDS,
) -> None:
    """Send a run within so many seconds; whatever goes wrong is one warning."""
    requested = targets(variables)
    if not requested:
        return
    preferred = variables.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").lower()
    signals = {target.signal for target in requested}
    try:
        from cicd_agent.adapters.telemetry.signals import messages, parent  # noqa: PLC0415  an extra, and slow
    except ImportError:
        warn("telemetry was not sent: install cicd-agent[otel]")
        return
    above = parent(variables.get("TRACEPARENT", ""))
    bodies = messages(run, above, signals, cumulative=preferred == "cumulative")
    until = clock() + seconds
    troubles = {target.signal: target.refusal for target in requested if target.refusal}
    try:
        context = _context(variables, ca_bundle)
    except (OSError, ValueError) as error:
        warn(f"telemetry was not sent: its certificates cannot be read: {error}")
        return
    sending = [
        (target, begin(partial(_send, target, bodies[target.signal], context, seconds)))
        for target in requested
        if target.signal in bodies and not target.refusal
    ]
    for target, sent in sending:
        try:
            trouble = sent.result(max(0.0, until - clock()))
        except TimeoutError:
            trouble = f"{target.host} did not answer within {seconds:g} s"
        if trouble:
            troubles[target.signal] = trouble
    if troubles:
        by_reason = {reason: [name for name in troubles if troubles[name] == reason] for reason in troubles.values()}
        shown = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in by_reason.items())
        warn(f"telemetry was not sent: {shown}")


def targets(variables: Mapping[str, str]) -> tuple[Target, ...]:
    """Where each signal goes by these variables; none where nobody wants any."""
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    return tuple(target for signal in _SIGNALS if (target := _target(signal, variables)))


def _target(signal: str, variables: Mapping[str, str]) -> Target | None:
    upper = signal.upper()

    def first(name: str) -> str:
        own = variables.get(f"OTEL_EXPORTER_OTLP_{upper}_{name}", "").strip()
        return own or variables.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()

    own, base = (variables.get(f"OTEL_EXPORTER_OTLP_{word}ENDPOINT", "").strip() for word in (f"{upper}_", ""))
    url = own or (f"{base.rstrip('/')}/v1/{signal}" if base else "")
    if not url or variables.get(f"OTEL_{upper}_EXPORTER", "otlp").strip().lower() == "none":
        return None
    protocol = first("PROTOCOL").lower() or _SERVED
    refusal = "" if protocol == _SERVED else f"only {_SERVED} is spoken: set OTEL_EXPORTER_OTLP_PROTOCOL"
    if not _is_address(url):
        refusal = "OTEL_EXPORTER_OTLP_ENDPOINT is no http(s) address"
    return Target(signal, url, _headers(first("HEADERS")), first("COMPRESSION").lower() == "gzip", refusal)


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def _headers(text: str) -> dict[str, str]:
    """`name=value` by commas, percent-encoded, as the specification of OpenTelemetry has it."""
    pairs = (part.partition("=") for part in text.split(","))
    return {unquote(name).strip(): unquote(value).strip() for name, equals, value in pairs if equals and name.strip()}


def _context(variables: Mapping[str, str], ca_bundle: str) -> ssl.SSLContext:
    authority = variables.get("OTEL_EXPORTER_OTLP_CERTIFICATE", "") or ca_bundle
    context = ssl.create_default_context(cafile=authority or None)
    if own := variables.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ""):
        context.load_cert_chain(own, variables.get("OTEL_EXPORTER_OTLP_CLIENT_KEY", "") or None)
    return context


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the headers, and with them a token, to where nobody sent them."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


def _send(target: Target, body: bytes, context: ssl.SSLContext, seconds: float) -> str:
    """What went wrong, "" when nothing did."""
    headers = {**target.headers, "Content-Type": "application/x-protobuf"}
    if target.compressed:
        headers["Content-Encoding"] = "gzip"
    data = gzip.compress(body) if target.compressed else body
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _Unredirected)
    try:
        request = urllib.request.Request(target.url, data, headers)  # noqa: S310  its scheme was looked at
        with opener.open(request, timeout=seconds * 0.9):
            return ""
    except urllib.error.HTTPError as error:  # whatever is not 2xx
        error.close()
        return f"{target.host} answered {error.code}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return f"{target.host} could not be reached: {_text(reason)}"


def _text(reason: object) -> str:
    """Why, in a few words; the text of an error about a header would hold the header."""
    if isinstance(reason, TimeoutError):
        return "it took too long"
    return (reason.strerror if isinstance(reason, OSError) else "") or type(reason).__name__
