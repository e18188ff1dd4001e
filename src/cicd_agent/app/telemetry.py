"""Tells whoever watches over runs how this one went: the fleet, the metrics file, a collector of OpenTelemetry's."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cicd_agent import __version__
from cicd_agent.adapters.telemetry.attributes import RunTrace
from cicd_agent.agent.messages import Model
from cicd_agent.agent.tracing import Timed
from cicd_agent.app.model_router import Asking
from cicd_agent.app.recording.fleet import tell_fleet
from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.serialization import body_of
from cicd_agent.cli.metrics import cleaned, measured
from cicd_agent.domain.audit_entry import LOCAL
from cicd_agent.domain.event import Event, EventKind
from cicd_agent.domain.payload import Node
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.timeline import Timeline, Value
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.metrics.metric import Sample, added
from cicd_agent.insights.metrics.run_samples import decided
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings

_PROVIDERS: Final = (
    ("openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("anthropic.com", "anthropic"),
    ("mistral.ai", "mistral_ai"),
    ("deepseek.com", "deepseek"),
    ("groq.com", "groq"),
    ("googleapis.com", "gcp.gemini"),
    ("x.ai", "x_ai"),
)
_RESULTS: Final[Mapping[int, str]] = {
    Exit.OK: "success",
    Exit.STOP: "failure",
    Exit.CANCELLED: "cancellation",
}


def timed(asking: Asking, timeline: Timeline) -> Asking:
    """The same asking, whose requests leave spans in the timeline."""

    def told(model: Model | None) -> Model | None:
        return Timed(model, timeline) if model else None

    return replace(asking, model=told(asking.model), fast=told(asking.fast), fallback=told(asking.fallback))


def tell(
    report: RunRecord,
    timeline: Timeline,
    settings: Settings,
    environment: Environment,
    warn: Callable[[str], None],
    *,
    redact: Callable[[str], str] | None = None,
    now: Callable[[], float] = time.time,
) -> None:
    """Tell the fleet, add the run to the metrics file and send it to the collector, where there are such.

    What fails is a line.

    `redact` takes the secrets of this run out of every text; without it, whatever has the shape of one.
    """
    is_watched = any(value for name, value in environment.telemetry.items() if name.endswith("_ENDPOINT"))
    clean = redact or Redactor(()).redact
    ended = timeline.clock()
    tell_fleet(report, environment, settings, ended - timeline.origin, redact=clean, warn=warn)
    if not (settings.metrics_file or is_watched):
        return
    epoch = timeline.epoch or now() - (ended - timeline.origin)
    at = epoch + ended - timeline.origin
    own = clean((report.event.repo if report.event else "") or environment.run.repository or LOCAL)
    repository = clean(report.audit.repository) or own  # by the name that the account book has for it
    spans = timeline.spans
    counts = measured(report, spans, repository=repository, at=at, seconds=ended - timeline.origin)
    samples = added((), [cleaned(each, clean) for each in counts])
    if settings.metrics_file:
        _add(settings.metrics_file, samples, warn)
    if not is_watched:
        return
    from cicd_agent.adapters.telemetry.otlp import export  # noqa: PLC0415  only who is watched pays for a client

    run = RunTrace(
        began=timeline.origin,
        ended=ended,
        origin=timeline.origin,
        epoch=epoch,
        spans=spans,
        samples=samples,
        attributes=_attributes(report, environment, own),
        resource=_resource(environment.telemetry),
        error=Exit(report.exit).name.lower() if report.error and report.exit in set(Exit) else "",
        provider=_provider(settings.base_url),
        redact=clean,
    )
    export(run, environment.telemetry, environment.ca_bundle, warn)


def _add(name: str, samples: tuple[Sample, ...], warn: Callable[[str], None]) -> None:
    from cicd_agent.adapters.telemetry.metrics_file import add_to  # noqa: PLC0415  only who has such a file pays for it

    try:
        add_to(Path(name), samples)
    except ConfigError as error:
        warn(str(error))


def _attributes(report: RunRecord, environment: Environment, repository: str) -> dict[str, Value]:
    """What the conventions for pipelines and version control name, and what only we have."""
    body = Node(body_of(report))
    event, account = report.event or Event(EventKind.OTHER), report.account
    owner, _, name = repository.rpartition("/")
    server = event.server or environment.server_url
    outputs = report.outputs
    told: dict[str, Value] = {
        "cicd.pipeline.name": environment.workflow,
        "cicd.pipeline.run.id": environment.run.run_id,
        "cicd.pipeline.run.url.full": event.run_url,
        "cicd.pipeline.task.name": f"cicd-agent {report.mode}".strip(),
        "cicd.pipeline.task.run.id": event.delivery,
        "cicd.pipeline.task.run.result": _result(report),
        "vcs.provider.name": "github" if owner else "",
        "vcs.owner.name": owner,
        "vcs.repository.name": name if owner else "",
        "vcs.repository.url.full": f"{server}/{repository}" if owner else "",
        "vcs.ref.head.name": event.head.name,
        "vcs.ref.head.revision": event.sha,
        "vcs.ref.base.name": event.base.name,
        "vcs.ref.base.revision": event.base.sha,
        "vcs.change.id": str(event.pull.number) if event.pull else "",
        "cicd_agent.mode": report.mode,
        "cicd_agent.event": event.kind.value,
        "cicd_agent.decision": decided(body),
        "cicd_agent.exit": int(report.exit),
        "cicd_agent.degraded": bool(account.degraded),
        "cicd_agent.risk_level": outputs.get("risk_level", ""),
        "cicd_agent.escalated": outputs.get("escalate_to_human", "") == "true",
        "cicd_agent.requests": account.usage.requests,
        "cicd_agent.cached_answers": account.usage.from_cache,
    }
    if account.cost_usd is not None:
        told["cicd_agent.cost_usd"] = account.cost_usd
    return told


def _result(report: RunRecord) -> str:
    if report.declined:
        return "skip"
    return "error" if report.error and report.exit in {Exit.OK, Exit.STOP} else _RESULTS.get(report.exit, "error")


def _resource(variables: Mapping[str, str]) -> dict[str, Value]:
    """What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say, over our own name."""
    pairs = (part.partition("=") for part in variables.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    said = {unquote(name).strip(): unquote(value).strip() for name, equals, value in pairs if equals and name.strip()}
    named = variables.get("OTEL_SERVICE_NAME", "")
    return {
        "service.name": "cicd-agent",
        "service.version": __version__,
        **said,
        **({"service.name": named} if named else {}),
    }


def _provider(base_url: str) -> str:
    """Who serves the models, in the words of the conventions; a server of one's own has none."""
    try:
        host = urlsplit(base_url).hostname or "" if base_url else "api.openai.com"
    except ValueError:
        return ""
    return next((name for domain, name in _PROVIDERS if f".{host}".endswith(f".{domain}")), "")
