import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent import __version__
from cicd_agent.agent.messages import Request
from cicd_agent.app.model_router import ModelRouter, budget
from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.telemetry import export_run, traced
from cicd_agent.domain.effects import Receipt, ReceiptState
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.usage import Usage
from cicd_agent.insights.metrics.prometheus_text import parse
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings
from tests.app.test_decision import decision
from tests.insights.metrics.test_run_samples import values
from tests.support.fakes.scripted_model import ScriptedModel
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job
from tests.support.samples.records import report
from tests.support.servers.collector import Collector, plain
from tests.support.servers.github.app import FakeGitHub

DOCUMENT = Path(__file__).parents[2] / "docs/reference/organisations.md"
EVENT = Event(
    EventKind.PULL_REQUEST,
    repo="acme/shop",
    sha="a" * 40,
    base=Ref("main", "b" * 40, "acme/shop"),
    head=Ref("topic", "a" * 40, "acme/shop"),
    pull=PullRequest(7, title="the title"),
    delivery="1234.1",
    server="https://github.com",
)
VARIABLES = {"GITHUB_RUN_ID": "1234", "GITHUB_WORKFLOW": "CI", "GITHUB_REPOSITORY": "acme/shop"}


def written() -> RunRecord:
    return replace(report(decision(), exit_code=0, outputs={"risk_level": "low"}, receipts=()), event=EVENT)


def timeline() -> Timeline:
    ticks = iter(range(1_000))
    found = Timeline(lambda: float(next(ticks)), epoch=1_790_000_000)
    with found.stage("gather"):
        pass
    return found


def say(
    told: RunRecord, settings: Settings | None = None, variables: Mapping[str, str] | None = None, *secrets: str
) -> list[str]:
    said: list[str] = []
    environment = Environment.read({**VARIABLES, **(variables or {})})
    export_run(told, timeline(), settings or Settings(), environment, said.append, redact=Redactor(secrets).redact)
    return said


def test_nothing_is_told_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert say(written()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_added_to_the_metrics_file(tmp_path: Path) -> None:
    settings = Settings(metrics_file=str(tmp_path / "x.prom"))
    assert say(written(), settings) == say(written(), settings) == []
    found = values(parse((tmp_path / "x.prom").read_text()))
    assert found["runs_total/acme/shop/review/neutral"] == 2
    assert found["stage_seconds/review/gather"] == 2
    assert found["last_run_timestamp_seconds/acme/shop/review"] > 1_790_000_000


def test_a_run_that_failed_before_its_event_was_read_is_counted_too(tmp_path: Path) -> None:
    settings = Settings(metrics_file=str(tmp_path / "x.prom"))
    with Collector() as collector:
        assert (
            say(RunRecord("review", 70, error="a bug"), settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) == []
        )
        root = collector.spans[0]
    found = values(parse((tmp_path / "x.prom").read_text()))
    assert found["runs_total/acme/shop/review/failed"] == found["exits_total/review/70"] == 1
    assert (root.status.code, plain(root.attributes)["error.type"]) == (2, "bug")
    assert plain(root.attributes)["cicd.pipeline.task.run.result"] == "error"


def test_a_file_of_somebody_else_is_a_line_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "node.prom"
    path.write_text("node_load1 1\n")
    (line,) = say(written(), Settings(metrics_file=str(path)))
    assert "`metrics-file`" in line
    assert path.read_text() == "node_load1 1\n"


def test_the_trace_says_which_pipeline_and_which_change_in_the_words_of_the_conventions() -> None:
    with Collector() as collector:
        resource = {
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=ci,team=a%20b",
            "OTEL_SERVICE_NAME": "agents",
        }
        assert say(written(), None, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **resource}) == []
        found = plain(collector.spans[0].attributes)
        assert collector.resource["service.name"] == "agents"
        assert (collector.resource["deployment.environment.name"], collector.resource["team"]) == ("ci", "a b")
        assert b"the title" not in b"".join(body for _, body in collector.raw)
    assert {name: value for name, value in found.items() if not name.startswith("cicd_agent.")} == {
        "cicd.pipeline.name": "CI",
        "cicd.pipeline.run.id": "1234",
        "cicd.pipeline.run.url.full": "https://github.com/acme/shop/actions/runs/1234",
        "cicd.pipeline.task.name": "cicd-agent review",
        "cicd.pipeline.task.run.id": "1234.1",
        "cicd.pipeline.task.run.result": "success",
        "vcs.provider.name": "github",
        "vcs.owner.name": "acme",
        "vcs.repository.name": "shop",
        "vcs.repository.url.full": "https://github.com/acme/shop",
        "vcs.ref.head.name": "topic",
        "vcs.ref.head.revision": "a" * 40,
        "vcs.ref.base.name": "main",
        "vcs.ref.base.revision": "b" * 40,
        "vcs.change.id": "7",
    }
    known = {
        value
        for room in ("cicd", "vcs")
        for value in vars(
            __import__(f"opentelemetry.semconv._incubating.attributes.{room}_attributes", fromlist=["x"])
        ).values()
        if isinstance(value, str)
    }
    assert {name for name in found if name.startswith(("cicd.", "vcs."))} <= known
    assert (found["cicd_agent.decision"], found["cicd_agent.mode"]) == ("comment", "review")


