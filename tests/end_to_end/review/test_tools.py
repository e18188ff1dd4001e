import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.pull_request import AFTER, BEFORE, Job
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer, tool_call, tool_calls

OTHER = {"lib/limits.py": "LIMIT = 3\n", "config/.env.production": "PASSWORD=correct-horse-battery-staple\n"}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, before=BEFORE | OTHER, after=AFTER | OTHER)


def said(*findings: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": "It shells out.",
        "findings": findings,
        "risk_level": "low",
        "confidence": 0.8,
        "escalate_to_human": False,
        "escalation_reason": None,
    }


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_model_looks_things_up_before_it_answers_and_the_report_says_what(job: Job, api: str) -> None:
    look = tool_calls(
        ("read_file", json.dumps({"path": "lib/limits.py", "first_line": 1, "last_line": None}), "c1"),
        ("search", json.dumps({"pattern": None, "glob": "lib/**"}), "c2"),
    )
    with OpenAIServer(look, answer(said())) as server:
        left = job.run(base_url=server.url, api=api)
        assert "LIMIT = 3" in server.asked[1].text
    assert left.exit == 0, left.log
    [asked] = left.report["asked"]
    assert [action["tool"] for action in asked["actions"]] == ["read_file", "search"]
    assert asked["rounds"] == 2
    assert left.outputs["degraded"] == "false"


def test_what_deny_paths_name_is_not_shown_to_a_model_that_asks_for_it(job: Job) -> None:
    look = tool_calls(
        ("read_file", json.dumps({"path": "config/.env.production", "first_line": 1, "last_line": None}), "c1"),
        ("search", json.dumps({"pattern": "horse", "glob": None}), "c2"),
        ("read_file", json.dumps({"path": "../event.json", "first_line": 1, "last_line": None}), "c3"),
        ("read_file", json.dumps({"path": "/proc/self/environ", "first_line": 1, "last_line": None}), "c4"),
    )
    # Two of these are wrong calls: with a third the model would have been corrected too often.
    with OpenAIServer(look, answer(said())) as server:
        left = job.run(base_url=server.url)
        assert "correct-horse" not in "".join(asked.text for asked in server.asked)
    assert left.exit == 0, left.log
    assert all(action["trouble"] for action in left.report["asked"][0]["actions"])


def test_a_model_that_never_stops_looking_is_asked_for_its_answer_in_the_last_round(job: Job) -> None:
    steps = [tool_call("search", json.dumps({"pattern": None, "glob": f"{n}*"}), f"c{n}") for n in range(2)]
    with OpenAIServer(*steps, answer(said())) as server:
        left = job.run(base_url=server.url, max_rounds="3")
        assert "last request" in server.asked[2].text
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "false"


def test_without_a_checkout_the_model_is_offered_the_diff_alone_and_the_run_says_so(tmp_path: Path) -> None:

    job = Job(tmp_path)
    (tmp_path / "empty").mkdir()
    job.variables["GITHUB_WORKSPACE"] = str(tmp_path / "empty")
    with FakeGitHub() as hub, OpenAIServer(answer(said())) as server:
        hub.add_repo("octo/app", job.repo.path)
        hub.add_pull(7, base="main", head="topic")
        job.variables["GITHUB_API_URL"] = hub.url
        left = job.run(base_url=server.url, github_token=hub.token)
        assert "file_diff" in server.asked[0].text
        assert "read_file" not in json.dumps(server.asked[0].body["tools"])
    assert left.exit == 0, left.log
    assert "look up nothing but the diff" in left.summary
