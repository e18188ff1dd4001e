"""The page of the metrics, docs/metrics.md, made from the registry so that it cannot fall behind."""

from cicd_agent.domain.metric import Label, Metric
from cicd_agent.insights.metrics.registry import DECISIONS, EITHER, REGISTRY

_MARK = "<!-- Made by scripts/docs.py from src/cicd_agent/insights/metrics/page.py: change that, then `make docs`. -->"
_INTRODUCTION = """\
Every run can be counted: what it decided, what that cost, how long it took, and what was rejected or went wrong.
Nothing is sent anywhere unless somebody says where. There are three ways, and each counts the same:

| where runs happen | how | what it needs |
|---|---|---|
| machines of your own, with node exporter | the input `metrics-file` | nothing |
| anywhere, with an account book (`state-dir`, `DATABASE_URL`) | `cicd-agent metrics` | nothing |
| anywhere, with a collector | `OTEL_EXPORTER_OTLP_ENDPOINT` | `cicd-agent[otel]` |

A dashboard, alert rules and how to wire them up are in [deploy/monitoring](../deploy/monitoring/README.md). No metric
and no trace holds a prompt, code, the text of a finding, or a secret.
"""
_FILE = """\
## The metrics file

    with:
      metrics-file: /var/lib/node_exporter/cicd-agent.prom

Each run, a failed one too, adds its counts to those of the file: counters and histograms add up, gauges are replaced.
The file is replaced at once, so that a scrape never sees half of it. Runs at the same time wait for each other by a
lock beside it (`.cicd-agent.prom.lock`), three seconds at most. A file that holds anything else is left as it is, a
link is not followed: then the run says so in one line, and is not counted there. On a runner that ends with its job
such a file ends with it too.
"""
_COMMAND = """\
## `cicd-agent metrics`

    cicd-agent metrics --state-dir /srv/cicd-agent --out /var/lib/node_exporter/cicd-agent.prom

counts the runs of the account book, from its beginning: counters must only grow. With `--since 30d` it counts what is
not older, for a look of your own; such numbers go down again, and Prometheus would take that for a restart. `audit
prune` has the same effect, once. `--repository` counts one repository, `--format json` is for a program. `--accuracy
FILE` adds the gauges of what `cicd-agent accuracy --out FILE` has judged. A book does not hold how long each request
to a model took; all else is as in the metrics file.
"""
_TELEMETRY = """\
## OpenTelemetry

With `cicd-agent[otel]` and `OTEL_EXPORTER_OTLP_ENDPOINT` (or the variable of one signal) each run is sent when it has
ended: one trace, the metrics below, and a log record of what was decided ([fleet.md](fleet.md#a-record-of-each-run)).
It is tried once and takes two seconds at most; a collector that is down, slow or refuses costs one line of warning,
never the run.

| variable | meaning |
|---|---|
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_TRACES_ENDPOINT`, `…_METRICS_ENDPOINT`, `…_LOGS_ENDPOINT` | where to, if at all |
| `OTEL_EXPORTER_OTLP_HEADERS` and those of one signal | what authenticates; redacted, and no redirect is followed |
| `OTEL_EXPORTER_OTLP_PROTOCOL` | only `http/protobuf` is spoken |
| `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip` |
| `OTEL_EXPORTER_OTLP_CERTIFICATE`, `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY` | TLS; otherwise `SSL_CERT_FILE` counts |
| `HTTPS_PROXY`, `NO_PROXY` | the way out |
| `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`; otherwise what this run adds (delta) |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | what the run is called, `cicd-agent` by default |
| `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` | `none` leaves one out |
| `OTEL_SDK_DISABLED` | `true` leaves all out |
| `TRACEPARENT` | the trace that the run becomes a part of; one that is not sampled is not sent |

A run is a process that ends: it sends what it adds, and a collector's `deltatocumulative` processor makes totals of
that for Prometheus.

The trace has a span `cicd_agent.run`, below it one for each stage (`cicd_agent.gather`, `…rules`, `…ask`,
`…experiment`, `…verify`, `…perform`), and below these one for each request to a model, by the conventions for
generative AI: `gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model`, `gen_ai.response.model`,
`gen_ai.response.finish_reasons`, `gen_ai.usage.input_tokens`, `gen_ai.usage.output_tokens`,
`gen_ai.usage.cache_read.input_tokens`, `gen_ai.usage.reasoning.output_tokens`, `error.type`. What a server does not
say is not there. The run itself says `cicd.pipeline.name`, `cicd.pipeline.run.id`, `cicd.pipeline.run.url.full`,
`cicd.pipeline.task.name`, `cicd.pipeline.task.run.id`, `cicd.pipeline.task.run.result`, `vcs.provider.name`,
`vcs.owner.name`, `vcs.repository.name`, `vcs.repository.url.full`, `vcs.ref.head.name`, `vcs.ref.head.revision`,
`vcs.ref.base.name`, `vcs.ref.base.revision`, `vcs.change.id`, and as `cicd_agent.…` its mode, decision, exit code,
risk level, cost, and whether it was degraded or escalated.

The metrics are those below, under names that Prometheus turns into the same (`cicd_agent.runs` becomes
`cicd_agent_runs_total`), and the conventions' own `gen_ai.client.token.usage` and `gen_ai.client.operation.duration`.
"""
_LABELS = """\
## Labels

Every label is bounded, whatever a model, a server or a change says: most have a closed list of values, and anything
else is counted as `other`. Two are open, and hold so many values in one file or book, the rest being `other`: `model`
(20) and `repository` (200), which is the run's own. Counters that say that something went wrong are there with 0 from
a mode's first run on, so that the first time is an increase.
"""
_WIDE = 12


def page() -> str:
    """The whole page, in Markdown."""
    words = (_INTRODUCTION, _FILE, _COMMAND, _TELEMETRY, _LABELS)
    parts = ["# Metrics and traces", _MARK, *(part.rstrip() for part in words), _values(), "## All metrics", _table()]
    return "\n\n".join(parts) + "\n"


def _table() -> str:
    rows = [
        f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {metric.help} |"
        for metric in sorted(REGISTRY, key=lambda metric: metric.name)
    ]
    return "\n".join(["| metric | type | labels | counts |", "|---|---|---|---|", *rows])


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label.name}`" for label in metric.labels)


def _values() -> str:
    """The closed labels, each list once."""
    lists: dict[Label, list[str]] = {}
    for metric in REGISTRY:
        for label in metric.labels:
            if label.values and label.name != "decision":
                lists.setdefault(label, []).append(metric.name)
    rows = [f"| `{label.name}` | {_of(names)} | {_words(label.values)} |" for label, names in lists.items()]
    decided = [f"| `decision` | `{mode}` | {_words((*own, *EITHER))} |" for mode, own in DECISIONS.items()]
    return "\n".join(["| label | of | values |", "|---|---|---|", *rows, *decided])


def _of(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) if len(names) < _WIDE else "most metrics"


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)