def test_each_series_is_told_once() -> None:
    many = replace(
        written(), receipts=(Receipt("a", "review", ReceiptState.DONE), Receipt("b", "review", ReceiptState.DONE))
    )
    with Collector() as collector:
        say(many, None, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        (point,) = collector.metrics["cicd_agent.effects"].sum.data_points
    assert point.as_double == 2


def test_a_word_of_ours_that_is_somebody_s_secret_still_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    assert say(written(), Settings(metrics_file=str(path)), None, "review", "neutral") == []
    assert values(parse(path.read_text()))["runs_total/acme/shop/review/neutral"] == 1


def test_no_secret_leaves_in_whatever_it_was_written(tmp_path: Path) -> None:
    secret = "Zk7Qp" + "L9vRt2Xw4Ym6"
    token = "gh" + "p_" + "a1B2" * 9
    event = replace(EVENT, head=Ref(f"topic/{secret}", "a" * 40), base=Ref(token), repo=f"acme/{secret}")
    path = tmp_path / "x.prom"
    with Collector() as collector:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "GITHUB_WORKFLOW": f"CI {secret}"}
        assert say(replace(written(), event=event), Settings(metrics_file=str(path)), variables, secret) == []
        raw = b"".join(body for _, body in collector.raw) + path.read_bytes()
    assert len(raw) > 1_000
    assert secret.encode() not in raw
    assert token.encode() not in raw


def test_a_collector_in_trouble_is_a_line_and_the_file_is_written_all_the_same(tmp_path: Path) -> None:
    with Collector(503) as collector:
        settings = Settings(metrics_file=str(tmp_path / "x.prom"))
        (line,) = say(written(), settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert line == "telemetry was not sent: 127.0.0.1 answered 503 (traces, metrics, logs)"
    assert (tmp_path / "x.prom").exists()


def test_every_model_that_is_asked_is_timed() -> None:
    found = timeline()
    plain = ModelRouter(
        ScriptedModel("x", name="a"),
        budget(Settings(), "review", lambda: 0.0),
        b"",
        str,
        fallback=ScriptedModel("x", name="c"),
    )
    router = traced(plain, found)
    assert router.fast is None
    for model in (router.model, router.fallback):
        assert model is not None
        model.complete(Request("", "", "", {}))
    asked = [span.attributes["gen_ai.request.model"] for span in found.spans if span.name == "model"]
    assert asked == ["a", "c"]


def record_of(told: RunRecord) -> dict[str, object]:
    with Collector() as collector:
        assert say(told, None, {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{collector.url}/v1/logs"}) == []
        (record,) = collector.records
    return {name.removeprefix("cicd_agent."): value for name, value in plain(record.attributes).items()}


def test_the_record_says_what_was_decided_and_what_it_cost() -> None:
    found = record_of(written())
    assert found == {
        **found,
        "run_id": "1234.1",
        "repository": "acme/shop",
        "mode": "review",
        "event": "pull_request",
        "sha": "a" * 40,
        "risk_level": "low",
        "exit": 0,
        "degraded": found["degraded"],
        "version": __version__,
    }


def test_what_is_not_known_is_left_out_and_a_failed_run_is_degraded() -> None:
    found = record_of(RunRecord("review", 70, error="a bug in /home/somebody/x.py"))
    assert (found["decision"], found["exit"], found["degraded"]) == ("failed", 70, True)
    assert {"sha", "conclusion", "risk_level", "model", "cost_usd", "event"}.isdisjoint(found)
    assert "somebody" not in str(found)


def test_nothing_of_the_change_is_in_the_record() -> None:
    foreign = {"summary": "app.py is bad", "root_cause": "x.py", "affected_files": "y.py", "reasons": "z.py"}
    found = str(record_of(replace(written(), outputs={**written().outputs, **foreign})))
    assert not any(value in found for value in ("the title", *foreign.values()))


def test_the_document_has_the_fields_of_the_record_as_they_are() -> None:
    account = replace(written().account, model="gpt-5.5", cost_usd=0.25, usage=Usage(1, 2, 3))
    outputs = {"conclusion": "neutral", "decision": "comment", "risk_level": "low"}
    rows = re.findall(r"^\| `(\w+)` \| .+ \|$", DOCUMENT.read_text("utf-8").partition("## A record")[2], re.MULTILINE)
    assert set(rows) == record_of(replace(written(), account=account, outputs=outputs)).keys()


def test_without_a_collector_no_socket_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(tmp_path)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", opened)
    monkeypatch.setattr(socket, "getaddrinfo", opened)
    assert job.run().exit == 0


def test_every_run_is_recorded_failed_ones_too_and_a_dry_one_is_not(tmp_path: Path) -> None:
    job = Job(tmp_path)
    with Collector() as collector:
        job.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        left = job.run()
        assert job.run(api="nonsense").exit == 2
        job.run("review", "--dry-run")
        good, bad = (plain(record.attributes) for record in collector.records)
    assert (good["cicd_agent.mode"], good["cicd_agent.exit"], good["cicd_agent.sha"]) == ("review", 0, job.head)
    assert (good["cicd_agent.decision"], good["cicd_agent.requests"]) == (left.outputs["decision"], 0)
    assert (bad["cicd_agent.decision"], bad["cicd_agent.exit"], bad["cicd_agent.degraded"]) == ("failed", 2, True)


def test_a_gate_that_was_not_understood_is_recorded_as_a_hold(tmp_path: Path) -> None:
    with FakeGitHub() as hub, Collector() as collector:
        jobs = GateJobs(tmp_path, hub)
        jobs.job.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        left = jobs.run(organisation_config="locked: {fail-on: x}")
        (record,) = collector.records
    assert (left.exit, left.outputs["decision"]) == (2, "hold"), left.log
    assert "organisation-config` line 1: `fail-on` must be" in left.outputs["summary"]
    assert plain(record.attributes)["cicd_agent.decision"] == "hold"
