"""The audit log as a workflow uses it: runs write it, later steps look into it, and what one left the next finds."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cicd_agent.adapters.performers.perform import perform
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.app import reporter
from cicd_agent.domain.facts import Fact, FactKind
from tests.adapters.storage.books import run
from tests.support.jobs import pull_request as pulls
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.services.postgres import NoServerError, Server, start
from tests.support.time_limit import strikes_anywhere

EXAMPLES = Path(__file__).parents[3] / "examples/workflows"
CHAIN = "github.test/octo/app"
"""The repository of the gate's jobs, on a server that is not github.com."""
ANCHOR = re.compile(r"[a-z./]+#\d+:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        running = start()
    except NoServerError as error:
        pytest.skip(str(error))
    yield running
    running.stop()


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> GateJobs:
    return GateJobs(tmp_path, hub)


def own_steps(name: str, job: Job) -> list[dict[str, Any]]:
    """What the cicd-agent steps of an example are given, in order."""
    workflow: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
    steps = [step for each in workflow["jobs"].values() for step in each["steps"]]
    given = [step["with"] for step in steps if step.get("uses", "").startswith("org/cicd-agent@")]
    temp = str(job.temp)
    return [{key: value.replace("${{ runner.temp }}", temp) for key, value in each.items()} for each in given]


def step(jobs: GateJobs, given: dict[str, Any]) -> Left:
    """One step as action.yml starts it."""
    named: dict[str, Any] = {key.replace("-", "_"): value for key, value in given.items()}
    return jobs.run("push", named.pop("mode"), **named)


def ask(job: Job, *argv: str, **inputs: str) -> Left:
    """A step that looks into the book."""
    for name in ("output", "summary"):
        (job.temp / name).write_text("")
    return job.run(*argv, **inputs)


def test_the_example_of_a_gate_with_a_book_proves_it_and_is_red_when_it_was_changed(jobs: GateJobs) -> None:
    gate, audit = own_steps("audit-log.yml", jobs.job)
    assert (gate["mode"], audit["mode"]) == ("deploy-gate", "audit")
    decided = step(jobs, gate)
    assert decided.outputs["decision"] == "proceed", decided.log
    # The end of the chain stands in the step summary, where whoever changes the book cannot reach.
    [anchor] = set(ANCHOR.findall(decided.summary))
    proved = step(jobs, audit)
    assert (proved.exit, proved.outputs["conclusion"]) == (0, "success"), proved.log
    assert proved.outputs["summary"].startswith(f"holds   {CHAIN}  2 entries")
    assert "holds" in proved.summary

    book = audit["state-dir"]
    for known in (anchor, str(jobs.job.temp / "cicd-agent/deploy-gate/report.json")):
        again = ask(jobs.job, "audit", "verify", "--anchor", known, state_dir=book)
        assert (again.exit, "the anchor of #" in again.log) == (0, True), again.log

    _execute(Path(book), """UPDATE cicd_agent_facts SET "values" = '{"decision": "proceed"}' WHERE kind = 'tests'""")
    changed = step(jobs, audit)
    assert (changed.exit, changed.outputs["conclusion"]) == (1, "failure")
    assert "#2 fact: the fact" in changed.summary

    _rewrite(Path(book))
    broken = step(jobs, audit)
    assert (broken.exit, broken.outputs["conclusion"]) == (1, "failure")
    assert "#1 " in broken.summary


def test_the_example_of_a_fleet_looks_into_what_its_repositories_wrote(jobs: GateJobs, server: Server) -> None:
    jobs.job.variables["DATABASE_URL"] = server.schema()
    assert jobs.run().outputs["decision"] == "proceed"
    assert jobs.run("push", "route").exit == 0
    audit, cost, accuracy = own_steps("accounts.yml", jobs.job)
    proved = step(jobs, audit)
    assert (proved.exit, proved.outputs["conclusion"]) == (0, "success"), proved.log
    assert f"{CHAIN}  4 entries" in proved.summary
    spent = step(jobs, cost)
    assert (spent.exit, spent.outputs["conclusion"]) == (0, "success"), spent.log
    assert "$0.00: no model was asked in 2 runs" in spent.outputs["summary"]
    judged = step(jobs, accuracy)
    assert (judged.exit, judged.outputs["conclusion"]) == (0, "success"), judged.log
    assert "deploy-gate" in judged.summary
    assert "holds no run" not in judged.summary


@pytest.mark.parametrize("place", ["sqlite", "postgres"])
def test_what_a_review_and_a_route_found_the_gate_knows(
    hub: FakeGitHub, tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    jobs = GateJobs(tmp_path, hub, pulls.AFTER)
    kept: dict[str, Any] = {"state_dir": str(tmp_path / "book")} if place == "sqlite" else {}
    if not kept:
        jobs.job.variables["DATABASE_URL"] = request.getfixturevalue("server").schema()
    reviewed = jobs.run("pull_request", "review", payload=jobs.job.payload(), model="off", **kept)
    assert reviewed.outputs["decision"] == "request_changes", reviewed.log
    routed = jobs.run("pull_request", "route", payload=jobs.job.payload(), **kept)
    assert routed.exit == 0, routed.log

    held = jobs.run("push", "deploy-gate", "--keep-evidence", **kept)
    assert (held.exit, held.outputs["decision"]) == (1, "hold"), held.log
    assert "own-review" in [each["id"] for each in held.report["gated"]["stops"]]

    # What was read of the book is part of the evidence: a replay needs none.
    tape = str(jobs.job.temp / "cicd-agent/deploy-gate/tape.jsonl")
    jobs.job.variables = {"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": "/nowhere"}
    assert "identical" in jobs.job.run("replay", tape).log


def test_coverage_that_an_earlier_run_measured_counts_only_where_no_step_can_write(
    jobs: GateJobs, server: Server, tmp_path: Path
) -> None:
    url, folder = server.schema(), tmp_path / "book"
    folder.mkdir()
    now = int(time.time())
    values = {"before": "80", "after": "85"}
    facts = [
        Fact(
            CHAIN,
            FactKind.COVERAGE,
            jobs.sha,
            now - 60,
            "deploy-gate",
            jobs.sha,
            "main",
            "8.1",
            values | {"delta": "5", "base": jobs.base, "measured": str(now - 60)},
        )
    ]
    for address in (url, folder / "state.db"):
        store = SqlStore.open(address)
        store.append(run(repository=facts[0].repository), facts)
        store.close()

    def coverage(left: Left) -> tuple[str, bool]:
        [factor] = [each for each in left.report["gated"]["factors"] if each["name"] == "coverage"]
        return factor["state"], factor["points"] > 0

    assert coverage(jobs.run(signals_file="", state_dir=str(folder))) == ("missing", False)
    jobs.job.variables["DATABASE_URL"] = url
    assert coverage(jobs.run(signals_file="")) == ("known", True)


def test_a_book_is_asked_by_the_name_that_github_shows_on_any_server(jobs: GateJobs, tmp_path: Path) -> None:
    book = str(tmp_path / "book")
    jobs.run(state_dir=book)
    for command in (("audit", "list"), ("audit", "verify"), ("cost",), ("metrics",), ("accuracy",)):
        left = ask(jobs.job, *command, "--repository", "octo/app", state_dir=book)
        assert left.exit == 0, left.log
        assert not any(
            words in left.log for words in ("no run", "nothing to judge", "nothing of that", "there is no chain")
        ), left.log
    for command in (("audit", "list"), ("audit", "verify"), ("cost",), ("metrics",)):
        left = ask(jobs.job, *command, "--repository", "octo/other", state_dir=book)
        assert left.exit == 2, left.log
        assert f"there is no chain of github.test/octo/other. Give one that is there: {CHAIN}" in left.log
    shown = ask(jobs.job, "audit", "show", "1", "--repository", "octo/app", state_dir=book)
    assert f"{CHAIN}#1:" in shown.log


def test_each_attempt_of_a_run_is_entered(jobs: GateJobs, tmp_path: Path) -> None:
    book = str(tmp_path / "book")
    jobs.unapprove()
    jobs.hold(state_dir=book)
    jobs.again(state_dir=book)
    listed = ask(jobs.job, "audit", "list", state_dir=book).log
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["#3", "#1"]
    for name, number in (("77.1", 1), ("77.2", 3)):
        assert f"{CHAIN}#{number}:" in ask(jobs.job, "audit", "show", name, state_dir=book).log


def test_a_run_that_is_cancelled_leaves_its_decision_unfinished_and_then_its_failure(
    jobs: GateJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = str(tmp_path / "book")

    def cancelled(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(reporter, "perform", perform)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came too late")

    monkeypatch.setattr(reporter, "perform", cancelled)
    assert jobs.run(state_dir=book).exit == 130
    listed = ask(jobs.job, "audit", "list", state_dir=book).log
    newest, oldest = (line.split() for line in listed.splitlines()[1:3])
    assert (newest[0], newest[4]) == ("#2", "failed")
    assert (oldest[0], oldest[4]) == ("#1…", "proceed")
    assert "it was ended, or is still at work" in listed
    assert ask(jobs.job, "audit", state_dir=book).exit == 0
    shown = ask(jobs.job, "audit", "show", "2", state_dir=book).log
    assert "the run was cancelled before its end" in shown


@strikes_anywhere
def test_a_run_that_takes_too_long_is_entered_with_its_reason(
    jobs: GateJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = str(tmp_path / "book")

    def hang(*_: Any, **__: Any) -> Any:
        signal.pause()

    monkeypatch.setattr("cicd_agent.app.stages.conclude", hang)
    assert jobs.run(state_dir=book, timeout_minutes="0.001").exit != 0
    assert "time limit" in ask(jobs.job, "audit", "show", "1", state_dir=book).log


def _rewrite(book: Path) -> None:
    """Change what the first entry says, as somebody with the file can."""
    _execute(book, "UPDATE cicd_agent_entries SET text = replace(text, 'proceed', 'hold') WHERE seq = 1")


def _execute(book: Path, statement: str) -> None:
    with sqlite3.connect(book / "state.db") as base:
        assert base.execute(statement).rowcount == 1
    base.close()
