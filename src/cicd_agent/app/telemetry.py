"""Exports how a run went: to the metrics file, and to a collector of OpenTelemetry's."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cicd_agent import __version__
from cicd_agent.adapters.telemetry.run import RunTelemetry
from cicd_agent.agent.messages import Model, Reply, Request, Stop
from cicd_agent.app.model_router import ModelRouter
from cicd_agent.app.recorder import decision_name
from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.serialization import body_of
from cicd_agent.domain.audit_entry import LOCAL_CHAIN
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.metric import Sample, added
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.timeline import Span, Timeline, Value
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.prometheus_text import exposition, parse
from cicd_agent.insights.metrics.run_samples import Ended, cleaned, decided, nothing_yet, of_report
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


def traced(router: ModelRouter, timeline: Timeline) -> ModelRouter:
    return router.with_models(lambda model: TracedModel(model, timeline))


def export_run(
    report: RunRecord,
    timeline: Timeline,
    settings: Settings,
    environment: Environment,
    warn: Callable[[str], None],
    *,
    redact: Callable[[str], str],
    now: Callable[[], float] = time.time,
) -> None:
    """Add the run to the metrics file and send it to the collector, where there are such. What fails is a warning."""
    is_watched = any(value for name, value in environment.telemetry.items() if name.endswith("_ENDPOINT"))
    ended = timeline.clock()
    if not (settings.metrics_file or is_watched):
        return
    epoch = timeline.epoch or now() - (ended - timeline.origin)
    at = epoch + ended - timeline.origin
    own = redact((report.event.repo if report.event else "") or environment.run.repository or LOCAL_CHAIN)
    repository = redact(report.audit.repository) or own  # by the name that the audit log has for it
    spans = timeline.spans
    counts = measured(report, spans, repository=repository, at=at, seconds=ended - timeline.origin)
    samples = added((), [cleaned(each, redact) for each in counts])
    if settings.metrics_file:
        _add(settings.metrics_file, samples, warn)
    if not is_watched:
        return
    from cicd_agent.adapters.telemetry.otlp import export  # noqa: PLC0415  only who is watched pays for a client

    run = RunTelemetry(
        began=timeline.origin,
        ended=ended,
        origin=timeline.origin,
        epoch=epoch,
        spans=spans,
        samples=samples,
        attributes=_attributes(report, environment, own),
        resource=_resource(environment.telemetry),
        record=_record(report, environment, ended - timeline.origin),
        error=Exit(report.exit).name.lower() if report.error and report.exit in set(Exit) else "",
        provider=_provider(settings.base_url),
        redact=redact,
    )
    export(run, environment.telemetry, environment.ca_bundle, warn)


def _add(name: str, samples: tuple[Sample, ...], warn: Callable[[str], None]) -> None:
    from cicd_agent.adapters.telemetry.metrics_file import add_to  # noqa: PLC0415  only who has such a file pays for it

    try:
        add_to(Path(name), lambda text: exposition(added(parse(text), samples)))
    except ConfigError as error:
        warn(str(error))


def measured(
    report: RunRecord, spans: Sequence[Span], *, repository: str = "", at: float = 0.0, seconds: float | None = None
) -> tuple[Sample, ...]:
    """The samples of one run. `at` is when it ended, in seconds since 1970; `repository` is its own."""
    stages: defaultdict[str, float] = defaultdict(float)
    for span in spans:
        stages[span.name] += span.seconds
    body = Node(body_of(report))
    ended = Ended(repository or LOCAL_CHAIN, at, seconds, stages)
    return (*nothing_yet(report.mode), *of_report(body, ended), *_requests(spans))


def _requests(spans: Sequence[Span]) -> Iterator[Sample]:
    """How long each model took."""
    for span in spans:
        if span.name == "model" and not span.attributes.get("cicd_agent.from_cache"):
            model = str(span.attributes.get("gen_ai.response.model") or span.attributes.get("gen_ai.request.model", ""))
            result = "failed" if span.failed else "replied"
            yield registry.sample("model_request_seconds", span.seconds, model=model, result=result)


def _record(report: RunRecord, environment: Environment, seconds: float) -> dict[str, Value]:
    """The fields of the log record of a run, without those that are not known."""
    event, run, account, outputs = report.event, environment.run, report.account, report.outputs
    values: dict[str, Value | None] = {
        "run_id": f"{run.run_id}.{run.run_attempt or '1'}" if run.run_id else "",
        "repository": (event.repo if event else "") or run.repository,
        "mode": report.mode,
        "event": event.kind.value if event else environment.event_name,
        "sha": getattr(report.result, "sha", "") or (event.sha if event else run.sha),
        "conclusion": outputs.get("conclusion"),
        "decision": outputs.get("shadow_decision") or outputs.get("decision") or decision_name(report),
        "risk_level": outputs.get("risk_level"),
        "exit": int(report.exit),
        "degraded": outputs.get("degraded") == "true" or bool(report.error),
        "model": account.model,
        "requests": account.usage.requests,
        "tokens": account.usage.total,
        "cost_usd": account.cost_usd,
        "seconds": round(seconds, 3),
        "version": __version__,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _attributes(report: RunRecord, environment: Environment, repository: str) -> dict[str, Value]:
    """What the conventions for pipelines and version control name, and what only we have."""
    body = Node(body_of(report))
    event, account = report.event or Event(EventKind.OTHER), report.account
    owner, _, name = repository.rpartition("/")
    server = event.server or environment.server_url
    outputs = report.outputs
    attributes: dict[str, Value] = {
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
        "cicd_agent.degraded": outputs.get("degraded") == "true",
        "cicd_agent.risk_level": outputs.get("risk_level", ""),
        "cicd_agent.escalated": outputs.get("escalate_to_human", "") == "true",
        "cicd_agent.requests": account.usage.requests,
        "cicd_agent.cached_answers": account.usage.from_cache,
    }
    if account.cost_usd is not None:
        attributes["cicd_agent.cost_usd"] = account.cost_usd
    return attributes


def _result(report: RunRecord) -> str:
    if report.declined:
        return "skip"
    return "error" if report.error and report.exit in {Exit.OK, Exit.STOP} else _RESULTS.get(report.exit, "error")


def _resource(variables: Mapping[str, str]) -> dict[str, Value]:
    """What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say, over our own name."""
    pairs = (part.partition("=") for part in variables.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    given = {unquote(name).strip(): unquote(value).strip() for name, equals, value in pairs if equals and name.strip()}
    if named := variables.get("OTEL_SERVICE_NAME", ""):
        given["service.name"] = named
    return {"service.name": "cicd-agent", "service.version": __version__, **given}


def _provider(base_url: str) -> str:
    """Who serves the models, in the words of the conventions; a server of one's own has none."""
    try:
        host = urlsplit(base_url).hostname or "" if base_url else "api.openai.com"
    except ValueError:
        return ""
    return next((name for domain, name in _PROVIDERS if f".{host}".endswith(f".{domain}")), "")


