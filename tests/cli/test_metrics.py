import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.telemetry import measured
from cicd_agent.cli.parser import parse
from cicd_agent.domain.audit_entry import Entry, Row
from cicd_agent.domain.metric import added
from cicd_agent.domain.ports.storage import EntryQuery
from cicd_agent.domain.timeline import Span
from cicd_agent.errors import ConfigError
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.prometheus_text import parse as read
from cicd_agent.settings.environment import Environment
from tests.app.test_decision import decision
from tests.insights.metrics.test_run_samples import RUN, values
from tests.support.fakes.store import FakeStore
from tests.support.samples.records import report
from tests.support.sessions import session_of

NOW = RUN["at"] + 3600


def book(*entries: Entry) -> FakeStore:
    store = FakeStore()
    for each in entries or (run(), run(mode="route", decision="full"), run(at=RUN["at"] - 90 * 86_400)):
        store.append(each)
    return store


def run(repository: str = "acme/shop", **changed: object) -> Entry:
    return Entry.of(repository, {**RUN, **changed})


def ask(*arguments: str, store: FakeStore | None = None) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    invocation = parse(["metrics", *arguments])
    session = session_of(invocation, Environment(), Streams(out, err), lambda: NOW)
    kept = store or book()
    assert invocation.run(session, open_log=lambda *_: kept) == 0
    assert kept.closed
    return out.getvalue(), err.getvalue()


def told(*arguments: str, store: FakeStore | None = None) -> dict[str, float]:
    return {**values(read(ask(*arguments, store=store)[0]))}


def test_the_totals_are_those_of_the_whole_book() -> None:
    found = told()
    assert found["runs_total/acme/shop/review/success"] == 2
    assert found["decisions_total/route/full"] == 1
    assert found["tokens_total/gpt-5.5/input"] == 3600
    assert found["last_run_timestamp_seconds/acme/shop/review"] == RUN["at"]


def test_since_and_repository_say_what_counts() -> None:
    assert told("--since", "30d")["runs_total/acme/shop/review/success"] == 1
    store = book(run(), run("acme/other"))
    assert set(told("--repository", "acme/other", store=store)) & {"runs_total/acme/shop/review/success"} == set()


def test_repositories_and_models_without_end_are_capped() -> None:
    store = book(*(run(f"acme/{number}", at=RUN["at"] + number) for number in range(250)))
    found = told(store=store)
    assert sum(name.startswith("runs_total/") for name in found) == 201
    assert found["runs_total/other/review/success"] == 50


def test_the_file_is_written_at_once_for_a_collector(tmp_path: Path) -> None:
    path = tmp_path / "cicd-agent.prom"
    out, err = ask("--out", str(path))
    assert (out, "written to" in err) == ("", True)
    assert values(read(path.read_text()))["runs_total/acme/shop/review/success"] == 2
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_program_reads_it_as_json() -> None:
    document = json.loads(ask("--format", "json")[0])
    assert document["version"] == 1
    (runs,) = [
        each
        for each in document["samples"]
        if each["name"] == "cicd_agent_runs_total" and each["labels"]["mode"] == "route"
    ]
    assert (runs["kind"], runs["value"]) == ("counter", 1)
    spread = next(each for each in document["samples"] if each["kind"] == "histogram")
    assert len(spread["counts"]) == len(spread["bounds"]) + 1


def test_what_did_not_happen_yet_is_there_so_that_its_first_time_is_an_increase() -> None:
    text = ask()[0]
    assert 'cicd_agent_exits_total{mode="review",code="70"} 0\n' in text
    assert 'cicd_agent_audit_total{state="failed"} 0\n' in text
    written = report(decision(), exit_code=0, outputs={}, receipts=())
    assert registry.sample("audit_total", 0.0, state="failed") in measured(written, ())


def test_an_empty_book_counts_nothing() -> None:
    out, err = ask(store=FakeStore())
    assert (out, "nothing of that is in the audit log" in err) == ("", True)


def test_what_is_no_entry_is_said_and_the_rest_counts() -> None:
    class Torn(FakeStore):
        def find(self, wanted: EntryQuery) -> Iterator[Row]:
            for row in super().find(wanted):
                yield from (row, replace(row, seq=0, text="\0 torn"), replace(row, text='{"kind": "run", "mode": ['))

    store = Torn()
    store.append(run())
    out, err = ask(store=store)
    assert values(read(out))["runs_total/acme/shop/review/success"] == 1
    assert "2 lines of the audit log could not be read" in err


JUDGED = {"version": 1, "modes": {"review": {"right": 8, "wrong": 2, "unknown": 5, "share": 0.8, "threshold": 0.7}}}


def test_accuracy_is_added_where_it_was_judged(tmp_path: Path) -> None:
    path = tmp_path / "accuracy.json"
    path.write_text(json.dumps(JUDGED))
    found = told("--accuracy", str(path))
    assert found["accuracy_ratio/review"] == 0.8
    assert found["accuracy_threshold_ratio/review"] == 0.7
    assert found["accuracy_decisions/review/unknown"] == 5
    path.write_text(json.dumps({"version": 1, "modes": {"review": {"right": 0, "share": None}, "x": []}}))
    assert "accuracy_ratio/review" not in told("--accuracy", str(path)), "of nothing there is no share"


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "modes": {}}', '{"version": 1}', "[" * 10_000])
def test_what_accuracy_did_not_write_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accuracy.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="accuracy"):
        ask("--accuracy", str(path))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "--since is no time: `yesterday`"),
        (("--since", "99999999-01-01"), "--since is no time"),
        (("--out", "/no/such/folder/x.prom"), "cannot be written"),
        (("--accuracy", "/no/such/file"), "accuracy"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ask(*arguments)


def test_without_a_book_the_remedy_is_named() -> None:
    invocation = parse(["metrics"])
    session = session_of(invocation, Environment(), Streams(io.StringIO(), io.StringIO()), lambda: NOW)
    with pytest.raises(ConfigError, match=r"no audit log.*state-dir"):
        invocation.run(session, open_log=lambda *_: None)


def test_a_report_and_its_spans_are_measured() -> None:
    spans = [
        Span("gather", 0, 1),
        Span("experiment", 1, 2),
        Span("experiment", 3, 5),
        Span("model", 6, 8, attributes={"gen_ai.request.model": "gpt-5.5"}),
        Span("model", 6, 8, attributes={"gen_ai.request.model": "gpt-5.5", "cicd_agent.from_cache": True}),
        Span("model", 6, 8, attributes={"gen_ai.request.model": "gpt-5.5"}, failed="ModelUnavailable"),
    ]
    written = report(decision(), exit_code=0, outputs={}, receipts=())
    found = values(added((), measured(written, spans, repository="acme/shop", at=NOW, seconds=9)))
    assert found["runs_total/acme/shop/review/neutral"] == 1
    assert found["findings_total/rule/high"] == 1
    assert found["stage_seconds/review/experiment"] == 3
    assert found["model_request_seconds/gpt-5.5/replied"] == found["model_request_seconds/gpt-5.5/failed"] == 2
    assert (found["run_seconds/review"], found["last_run_timestamp_seconds/acme/shop/review"]) == (9, NOW)
