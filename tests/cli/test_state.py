"""`cicd-agent state`: what is known of a commit, by what earlier runs left and by GitHub."""

import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.reporter import Outlet, Streams
from cicd_agent.app.storage import Opened
from cicd_agent.cli.parser import Options, parse
from cicd_agent.cli.state import state
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.gate_evidence import CheckState, OriginPull, PastDeployment, ReviewState
from cicd_agent.domain.workflow_run import RunState
from cicd_agent.errors import ConfigError, ForgeRefused, StoreRefused
from cicd_agent.insights.accuracy.outcome_sources import Outside
from cicd_agent.settings.environment import Environment
from tests.support.fakes.gates import FakeGates
from tests.support.fakes.repository import FakeRepository
from tests.support.fakes.store import FakeStore

NOW = 1_790_000_000
SHA, HEAD, BASE = "a" * 40, "c" * 40, "b" * 40
SECRET = "ghs_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
ENVIRONMENT = Environment.read({"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": SECRET})
PULL = OriginPull(12, "ada", "main", SHA, SHA, authors=("ada",), reviews=(ReviewState("rita", "APPROVED", SHA, 1),))


def gates() -> FakeGates:
    return FakeGates(
        states={SHA: (CheckState("unit", "completed", "success", NOW - 600),)},
        came_from={SHA: PULL},
        ended=tuple(
            RunState(number, conclusion=end, status="completed", branch="main", created=NOW - 60)
            for number, end in enumerate(["success", "success", "success", "failure"])
        ),
        deployed={"production": [PastDeployment(1, BASE, "main", NOW - 9_000, "success", NOW - 8_000)]},
    )


def fact(kind: FactKind, values: dict[str, str], **fields: Any) -> Fact:
    known = {"subject": SHA, "at": NOW - 7_200, "mode": "review", "sha": SHA, "event_id": "9.1"}
    return Fact("acme/shop", kind, **{**known, **fields, "values": values})


def store(*facts: Fact, guarded: bool = False) -> FakeStore:
    made = FakeStore(guarded=guarded)
    made.put(facts)
    return made


LEFT = (
    fact(FactKind.REVIEW, {"decision": "comment", "risk_level": "high", "risk_score": "71"}),
    fact(FactKind.ROUTE, {"tests": "full", "strategy": "canary", "canary_percentage": "10"}, mode="route"),
    fact(FactKind.COVERAGE, {"delta": "0.5"}, mode="deploy-gate"),
    fact(FactKind.FAILURE, {"cause": "change", "root_cause": "E assert\n5 == 3"}, subject="5" * 16),
)


def run(
    *argv: str,
    book: FakeStore | None = None,
    github: FakeGates | None = None,
    repository: FakeRepository | None = None,
    environment: Environment = ENVIRONMENT,
    refused: str = "",
) -> str:
    options = parse(["state", "--sha", SHA, *argv] if "--sha" not in argv else ["state", *argv])

    def outside(_options: Options, _environment: Environment, _closing: ExitStack) -> Outside:
        return Outside(repository, None, github, ())

    def opening(_inputs: Mapping[str, str], _environment: Environment, _cwd: Path) -> Opened | None:
        if refused:
            raise StoreRefused(refused)
        return None if book is None else Opened(book)

    out = io.StringIO()
    outlet = Outlet(options, environment, Streams(out, io.StringIO()))
    assert state(options, environment, outlet, lambda: float(NOW), outside, book=opening) == 0
    return out.getvalue()


def told(*argv: str, **known: Any) -> dict[str, Any]:
    return dict(json.loads(run("--format", "json", *argv, **known)))


def answers(document: Mapping[str, Any]) -> dict[str, str]:
    return {each["topic"]: each["words"] for each in document["answers"] if each["known"]}


def test_the_account_book_and_github_together_answer_everything() -> None:
    book = store(*LEFT, guarded=True)
    document = told(book=book, github=gates())
    assert answers(document) == {
        "tests": "1 of 1 check passed",
        "coverage": "+0.5 points",
        "review": "approved by 1",
        "failures": "1 of 4 runs in 7 days failed",
        "risk": "high (71)",
        "route": "tests full, canary at 10 %",
        "deployment": "bbbbbbb: success",
    }
    assert (document["version"], document["store"], document["github"]) == (1, "memory", True)
    assert [each["root_cause"] for each in document["failures"]] == ["E assert\n5 == 3"]
    assert document["limits"] == []
    assert book.closed