SPAN: Final = "model"
FROM_CACHE: Final = "cicd_agent.from_cache"

_FINISHED: Final[Mapping[Stop, str]] = {
    Stop.DONE: "stop",
    Stop.CUT_OFF: "length",
    Stop.FILTERED: "content_filter",
    Stop.REFUSED: "refusal",
}


@dataclass(frozen=True, slots=True)
class TracedModel:
    """A Model that leaves a span in the timeline for each request, also for one that failed."""

    model: Model
    timeline: Timeline

    @property
    def name(self) -> str:
        return self.model.name

    def complete(self, request: Request) -> Reply:
        request_attributes: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": self.name,
            "gen_ai.request.max_tokens": request.max_output_tokens,
        }
        with self.timeline.stage(SPAN, **request_attributes) as attributes:
            reply = self.model.complete(request)
            attributes.update(_reply_attributes(reply))
        return reply


def _reply_attributes(reply: Reply) -> dict[str, Value]:
    """What is known of a reply; tokens that the server did not report are not there, nor those of a kept answer."""
    usage = reply.usage
    cached = usage.from_cache > 0 and usage.requests == 0
    finished = "tool_calls" if reply.calls and reply.stop is Stop.DONE else _FINISHED[reply.stop]
    attributes: dict[str, Value] = {"gen_ai.response.finish_reasons": finished, FROM_CACHE: cached}
    if reply.model:
        attributes["gen_ai.response.model"] = reply.model
    counts = {
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.cache_read.input_tokens": usage.cached,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
    }
    if not cached:
        attributes["cicd_agent.requests"] = usage.requests
        attributes |= {name: number for name, number in counts.items() if number is not None}
    return attributes
