"""Whoever is about the audit log besides us gets no word of a secret, forges no entry, and keeps no run waiting."""

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.database import parse_url
from cicd_agent.adapters.storage.postgres import BoundedConnection, PostgresServer
from cicd_agent.adapters.storage.sqlite import SqliteFile
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.adapters.telemetry.metrics_file import add_to
from cicd_agent.app import main as edge
from cicd_agent.app.options import RunOptions
from cicd_agent.app.security.secrets import secrets
from cicd_agent.app.storage import StoredState
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import FactQuery
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.errors import BudgetExhausted, StoreRefused
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import ask, decided
from tests.support.jobs.pull_request import Job
from tests.support.servers.silent_postgres import SilentPostgres
from tests.support.time_limit import strikes_anywhere

LONG = "Hunter2/Hunter2#more"


@pytest.fixture
def silent() -> Iterator[SilentPostgres]:
    with SilentPostgres() as server:
        yield server


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def entered(job: Job) -> list[dict[str, object]]:
    """What the audit log of the job holds, in its order."""
    with closing(SqlStore.open(job.temp / "state/state.db")) as store:
        return [json.loads(row.text) for row in store.rows("octo/app")]


def test_a_server_that_lets_us_in_and_is_silent_is_given_up_and_the_run_goes_on(
    job: Job, silent: SilentPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "silence", 0.2)
    job.variables["DATABASE_URL"] = silent.url
    left = job.run()
    assert (left.exit, left.report["audit"]["state"]) == (0, "failed"), left.log
    assert "it does not answer" in left.log
    assert left.outputs["decision"]
    assert "Hunter2" not in left.log + left.summary + str(left.report)


@strikes_anywhere
def test_a_run_that_is_ended_while_it_waits_for_its_account_says_so_and_does_not_wait_again(
    job: Job, silent: SilentPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but the limit of the run would end it.
    monkeypatch.setattr(BoundedConnection, "silence", 1e6)
    monkeypatch.setattr(edge, "FAILURE_SECONDS", 0.2)
    job.variables["DATABASE_URL"] = silent.url
    left = job.run(timeout_minutes="0.005")
    assert (left.exit, left.outputs["conclusion"], left.outputs["degraded"]) == (0, "neutral", "true"), left.log
    assert "timeout-minutes" in left.summary
    assert left.report["audit"]["state"] == "failed"
    assert "did not answer before the end of the run" in left.report["audit"]["why"]


def test_a_decision_from_a_file_is_entered_as_one_and_leaves_no_facts(job: Job) -> None:
    evidence, decision = job.place / "evidence.json", job.place / "decision.json"
    job.run("gather", "review", "--out", str(evidence))
    job.run("decide", "review", "--in", str(evidence), "--out", str(decision))
    told = json.loads(decision.read_text())
    told["body"]["event"]["repo"] = "victim/bank"
    decision.write_text(json.dumps(told))
    left = job.run("perform", "review", "--in", str(decision), state_dir=str(job.temp / "state"))
    [run, receipts] = entered(job)
    assert (run["kind"], run["stage"], run["repository"]) == ("run", "deliver", "octo/app"), left.log
    assert receipts["repository"] == "octo/app"
    assert left.report["audit"]["repository"] == "octo/app"
    with closing(SqlStore.open(job.temp / "state/state.db")) as store:
        assert store.facts(FactQuery("octo/app")) == ()


def test_an_event_of_another_repository_enters_nothing_in_its_chain(job: Job) -> None:
    payload = job.payload()
    payload["repository"] = {"full_name": "victim/bank", "default_branch": "main", "id": 2}
    job.event.write_text(json.dumps(payload))
    left = job.run(state_dir=str(job.temp / "state"))
    assert {entry["repository"] for entry in entered(job)} == {"octo/app"}
    assert "victim/bank#" not in left.summary
    with closing(SqlStore.open(job.temp / "state/state.db")) as store:
        assert store.repositories() == ("octo/app",)


def test_facts_that_came_in_a_file_are_trusted_by_nobody(job: Job) -> None:
    evidence, decision = job.place / "evidence.json", job.place / "decision.json"
    job.run("gather", "review", "--out", str(evidence))
    told = json.loads(evidence.read_text())
    fact = {"repository": "octo/app", "kind": "coverage", "subject": job.head, "at": 1, "values": {"delta": "9"}}
    told["body"]["known"] = {"facts": [fact], "trusted": True, "limits": []}
    evidence.write_text(json.dumps(told))
    left = job.run("decide", "review", "--in", str(evidence), "--out", str(decision))
    known = json.loads(decision.read_text())["body"]["evidence"]["known"]
    assert known["facts"], left.log
    assert known["trusted"] is False


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://agent:{}@db.test/fleet",
        "postgresql://agent@db.test/fleet?password={}",
        "postgresql://db.test/fleet?user=agent&sslpassword={}&connect_timeout=3",
        "redis://:{}@cache.test:6379/0",
    ],
)
@pytest.mark.parametrize("written", [LONG, "Hunter2%2FHunter2%23more"])
def test_a_password_is_masked_wherever_a_url_has_it_and_however_it_is_written(url: str, written: str) -> None:
    if "?" in url and written == LONG:
        written = "Hunter2/Hunter2%23more"
    url = url.format(written)
    environment = Environment(redis_url=url) if url.startswith("redis") else Environment(database_url=url)
    redact = Redactor(secrets(RunOptions(), environment)).redact
    assert "Hunter2" not in redact(f"OperationalError: {LONG} and {written}")
    assert redact("db.test cache.test fleet agent") == "db.test cache.test fleet agent"


