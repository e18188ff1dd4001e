"""The time limit of a run strikes at each of its stages: what the rules have found is posted, and counts."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.performers.context import EffectContext
from cicd_agent.adapters.performers.local import Local
from cicd_agent.modes.review.mode import Review
from tests.support.jobs.pull_request import AFTER, BEFORE, Job, Left
from tests.support.jobs.recorded import CLAIM, DRAFT, KEPT
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import Asked, OpenAIServer, answer, status
from tests.support.time_limit import strike, strikes_anywhere, struck

OTHER = {**CLAIM, "line": 4, "quote": "def go(name):", "title": "Anybody can call it", "category": "architecture"}
BOTH = {"rulings": [{**KEPT["rulings"][0], "id": name} for name in ("C1", "C2")]}
ANSWERS = (answer({**DRAFT, "findings": [CLAIM, OTHER]}), answer(BOTH), answer({"contradictions": []}))
QUESTIONS = ("review", "judge", "description")
FAIL_ON = pytest.mark.parametrize("fail_on", ["off", "high"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setattr("cicd_agent.adapters.github.forge.GitHubForge", partial(GitHubForge, sleep=lambda _: None))
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def job(tmp_path: Path, hub: FakeGitHub) -> Job:
    made = Job(tmp_path / "job", body="It only renames.")
    hub.add_repo("octo/app", made.repo.path)
    hub.add_pull(7, base="main", head="topic")
    made.variables["GITHUB_API_URL"] = hub.url
    return made


def posted(hub: FakeGitHub) -> str:
    pull = hub.repos["octo/app"].pulls[7]
    return "\n".join([*(one.body for one in pull.comments), *(str(one.fields["body"]) for one in pull.review_comments)])


def assert_found(left: Left, fail_on: str) -> None:
    """The rules' finding is there and counts, and it is said that something is missing."""
    assert left.exit == (fail_on == "high"), left.log
    assert (left.outputs["risk_level"], left.outputs["degraded"]) == ("high", "true")
    assert left.outputs["conclusion"] == ("failure" if left.exit else "neutral")
    assert "shell-injection" in {each["id"] for each in left.report["verdict"]["findings"]}
    assert "::warning" in left.log
    assert "Traceback" not in left.log


@strikes_anywhere
@FAIL_ON
@pytest.mark.parametrize("stage", ["gather", "rules"])
def test_a_limit_that_strikes_before_there_is_a_verdict_of_the_rules_is_not_green(
    job: Job, stage: str, fail_on: str
) -> None:
    with struck(Review, stage):
        left = job.run(fail_on=fail_on)
    assert left.exit == (5 if fail_on == "high" else 0), left.log
    assert left.outputs["conclusion"] == ("failure" if left.exit else "neutral")
    assert (left.outputs["risk_level"], left.outputs["degraded"]) == ("", "true")
    assert "timeout-minutes" in left.summary
    assert ("::error" if left.exit else "::warning") in left.log


@strikes_anywhere
@FAIL_ON
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_limit_that_strikes_while_a_question_is_asked_ends_the_questions_alone(
    job: Job, hub: FakeGitHub, question: str, fail_on: str
) -> None:
    def hang(asked: Asked) -> Any:
        strike()
        return status(500, "too late")(asked)

    asked = QUESTIONS.index(question)
    with OpenAIServer(*ANSWERS[:asked], hang) as server:
        left = job.run(base_url=server.url, fail_on=fail_on, github_token=hub.token)
        assert len(server.asked) == asked + 1
    assert_found(left, fail_on)
    assert "the time limit of the run is over" in left.summary
    assert left.report["account"]["usage"]["requests"] == asked
    assert [each["question"] for each in left.report["asked"]] == list(QUESTIONS[: asked + 1])
    assert [bool(each["failure"]) for each in left.report["asked"]] == [False] * asked + [True]
    titles = {each["title"] for each in left.report["verdict"]["findings"] if each["origin"] == "model"}
    assert bool(titles) == bool(asked)
    assert "shell" in posted(hub)


@strikes_anywhere
@FAIL_ON
@pytest.mark.parametrize("stage", ["questions", "experiment", "verify", "report"])
def test_a_limit_that_strikes_after_the_rules_loses_no_finding_of_theirs(
    job: Job, hub: FakeGitHub, stage: str, fail_on: str
) -> None:
    with struck(Review, stage):
        left = job.run(model="off", fail_on=fail_on, github_token=hub.token)
    assert_found(left, fail_on)
    assert "the time limit of the run is over" in left.summary
    assert "shell" in posted(hub)


