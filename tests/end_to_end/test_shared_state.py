"""What one mode leaves the next one finds, through a real audit log: runs of the command line on one directory."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import FactQuery
from tests.adapters.storage.books import run
from tests.support.jobs.failure import FailureJobs, failed, passed
from tests.support.jobs.gate import GateJobs
from tests.support.servers.github.app import FakeGitHub

CHAIN = "github.test/octo/app"
"""The repository of these jobs, on a server that is not github.com."""


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book"


def put(book: Path, *facts: Fact) -> None:
    book.mkdir(exist_ok=True)
    store = SqlStore.open(book / "state.db")
    store.append(run(repository=facts[0].repository), facts)
    store.close()


def left(book: Path, kind: FactKind) -> tuple[Fact, ...]:
    store = SqlStore.open(book / "state.db")
    found = store.facts(FactQuery(CHAIN, kind))
    store.close()
    return found


def test_a_deployment_of_what_our_review_refused_is_held_and_leaves_what_was_read(
    tmp_path: Path, hub: FakeGitHub, book: Path
) -> None:
    jobs = GateJobs(tmp_path, hub)
    assert jobs.run(state_dir=str(book)).outputs["decision"] == "proceed"
    told = {fact.subject: fact.values for fact in left(book, FactKind.COVERAGE)}
    assert (told[jobs.sha]["delta"], told[jobs.sha]["base"]) == ("0.5", jobs.base)
    assert left(book, FactKind.DEPLOYMENT)[0].values["decision"] == "proceed"

    # Others can write to a file: what an earlier run has measured does not speak for the change.
    silent = jobs.run(state_dir=str(book), signals_file="")
    assert "only where no step of a job can write" in silent.summary
    (coverage,) = [each for each in silent.report["gated"]["factors"] if each["name"] == "coverage"]
    assert (coverage["state"], coverage["points"]) == ("missing", 0)

    now = int(time.time())
    values = {"decision": "request_changes", "risk_level": "high"}
    put(book, Fact(CHAIN, FactKind.REVIEW, jobs.head, now, "review", jobs.head, "topic", "9.1", values))
    held = jobs.run(state_dir=str(book))
    assert (held.exit, held.outputs["decision"]) == (1, "hold"), held.log
    assert [each["id"] for each in held.report["gated"]["stops"]] == ["own-review"]
    assert f"our own review of {jobs.head[:7]} asked for changes" in held.summary


def test_a_failure_that_comes_back_is_known_again(tmp_path: Path, hub: FakeGitHub, book: Path) -> None:
    jobs = FailureJobs(tmp_path, hub)
    first = jobs.within(state_dir=str(book))
    assert "Explained before" not in first.summary
    (fact,) = left(book, FactKind.FAILURE)
    assert (fact.subject, fact.values["run"]) == (first.report["diagnosis"]["failures"][0]["strict"], "99")

    jobs.add(100, "topic", jobs.job.head, [failed(502)], event="pull_request", pulls=(7,))
    again = jobs.after_run(100, state_dir=str(book))
    assert again.report["diagnosis"]["failures"][0]["strict"] == fact.subject
    assert "Explained before: on 1 commit since" in again.summary
    assert (again.outputs["cause"], again.outputs["rerun_recommended"]) == (
        first.outputs["cause"],
        first.outputs["rerun_recommended"],
    )


def test_what_was_mended_and_comes_back_is_explained_with_its_fix(tmp_path: Path, hub: FakeGitHub, book: Path) -> None:
    jobs = FailureJobs(tmp_path, hub)
    first = jobs.within(state_dir=str(book))
    when = int(time.time())
    fixed = "f" * 40
    mended = [passed(601)]
    jobs.add(100, "topic", fixed, mended, conclusion="success", created_at=moment(when + 60))
    jobs.add(
        101, "topic", jobs.job.head, [failed(502)], event="pull_request", pulls=(7,), created_at=moment(when + 120)
    )
    again = jobs.after_run(101, "analyse-failure", "--keep-evidence", state_dir=str(book))
    assert again.report["diagnosis"]["failures"][0]["strict"] == first.report["diagnosis"]["failures"][0]["strict"], (
        again.log
    )
    assert f"it passed again from [`{fixed[:7]}`]" in again.summary

    # What was read of the book is part of the evidence: a replay needs no book.
    jobs.job.variables = {"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": "/nowhere"}
    replayed = jobs.job.run("replay", str(jobs.job.temp / "cicd-agent/analyse-failure/tape.jsonl"))
    assert "identical" in replayed.log, replayed.log


def moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
