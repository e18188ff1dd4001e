"""`cicd-agent doctor`: what is wrong is named with its remedy, what cannot be known is not guessed."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.hostile import digest
from tests.support.jobs.pull_request import Job, Left
from tests.support.project_python import project_python
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.git_state import GitCommit
from tests.support.services.redis_server import local_redis, needs_redis
from tests.support.test_runners import sandbox

KEY = "key-of-" + "the-company-1234"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def job(tmp_path: Path, hub: FakeGitHub) -> Job:
    job = Job(tmp_path)
    repo = hub.add_repo("octo/app", job.repo.path)
    repo.store.commits[job.head] = GitCommit(job.head, "0" * 40, "Change", "contributor", (job.base,))
    hub.add_pull(7, base="main", head="topic", head_ref="topic")
    job.variables |= {"GITHUB_API_URL": hub.url, "GITHUB_SERVER_URL": "https://github.test"}
    return job


class Models(BaseHTTPRequestHandler):
    """A server with a list of models, for whoever has the key."""

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == f"Bearer {KEY}"
        known = self.path == "/v1/models"
        status = 404 if not known else 200 if allowed else 401
        body = json.dumps({"object": "list", "data": [{"id": "large", "object": "model"}]} if status == 200 else {})
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def models() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def look(job: Job, *arguments: str, **inputs: str) -> tuple[Left, dict[str, Mapping[str, Any]]]:
    """What was left, and the checks by their names."""
    left = job.run("doctor", *arguments, "--format", "json", **inputs)
    found = json.loads(left.log[left.log.index("{") : left.log.rindex("}") + 1])
    return left, {check["name"]: check for _, checks in found["groups"] for check in checks}


def test_a_job_that_is_right_is_ready(job: Job, hub: FakeGitHub, models: str) -> None:
    token = hub.add_token("ghs_enough", contents="read", pull_requests="write")
    left, checks = look(job, github_token=token, base_url=models, openai_api_key=KEY, model="large")
    assert left.exit == 0, left.log
    assert left.outputs["conclusion"] == "success"
    assert left.outputs["summary"].startswith("ready: ")
    assert "fail" not in {check["health"] for check in checks.values()}
    assert checks["contents"]["health"] == checks["pull-requests"]["health"] == "ok"
    assert "cannot be told without writing" in checks["pull-requests"]["words"]
    assert checks["model"]["words"] == "large at 127.0.0.1"
    assert {request.method for request in hub.received} == {"GET"}


def test_each_permission_that_is_missing_is_named_with_the_line_to_add(job: Job, hub: FakeGitHub) -> None:
    token = hub.add_token("ghs_less", contents="read")
    left, checks = look(job, "deploy-gate", github_token=token, model="off")
    assert left.exit == 1
    assert left.outputs["conclusion"] == "failure"
    missing = {name: check["remedy"] for name, check in checks.items() if check["health"] == "fail"}
    assert missing["actions"] == "Give the job `actions: read`"
    assert {"actions", "checks", "deployments", "issues", "statuses"} <= {*missing}
    assert checks["contents"]["health"] == "ok"


def test_a_token_that_github_does_not_know_ends_the_asking(job: Job, hub: FakeGitHub) -> None:
    left, checks = look(job, github_token="ghs_unknown_to_everybody")
    assert left.exit == 1
    assert checks["GitHub"]["health"] == "fail"
    assert len(hub.received) == 1
    assert "ghs_unknown_to_everybody" not in left.log + left.summary


@pytest.mark.parametrize(
    ("inputs", "health", "words"),
    [
        ({"openai_api_key": "another-" + "key-98765"}, "fail", "does not take the key"),
        ({"openai_api_key": KEY, "model": "small"}, "warn", "does not list small"),
        ({"openai_api_key": KEY, "base_url": "/elsewhere"}, "ok", "no list of models"),
        ({"openai_api_key": KEY, "base_url": "http://127.0.0.1:9/v1"}, "fail", "no answer"),
        ({"model": "off"}, "skip", "rules only"),
    ],
)
def test_a_model_is_judged_without_a_question_that_costs(
    job: Job, models: str, inputs: dict[str, str], health: str, words: str
) -> None:
    given = {"base_url": models, "model": "large"} | inputs
    if given["base_url"].startswith("/"):
        given["base_url"] = models + given["base_url"]
    left, checks = look(job, **given)
    assert checks["model"]["health"] == health, left.log
    assert words in checks["model"]["words"]
    assert not [secret for secret in (KEY, "another-" + "key-98765") if secret in left.log + left.summary]


def test_a_shallow_clone_is_told_with_the_line_to_change(job: Job, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{job.repo.path}", str(shallow)],
        check=True,
        capture_output=True,
    )
    job.variables["GITHUB_WORKSPACE"] = str(shallow)
    _, checks = look(job, model="off")
    assert checks["depth"]["health"] == "warn"
    assert "fetch-depth: 0" in checks["depth"]["remedy"]


def test_what_is_wrong_with_inputs_and_places_is_told_and_nothing_is_made(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = digest(tmp_path)
    inputs = {
        "cache_dir": str(tmp_path / "file/cache"),
        "state_dir": str(tmp_path / "new/state"),
        "slack_token": "x" * 20,
    }
    left, checks = look(job, model="off", **inputs)
    assert left.exit == 1
    assert {name for name, check in checks.items() if check["health"] == "fail"} >= {"cache-dir", "Slack"}
    assert checks["state-dir"]["words"].endswith("will be made")
    assert not (tmp_path / "new").exists()
    after = {name: text for name, text in digest(tmp_path).items() if not name.startswith("temp/")}
    assert after == {name: text for name, text in before.items() if not name.startswith("temp/")}
    wrong, found = look(job, min_severity="enormous")
    assert wrong.exit == 1
    assert found["set-up"]["health"] == "fail"
    assert "`min-severity` must be" in found["set-up"]["words"]


def test_a_mode_that_has_nothing_to_do_for_the_event_says_so(job: Job) -> None:
    payload = job.payload()
    payload["pull_request"]["draft"] = True
    job.event.write_text(json.dumps(payload))
    _, checks = look(job, model="off")
    assert checks["event"]["health"] == "warn"
    assert "draft" in checks["event"]["words"]


def test_the_screen_fits_and_is_told_in_the_step_summary(job: Job) -> None:
    left = job.run("doctor", "gen-tests", "--format", "text", model="off")
    assert "This machine\n  ok    cicd-agent" in left.log
    assert len(left.log.splitlines()) <= 60
    assert "### cicd-agent doctor" in left.summary
    assert "gen-tests needs the project's Python" in left.log


def test_at_a_terminal_it_needs_nothing(job: Job) -> None:
    out = io.StringIO()
    from cicd_agent.app.console import Streams  # noqa: PLC0415
    from cicd_agent.app.main import run  # noqa: PLC0415
    from cicd_agent.cli.parser import parse  # noqa: PLC0415

    asked = parse(["doctor", "--repo-dir", str(job.repo.path)])
    code = run(asked, {"PATH": job.variables["PATH"]}, Streams(out, out))
    assert code == 0, out.getvalue()
    assert "ready: " in out.getvalue()


def test_a_config_file_that_nobody_has_merged_yet_is_said_to_wait(job: Job) -> None:
    assert "defaults are in force" in look(job, model="off")[1]["config file"]["words"]
    (job.repo.path / ".github").mkdir()
    (job.repo.path / ".github/cicd-agent.yml").write_text("fail-on: high\n")
    assert "once the base branch has it" in look(job, model="off")[1]["config file"]["words"]


def test_a_redis_that_is_down_costs_only_what_it_would_have_saved(job: Job) -> None:
    job.variables["REDIS_URL"] = f"redis://:{'s3cret' * 3}@127.0.0.1:1/0"
    left, checks = look(job, model="off")
    assert checks["REDIS_URL"]["health"] == "warn"
    assert "cannot be used" in checks["REDIS_URL"]["words"]
    assert "s3cret" not in left.log


@needs_redis
def test_a_redis_that_answers_is_right_and_one_with_another_password_is_not(job: Job, tmp_path: Path) -> None:
    with local_redis(tmp_path, password="open" * 3) as server:
        job.variables["REDIS_URL"] = server.url
        assert look(job, model="off")[1]["REDIS_URL"]["health"] == "ok"
        job.variables["REDIS_URL"] = server.url.replace("open" * 3, "shut" * 3)
        assert look(job, model="off")[1]["REDIS_URL"]["health"] == "warn"


def test_where_telemetry_is_sent_is_said_and_nothing_is_sent(job: Job) -> None:
    job.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://collector.example:4318"
    job.variables["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] = "grpc"
    _, checks = look(job, model="off")
    assert checks["OpenTelemetry, traces"]["words"].startswith("to collector.example")
    assert checks["OpenTelemetry, metrics"]["health"] == "warn"


def test_gen_tests_is_told_which_python_it_would_take(job: Job) -> None:
    found = sandbox()  # skips where there is none
    _, checks = look(job, "gen-tests", model="off", python=sys.executable)
    assert (checks["sandbox"]["health"], checks["sandbox"]["words"]) == ("ok", str(found.choice()))
    assert checks["project's Python"]["health"] == "ok", checks["project's Python"]
    assert "pytest" in checks["project's Python"]["words"]
    left, checks = look(job, "gen-tests", model="off", python="/nowhere/python")
    assert left.exit == 1
    assert checks["project's Python"]["health"] == "fail"
    assert checks["project's Python"]["remedy"]


def test_gen_tests_runs_the_project_s_tests_and_names_those_that_would_be_set_aside(job: Job) -> None:
    sandbox()
    tests = (
        "def test_ok():\n    assert 1\n\n\ndef test_web():\n    import socket\n    socket.gethostbyname('pypi.org')\n"
    )
    (job.repo.path / "test_doctor_sample.py").write_text(tests)
    _, checks = look(job, "gen-tests", model="off", python=str(project_python()))
    assert checks["project's tests"]["health"] == "warn"
    assert checks["project's tests"]["words"].endswith("1 would be set aside")
    assert checks["environment"]["words"].startswith("test_doctor_sample.py::test_web: gaierror: ")
    (job.repo.path / "test_doctor_sample.py").write_text("import nowhere\n")
    left, checks = look(job, "gen-tests", model="off", python=str(project_python()))
    assert left.exit == 1
    assert "No module named 'nowhere'" in checks["project's tests"]["words"]
    assert "it has no `nowhere`" in checks["project's tests"]["words"]


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("uses: org/cicd-agent/deploy-gate@v1\n        with:\n          enforce: shadow\n", "is in shadow"),
        ("uses: org/cicd-agent@v1\n        with:\n          mode: deploy-gate\n", "enforces"),
        ("uses: org/cicd-agent/review@v1\n", ""),
    ],
)
def test_a_gate_that_was_never_backtested_is_told_how(job: Job, step: str, state: str) -> None:
    workflows = job.repo.path / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / "deploy.yml").write_text(f"on: push\njobs:\n  gate:\n    steps:\n      - {step}")
    for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_EVENT_NAME"):
        job.variables.pop(name, None)
    _, checks = look(job)
    assert state in checks.get("backtest", {"words": ""})["words"]
    assert ("backtest" in checks) is bool(state)
    if state:
        assert checks["backtest"]["health"] == "skip"
        assert "deploy-gate --backtest 30d" in checks["backtest"]["remedy"]
        (job.repo.path / ".cicd-agent").mkdir(exist_ok=True)
        (job.repo.path / ".cicd-agent/backtest.json").write_text("{}")
        assert "backtest" not in look(job)[1]
