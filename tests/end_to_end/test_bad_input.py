import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Pull
from tests.support.servers.openai.app import (
    OpenAIServer,
    Step,
    drop,
    empty,
    html,
    malformed,
    refusal,
    status,
    truncated,
)

FAST = {"timeout_minutes": "0.35"}
"""One second for the model: its retries do not wait."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub is asked again without a pause."""
    monkeypatch.setattr("cicd_agent.adapters.github.forge.GitHubForge", partial(GitHubForge, sleep=lambda _: None))


def told(left: Left, exit_code: int, *words: str) -> None:
    """The run says what is wrong in one line, and every place where somebody looks for a result has one."""
    assert left.exit == exit_code, left.log
    assert "Traceback" not in left.log
    lines = [line for line in left.log.splitlines() if line.startswith("cicd-agent: ")]
    assert any(all(word in line for word in words) for line in lines), left.log
    assert left.outputs["conclusion"] == ("failure" if exit_code else "neutral")
    assert left.outputs["summary"]
    assert left.summary.strip()
    assert left.report["exit"] == exit_code


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", ["empty"]),
        (b'{"action": "opened", "pull_re', ["not JSON"]),
        (b"[1, 2]", ["not a JSON object"]),
        (b"\xff\xfe\x00", ["not UTF-8"]),
        (b"[" * 200_000, ["nested too deeply"]),
        (b" " * 33 * 1024 * 1024, ["too large"]),
    ],
    ids=["empty", "truncated", "a list", "bytes", "deep", "huge"],
)
def test_an_event_that_cannot_be_read(job: Job, payload: bytes, words: list[str]) -> None:
    job.event.write_bytes(payload)
    told(job.run(), 2, "event", *words)


def test_an_event_of_25_megabytes_is_read(job: Job) -> None:
    payload = job.payload()
    payload["pull_request"]["body"] = "x" * 25_000_000
    job.event.write_text(json.dumps(payload))
    assert job.run().outputs["risk_level"]


def test_an_event_file_that_is_not_there(job: Job) -> None:
    job.event.unlink()
    told(job.run(), 2, "event", "not a file")


def test_an_event_file_that_is_a_fifo_or_a_device(job: Job) -> None:
    job.variables["GITHUB_EVENT_PATH"] = "/dev/zero"
    told(job.run(), 2, "not a file")


@pytest.mark.parametrize("name", ["GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH"])
def test_an_environment_without_an_event(job: Job, name: str) -> None:
    del job.variables[name]
    told(job.run(), 2, "event")


def test_a_workspace_that_is_no_repository_and_no_token_to_ask_the_api(job: Job, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    job.variables["GITHUB_WORKSPACE"] = str(tmp_path / "elsewhere")
    told(job.run(), 2, "not in this clone", "there is no checkout", "fetch-depth: 0")


def test_commits_that_this_clone_cannot_have(job: Job) -> None:
    job.event.write_text(job.event.read_text().replace(job.head, "d" * 40))
    told(job.run(), 2, "not in this clone", "fetch-depth: 0")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["reveiw"], ["unknown mode", "did you mean `review`"]),
        (["review", "--frobnicate"], ["--frobnicate", "--help"]),
        (["review", "--format", "xml"], ["--format"]),
        (["review", "--input", "novalue"], ["NAME=VALUE"]),
        (["review", "--input", "min-severty=high"], ["unknown input", "did you mean `min-severity`"]),
        (["review", "--input", "max-comments=many"], ["max-comments"]),
        ([], []),
    ],
)
def test_a_wrong_command_line(job: Job, argv: list[str], words: list[str]) -> None:
    if argv:
        told(job.run(*argv), 2, *words)


def test_all_wrong_inputs_are_named_at_once(job: Job) -> None:
    left = job.run(min_severity="hihg", max_comments="-1", unknown_thing="1")
    told(left, 2, "3 inputs are wrong", "did you mean `high`", "unknown-thing", "max-comments")


def test_a_broken_config_of_the_base_branch_does_not_stop_the_review(tmp_path: Path) -> None:
    config = "min-severty: high\nfail-on: [\n"
    left = Job(tmp_path, before={"app.py": "x = 1\n", ".github/cicd-agent.yml": config}).run()
    assert left.exit == 0
    assert left.report["account"]["config_status"] == "invalid"
    assert left.outputs["risk_level"]
    assert ".github/cicd-agent.yml" in left.summary


def test_a_bad_key_of_the_config_is_named_with_its_line_and_the_rest_stands(tmp_path: Path) -> None:
    config = "fail-on: medium\nmin-severty: high\n"
    left = Job(tmp_path, before={"app.py": "x = 1\n", ".github/cicd-agent.yml": config}).run()
    assert left.exit == 1
    assert re.search(r"line 2: unknown key `min-severty`, did you mean `min-severity`", left.log)


def test_the_pull_requests_own_config_is_not_believed(tmp_path: Path) -> None:
    after = {"app.py": "import os\nos.system(input())\n", ".github/cicd-agent.yml": "paths-ignore: ['*']\n"}
    left = Job(tmp_path, after=after).run()
    assert int(left.outputs["findings_count"]) > 0
    assert len(left.report["verdict"]["suppressed"]) == 0


