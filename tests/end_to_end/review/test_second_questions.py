"""A whole run with the questions that follow the first: what they change, and what it is when they fail."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.pull_request import Job
from tests.support.jobs.recorded import CLAIM, DRAFT, KEPT
from tests.support.servers.openai.app import OpenAIServer, answer, status

OTHER = {**CLAIM, "line": 4, "quote": "def go(name):", "title": "Anybody can call it", "category": "architecture"}
TWO = {**DRAFT, "findings": [CLAIM, OTHER]}
DROPPED = {
    "rulings": [
        *KEPT["rulings"],
        {**KEPT["rulings"][0], "id": "C2", "ruling": "drop", "reason": "It is new.", "quote": "return name"},
    ]
}
CONTRADICTED = {
    "contradictions": [
        {"claim": "only renames", "but": "the change also runs a command @everyone", "path": "app.py"},
        {"claim": "is tested", "but": "the change has no tests", "path": "app.py"},
    ]
}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, body="It only renames.")


def titles(findings: list[Any]) -> list[str]:
    return [each["title"] for each in findings if each["origin"] == "model"]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_judge_drops_one_claim_and_the_description_is_contradicted(job: Job, api: str) -> None:
    with OpenAIServer(answer(TWO), answer(DROPPED), answer(CONTRADICTED)) as server:
        left = job.run(base_url=server.url, api=api)
        first, second, third = (asked.text for asked in server.asked)
        assert "only renames" not in first + second
        assert "Anybody can call it" in second
        assert "only renames" in third
        assert "os.system" not in third
        assert ["read_file" in str(asked.body.get("tools")) for asked in server.asked] == [True, True, False]
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "false"
    assert titles(left.report["verdict"]["findings"]) == ["The exit status is dropped"]
    assert [each["reason"] for each in left.report["verdict"]["rejected"]] == ["refuted on second look: It is new."]
    assert [each["question"] for each in left.report["asked"]] == ["review", "judge", "description"]
    assert "The description says “only renames”; the change also runs a command" in left.summary
    assert "@everyone" not in left.summary.replace("`@everyone`", "")
    assert "is tested" not in left.summary


def test_a_clean_change_without_a_description_costs_one_question(tmp_path: Path) -> None:
    with OpenAIServer(answer({**DRAFT, "findings": []})) as server:
        assert Job(tmp_path).run(base_url=server.url).outputs["decision"] == "request_changes"


def test_a_judge_that_fails_loses_no_finding_and_the_run_is_not_degraded(job: Job) -> None:
    with OpenAIServer(answer(TWO), status(400, "no"), status(400, "no")) as server:
        left = job.run(base_url=server.url)
        server.steps.clear()
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "false"
    assert len(titles(left.report["verdict"]["findings"])) == 2
    assert "the model was not used" not in left.log
    for name in ("judge", "description"):
        assert f"The question `{name}` was left out" in left.log


def test_when_the_budget_is_gone_the_second_questions_are_left_out(job: Job) -> None:
    usage = {"input": 149_000, "cached": 0, "output": 90, "reasoning": 0}
    with OpenAIServer(answer(TWO, usage=usage)) as server:
        left = job.run(base_url=server.url)
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "false"
    assert len(titles(left.report["verdict"]["findings"])) == 2
    assert "The question `judge` was left out" in left.log


def test_the_base_branch_can_switch_the_judge_off(tmp_path: Path) -> None:
    config = {".github/cicd-agent.yml": "judge: off\n"}
    job = Job(tmp_path, before={"app.py": "import os\n\n\ndef go(name):\n    return name\n", **config})
    with OpenAIServer(answer(DRAFT)) as server:
        left = job.run(base_url=server.url)
    assert left.report["account"]["config_status"] == "ok", left.log
    assert titles(left.report["verdict"]["findings"]) == ["The exit status is dropped"]