def test_a_collectors_header_is_masked_as_it_is_sent_too() -> None:
    telemetry = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20Hunter2Hunter2%3D%3D"}
    redact = Redactor(secrets(RunOptions(), Environment(telemetry=telemetry))).redact
    assert "Hunter2" not in redact("sent Basic Hunter2Hunter2== there")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://agent:Hunter2@Hunter3@127.0.0.1:1/fleet",
        "postgresql://agent:Hunter2@127.0.0.1:port/fleet",
        "postgresql://agent:Hunter2@[::1/fleet",
        "postgresql://agent:Hunter2@127.0.0.1:1/fleet?sslmode=Hunter3",
        "postgresql://agent:Hunter2@127.0.0.1:1/fleet?service=Hunter3",
        "host=127.0.0.1 password=Hunter2",
    ],
)
def test_no_word_about_an_address_repeats_what_is_secret_in_it(url: str) -> None:
    with pytest.raises(StoreRefused) as refused:
        SqlStore.open(url, patience=0.1)
    assert "Hunter" not in str(refused.value)


def test_a_pipe_in_the_place_of_the_lock_of_a_metrics_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".x.prom.lock")
    add_to(tmp_path / "x.prom", str)
    assert (tmp_path / "x.prom").exists()


def test_a_list_does_not_read_the_book_once_for_every_run_that_nobody_finished() -> None:
    class Counting(FakeStore):
        reads = 0

        def find(self, wanted: object) -> Iterator[object]:  # type: ignore[override]
            Counting.reads += 1
            return super().find(wanted)  # type: ignore[arg-type]

    store = Counting()
    for number in range(50):
        store.append(decided(number))
    printed = ask(store, "list", "--most", "50", "--format", "json")
    assert not any(run["finished"] for run in json.loads(printed.out)["runs"])
    assert Counting.reads < 5


def test_a_store_that_refused_once_is_not_waited_for_with_every_question() -> None:
    asked = []

    class Refusing(FakeStore):
        def facts(self, about: FactQuery) -> tuple[Fact, ...]:
            asked.append(about)
            raise StoreRefused("it is locked")

    state = StoredState(Refusing(), "octo/app", "octo/app")
    known = [state.find(kind, "a" * 40) for kind in FactKind]
    assert len(asked) == 1
    assert {each.limits for each in known} == {("it is locked.",)}


@pytest.mark.parametrize("last", [sqlite3.OperationalError("cannot rollback"), AssertionError()])
@pytest.mark.parametrize("ended", [BudgetExhausted("the time limit of the run is over"), KeyboardInterrupt()])
def test_the_end_of_a_run_is_not_lost_in_what_a_library_makes_of_it(
    last: Exception, ended: BaseException, tmp_path: Path
) -> None:
    database = SqliteFile(tmp_path / "state.db", 1)

    def interrupted() -> None:
        with database.guard():
            try:
                raise ended
            finally:
                raise last

    with pytest.raises(type(ended)):
        interrupted()


def test_what_libraries_log_of_an_error_is_not_shown() -> None:
    PostgresServer(parse_url("postgresql://agent@db.test/fleet"), 1)
    assert logging.getLogger("psycopg").handlers