@pytest.mark.parametrize("code", [401, 403, 404, 429, 502])
@pytest.mark.usefixtures("awake")
def test_github_refuses_to_show_the_pull_request(job: Job, code: int) -> None:
    job.variables["GITHUB_EVENT_NAME"] = "workflow_dispatch"
    with FakeGitHub() as hub:
        hub.add_repo("octo/app")
        hub.fail("GET", "/pulls/7$", code, headers={"Retry-After": "600"}, times=9)
        job.variables["GITHUB_API_URL"] = hub.url
        told(job.run(github_token=hub.token, pull_request="7"), 3 if code == 401 else 0, "GitHub", str(code))


@pytest.mark.parametrize("code", [401, 403, 404, 422, 429, 502])
@pytest.mark.usefixtures("awake")
def test_github_refuses_everything_that_is_written(job: Job, code: int) -> None:
    with FakeGitHub() as hub:
        pull = _served(hub, job)
        hub.fail("POST", "", code, headers={"Retry-After": "600"}, times=99)
        left = job.run(github_token=hub.token)
        assert not pull.reviews
    assert left.exit == (3 if code == 401 else 0), left.log
    assert (left.outputs["risk_level"], left.outputs["degraded"]) == ("high", "true")
    assert str(code) in left.summary
    assert "::warning" in left.log
    assert "Traceback" not in left.log
    assert {receipt["state"] for receipt in left.report["receipts"] if receipt["kind"] in {"review", "comment"}} <= {
        "degraded",
        "failed",
    }


def test_github_answers_with_a_page_of_html(job: Job) -> None:
    with FakeGitHub() as hub:
        _served(hub, job)
        hub.fail("GET", "", 200, body="<html>Maintenance</html>", headers={"Content-Type": "text/html"}, times=99)
        left = job.run(github_token=hub.token)
    assert left.exit == 0, left.log
    assert "Traceback" not in left.log
    assert left.outputs["risk_level"] == "high"


def test_a_token_that_is_wrong_is_never_printed(job: Job) -> None:
    with FakeGitHub() as hub:
        _served(hub, job)
        left = job.run(github_token="ghs_" + "wrongwrong" * 3)
    assert left.exit == left.report["exit"] == 3
    assert "::error" in left.log
    assert "wrongwrong" not in left.log + left.summary + json.dumps(left.report)
    assert "401" in left.summary


@pytest.mark.parametrize(
    "step",
    [
        lambda: status(401),
        lambda: status(404),
        lambda: status(429, retry_after="600"),
        refusal,
    ],
    ids=["wrong key", "no such model", "long rate limit", "refusal"],
)
def test_a_model_that_will_not_answer_leaves_the_rules(job: Job, step: Callable[[], Step]) -> None:
    with OpenAIServer(step()) as server:
        degraded(job.run(base_url=server.url, openai_api_key="sk-" + "secretsecret" * 2))


@pytest.mark.parametrize("step", [malformed, truncated, empty], ids=["half an answer", "cut off", "nothing"])
def test_a_model_that_answers_rubbish_three_times_leaves_the_rules(job: Job, step: Callable[[], Step]) -> None:
    with OpenAIServer(step(), step(), step()) as server:
        degraded(job.run(base_url=server.url))


@pytest.mark.parametrize("step", [html, drop, lambda: status(503)], ids=["a page", "a lost connection", "an outage"])
def test_a_model_server_that_is_down_leaves_the_rules(job: Job, step: Callable[[], Step]) -> None:
    with OpenAIServer(step(), step()) as server:
        left = job.run(base_url=server.url, **FAST)
        server.steps.clear()
    degraded(left)


def test_a_model_server_that_does_not_exist_leaves_the_rules(job: Job) -> None:
    degraded(job.run(base_url="http://127.0.0.1:9/v1", **FAST))


def test_a_budget_that_is_too_small_leaves_the_rules(job: Job) -> None:
    with OpenAIServer() as server:
        left = job.run(base_url=server.url, max_input_tokens="10")
    degraded(left)
    assert "max-input-tokens" in left.summary


@pytest.mark.parametrize("inputs", [{}, {"model": "off", "openai_api_key": "sk-" + "secretsecret" * 2}])
def test_without_a_key_the_small_print_says_rules_only_and_nothing_else_does(job: Job, inputs: dict[str, str]) -> None:
    left = job.run(**inputs)
    assert left.outputs["degraded"] == "false"
    assert "::notice" not in left.log
    assert left.summary.count("rules only") == 1


def degraded(left: Left) -> None:
    assert left.exit == 0, left.log
    assert "Traceback" not in left.log
    assert left.outputs["degraded"] == "true"
    assert left.outputs["risk_level"] == "high"
    assert int(left.outputs["findings_count"]) > 0
    assert "secretsecret" not in left.log + left.summary + json.dumps(left.report)
    assert "Degraded" in left.summary


def _served(hub: FakeGitHub, job: Job) -> Pull:
    hub.add_repo("octo/app", job.repo.path)
    job.variables["GITHUB_API_URL"] = hub.url
    return hub.add_pull(7, base="main", head="topic")