@strikes_anywhere
def test_a_limit_that_strikes_while_state_is_saved_changes_nothing(job: Job) -> None:
    with struck(Review, "save_state"), OpenAIServer(*ANSWERS) as server:
        left = job.run(base_url=server.url)
    assert (left.exit, left.outputs["degraded"]) == (0, "false"), left.log


@strikes_anywhere
@FAIL_ON
@pytest.mark.parametrize("method", ["attempt", "upsert", "record"])
def test_a_limit_that_strikes_while_github_is_told_is_recorded(
    job: Job, hub: FakeGitHub, method: str, fail_on: str
) -> None:
    with struck(EffectContext, method):
        left = job.run(model="off", fail_on=fail_on, github_token=hub.token)
    assert left.exit == (fail_on == "high"), left.log
    assert left.outputs["risk_level"] == "high"
    assert "could not be posted in time" in left.log
    told = {each["kind"]: each["state"] for each in left.report["receipts"]}
    assert "degraded" in {told["comment"], told["review"]}
    assert told["summary"] == "done"
    assert "**Not done:**" in left.summary


@strikes_anywhere
def test_a_limit_that_strikes_while_this_machine_is_written_to_loses_nothing(job: Job, hub: FakeGitHub) -> None:
    with struck(EffectContext, "__init__"):
        left = job.run(model="off", fail_on="high", github_token=hub.token)
    assert (left.exit, left.outputs["risk_level"]) == (1, "high"), left.log
    assert "could not finish" not in left.summary


@FAIL_ON
def test_a_refusal_before_the_rules_is_not_green_where_findings_count(job: Job, hub: FakeGitHub, fail_on: str) -> None:
    hub.fail("GET", "/pulls/7$", 403, times=9)
    left = job.run(fail_on=fail_on, github_token=hub.token, pull_request="7")
    assert left.exit == (3 if fail_on == "high" else 0), left.log
    assert (left.outputs["risk_level"], left.outputs["degraded"]) == ("", "true")


def configured(place: Path, text: str) -> Job:
    return Job(place / "configured", {**BEFORE, ".github/cicd-agent.yml": text}, AFTER)


@pytest.mark.parametrize(
    ("setting", "key", "code"),
    [("warn", "sk-test", 0), ("fail", "sk-test", 4), ("fail", "", 0)],
)
def test_a_configured_model_that_does_not_answer_fails_where_that_is_wanted(
    tmp_path: Path, setting: str, key: str, code: int
) -> None:
    made = configured(tmp_path, f"on-unavailable: {setting}\n")
    with OpenAIServer(status(401, "no")) as server:
        left = made.run(base_url=server.url if key else "", openai_api_key=key)
        server.steps.clear()
    assert left.exit == code, left.log
    assert left.outputs["risk_level"] == "high"
    assert left.outputs["degraded"] == str(bool(key)).lower()
    assert left.report["exit"] == code


def test_a_budget_that_runs_out_fails_where_that_is_wanted(tmp_path: Path) -> None:
    made = configured(tmp_path, "on-unavailable: fail\nmax-input-tokens: 10\n")
    with OpenAIServer() as server:
        left = made.run(base_url=server.url)
    assert (left.exit, left.outputs["risk_level"], left.outputs["degraded"]) == (5, "high", "true"), left.log


@strikes_anywhere
def test_a_finding_that_counts_comes_before_an_answer_that_is_missing(tmp_path: Path) -> None:
    made = configured(tmp_path, "on-unavailable: fail\nfail-on: high\n")
    with struck(Review, "questions"):
        assert made.run(model="off").exit == 1
    made = configured(tmp_path / "again", "on-unavailable: fail\n")
    with struck(Review, "questions"):
        assert made.run(model="off").exit == 5


@strikes_anywhere
def test_the_config_file_of_the_base_says_whether_findings_count(tmp_path: Path) -> None:
    with struck(Review, "rules"):
        left = configured(tmp_path, "fail-on: high\n").run(model="off")
    assert (left.exit, left.outputs["conclusion"], left.outputs["risk_level"]) == (5, "failure", "")


@strikes_anywhere
def test_a_limit_that_strikes_while_outputs_are_written_loses_no_receipt(job: Job, hub: FakeGitHub) -> None:
    with struck(Local, "carry_out"):
        left = job.run(github_token=hub.add_token("ghs_own", pull_requests="write", contents="read"))
    assert (left.outputs["degraded"], left.report["outputs"]["degraded"]) == ("true", "true")
    (receipt,) = [each for each in left.report["receipts"] if each["kind"] == "comment"]
    assert receipt["state"] == "degraded"
    assert "it is not known whether it was done: the time limit" in receipt["detail"]