def test_github_alone_answers_most() -> None:
    repository = FakeRepository(refs={"HEAD": SHA})
    document = told(github=gates(), repository=repository)
    assert answers(document) == {
        "tests": "1 of 1 check passed",
        "review": "approved by 1",
        "failures": "1 of 4 runs in 7 days failed",
        "deployment": "bbbbbbb: success",
    }
    assert document["store"] is None
    assert document["limits"] == ["no account book was read: give --state-dir or set DATABASE_URL"]


def test_without_a_checkout_nobody_says_that_a_squashed_commit_was_reviewed() -> None:
    github = gates()
    github.came_from = {SHA: replace(PULL, head=HEAD)}
    document = told(github=github)
    assert "review" not in answers(document)
    problems = {each["topic"]: each["problem"] for each in document["answers"]}
    assert "pull request 12 takes a checkout" in problems["review"]


def test_the_account_book_alone_says_who_said_it_and_when() -> None:
    text = run(book=store(*LEFT))
    assert f"commit {SHA[:12]}, environment production" in text
    assert "coverage" in text
    assert "120 min" not in text
    assert "2 h       deploy-gate of run 9.1 *" in text
    flat = " ".join(text.split())
    assert "not known: tests, failures" in flat
    assert text.count("nothing was found") == 1
    assert "failed 2 h ago, cause change: E assert 5 == 3 *" in text
    assert "* other steps could have written it" in text
    assert " *" not in run(book=store(*LEFT, guarded=True))


def test_each_read_may_fail_by_itself() -> None:
    github = gates()
    github.refusals = {"checks": ForgeRefused("GitHub refused", why="403"), "origins": ForgeRefused("it timed out")}
    document = told(github=github, book=store())
    assert set(answers(document)) == {"failures", "deployment"}
    assert {limit.partition(":")[0] for limit in document["limits"]} == {"tests", "review"}
    assert run(github=github, book=store()).count("it timed out") == 1


def test_a_book_that_cannot_be_read_is_a_limit_beside_github_and_an_error_without() -> None:
    document = told(github=gates(), refused="state.db is locked")
    assert "state.db is locked." in document["limits"]
    assert "tests" in answers(document)
    with pytest.raises(StoreRefused, match="locked"):
        run(refused="state.db is locked")
    broken = told(book=FakeStore(refuses="state.db is damaged"), github=gates())
    assert broken["limits"] == ["state.db is damaged."]


def test_with_neither_there_is_a_remedy() -> None:
    with pytest.raises(ConfigError, match=r"Give --state-dir or set DATABASE_URL, or set GITHUB_TOKEN"):
        run()


def test_the_commit_is_named_by_the_checkout_else_in_full() -> None:
    repository = FakeRepository(refs={"HEAD": HEAD, "v1": SHA})
    assert told("--sha", "v1", book=store(), repository=repository)["sha"] == SHA
    assert told("--sha", SHA, book=store())["sha"] == SHA
    with pytest.raises(ConfigError, match="is the beginning of a commit"):
        run("--sha", "abc1234", book=store())
    with pytest.raises(ConfigError, match="there is no commit called `gone`"):
        run("--sha", "gone", book=store(), repository=repository)


def test_facts_of_another_repository_environment_or_commit_are_not_shown() -> None:
    others = (
        replace(LEFT[0], repository="acme/other"),
        replace(LEFT[1], subject=BASE, sha=BASE),
        fact(FactKind.DEPLOYMENT, {"decision": "proceed"}, subject="staging"),
        replace(LEFT[2], at=NOW + 90_000),
    )
    assert answers(told(book=store(*others))) == {}
    staged = told("--environment", "staging", book=store(*others))
    assert answers(staged) == {"deployment": "aaaaaaa: the gate said proceed"}


def test_on_another_server_the_book_has_the_repository_by_its_server_too() -> None:
    elsewhere = Environment.read({"GITHUB_REPOSITORY": "acme/shop", "GITHUB_SERVER_URL": "https://git.acme.test"})
    book = store(replace(LEFT[0], repository="git.acme.test/acme/shop"), LEFT[1])
    assert set(answers(told(book=book, environment=elsewhere))) == {"review", "risk"}


def test_whatever_a_fact_holds_is_harmless_and_no_secret_is_printed() -> None:
    hostile = f"\x1b[31m::error::{SECRET}\n##[error]x \u202e"
    bad = fact(FactKind.FAILURE, {"cause": hostile, "root_cause": hostile}, subject="5" * 16, event_id=hostile)
    named = fact(FactKind.COVERAGE, {"delta": "1"}, mode=hostile, event_id=hostile)
    environment = Environment.read({"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": SECRET, "GITHUB_ACTIONS": "true"})
    for argv in ((), ("--format", "json")):
        text = run(*argv, book=store(bad, named), environment=environment)
        assert SECRET not in text
        assert "\x1b" not in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith(("::", "##["))]
