"""The line of each run: sent once, to where the input says, with nothing of the change in it; or not at all."""

import base64
import json
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cicd_agent import __version__
from cicd_agent.adapters.telemetry.fleet_endpoint import post_line
from cicd_agent.app.options import RunOptions
from cicd_agent.app.recording.fleet import FIELDS, fleet_line, tell_fleet
from cicd_agent.app.run_record import RunRecord
from cicd_agent.app.security.secrets import secrets
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.errors import NotifierRefused
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings
from tests.app.test_telemetry import VARIABLES, written
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import Job
from tests.support.servers.authority import certificate, speaking
from tests.support.servers.endpoint import Endpoint
from tests.support.servers.github.app import FakeGitHub

DOCUMENT = Path(__file__).parents[3] / "docs/fleet.md"
PASSWORD = "pW" + "7kQz4v9RtX2b"


def line_of(report: RunRecord) -> dict[str, Any]:
    line = fleet_line(report, Environment.read(VARIABLES), 1.23456, Redactor(()).redact)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    assert list(found) == list(FIELDS)
    return found


def refusal(url: str, **how: Any) -> str:
    with pytest.raises(NotifierRefused) as caught:
        post_line(url, "{}", "test", **how)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_line_says_what_was_decided_and_what_it_cost() -> None:
    found = line_of(written())
    assert found == {
        **found,
        "schema_version": 1,
        "run_id": "1234.1",
        "repository": "acme/shop",
        "mode": "review",
        "event": "pull_request",
        "sha": "a" * 40,
        "risk_level": "low",
        "exit": 0,
        "seconds": 1.235,
        "version": __version__,
    }


def test_what_is_not_known_is_null_and_a_failed_run_is_degraded() -> None:
    found = line_of(RunRecord("review", 70, error="a bug in /home/somebody/x.py"))
    assert (found["decision"], found["exit"], found["degraded"]) == ("failed", 70, True)
    for name in ("sha", "conclusion", "risk_level", "model", "cost_usd", "event"):
        assert found[name] is None
    assert "somebody" not in json.dumps(found)


def test_nothing_of_the_change_is_in_it() -> None:
    report = written()
    assert report.event is not None
    assert "the title" not in json.dumps(line_of(report))
    foreign = {"summary": "app.py is bad", "root_cause": "x.py", "affected_files": "y.py", "reasons": "z"}
    told = json.dumps(line_of(replace(report, outputs={**report.outputs, **foreign})))
    assert not any(value in told for value in foreign.values())


@pytest.mark.parametrize("who", [f"fleet:{PASSWORD}", "fleet:p%40ss%3Aw%2Fd", PASSWORD])
def test_a_password_in_the_address_becomes_a_header(who: str) -> None:
    with Endpoint() as endpoint:
        post_line(endpoint.url.replace("//", f"//{who}@"), '{"a":1}', "cicd-agent/1")
        (posted,) = endpoint.posted
    user, _, password = who.partition(":")
    said = base64.b64decode(posted.headers["authorization"].removeprefix("Basic ")).decode()
    assert said == f"{user}:{password.replace('%40', '@').replace('%3A', ':').replace('%2F', '/')}"
    assert (posted.method, posted.path, posted.body) == ("POST", "/runs", '{"a":1}\n')
    assert posted.headers["content-type"] == "application/x-ndjson"
    assert posted.headers["host"] == endpoint.host
    assert posted.headers["user-agent"] == "cicd-agent/1"


@pytest.mark.parametrize(
    "url",
    [
        f"https://fleet:{PASSWORD}@fleet.example/runs",
        f"https://{PASSWORD}@fleet.example/runs",
        f"https://fleet.example/runs?token={PASSWORD}",
        f"https://fleet.example/in/{PASSWORD}{PASSWORD}/runs",
        f"https://fleet.example:port/{PASSWORD}",
        f"https://fleet:{PASSWORD.replace('Q', '%51')}@fleet.example/",
    ],
)
def test_what_opens_the_door_is_masked_wherever_it_comes_up(url: str) -> None:
    redact = Redactor(secrets(RunOptions(), Environment(inputs={"fleet-url": url}))).redact
    text = f"{PASSWORD} and {base64.b64encode(f'fleet:{PASSWORD}'.encode()).decode()} to {url}"
    assert PASSWORD not in redact(text)
    assert "masked" not in redact("review of app.py, runs in fleet"), "words of the address are no secrets"
    assert redact("review of app.py, runs in fleet") == "review of app.py, runs in fleet"


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Endpoint() as elsewhere, Endpoint(status, location=elsewhere.url) as endpoint:
        assert f"it answered {status}" in refusal(endpoint.url)
        assert (len(endpoint.posted), elsewhere.posted) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_answer_that_is_no_yes_is_one_line_and_nothing_is_sent_again(status: int) -> None:
    with Endpoint(status) as endpoint:
        assert refusal(endpoint.url) == (
            f"the fleet was not told of this run (it answered {status})."
            " Look at `fleet-url`, and at what stands between."
        )
        assert len(endpoint.posted) == 1


def test_an_endpoint_that_does_not_answer_is_left_alone() -> None:
    with Endpoint(hangs=True) as endpoint:
        assert re.search(r"\((no answer within 0.05 s|it took too long)\)", refusal(endpoint.url, seconds=0.05))


@pytest.mark.parametrize(
    "url",
    [
        "http://fleet.example/",
        "ftp://127.0.0.1/",
        "fleet.example",
        "https://",
        "https://[::1/",
        "https://a b/",
        "https://x\r\ny/",
        "https://x:0/",
        "https://x:port/",
        "file:///etc/passwd",
        "http://127.0.0.1.evil.example/",
        f"//fleet:{PASSWORD}@x/",
    ],
)
def test_only_https_leaves_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    line = refusal(url)
    assert "`fleet-url` is not an https address" in line
    assert PASSWORD not in line


@given(st.text(max_size=40))
def test_any_address_that_is_none_is_refused_in_one_line(text: str) -> None:
    line = refusal(f"x{text}")
    assert line.isprintable()


def test_a_proxy_is_the_way_out_for_https_and_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Endpoint(502) as proxy, Endpoint() as endpoint:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        refusal(f"https://fleet:{PASSWORD}@fleet.example/runs")
        (asked,) = proxy.posted
        assert (asked.method, asked.path) == ("CONNECT", "fleet.example:443")
        assert "authorization" not in asked.headers
        post_line(endpoint.url, "{}", "test")
        assert (len(endpoint.posted), len(proxy.posted)) == (1, 1)


def test_an_authority_of_ones_own_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    authority = certificate(tmp_path)
    with Endpoint(tls=speaking(authority)) as endpoint:
        assert "its certificate is not trusted" in refusal(endpoint.url)
        assert "No such file" in refusal(endpoint.url, ca_bundle="/nowhere")
        assert endpoint.posted == []
        post_line(endpoint.url, "{}", "test", str(authority))
        assert len(endpoint.posted) == 1


def test_what_fails_is_one_warning_without_the_address() -> None:
    said: list[str] = []
    settings = Settings(fleet_url=SecretStr(f"http://fleet:{PASSWORD}@127.0.0.1:1/runs"))
    tell_fleet(written(), Environment.read(VARIABLES), settings, 1, redact=str, warn=said.append)
    assert len(said) == 1
    assert "127.0.0.1" not in said[0]
    assert PASSWORD not in said[0]


def test_without_the_input_no_socket_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(tmp_path)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", opened)
    monkeypatch.setattr(socket, "getaddrinfo", opened)
    assert job.run().exit == 0


def test_every_run_is_told_failed_ones_too_and_a_dry_one_is_not(tmp_path: Path) -> None:
    job = Job(tmp_path)
    with Endpoint() as endpoint:
        url = endpoint.url.replace("//", f"//fleet:{PASSWORD}@")
        left = job.run(fleet_url=url)
        assert job.run(fleet_url=url, api="nonsense").exit == 2
        job.run("review", "--dry-run", fleet_url=url)
        good, bad = (json.loads(posted.body) for posted in endpoint.posted)
    assert (good["mode"], good["exit"], good["repository"], good["sha"]) == ("review", 0, "octo/app", job.head)
    assert (good["decision"], good["requests"], good["cost_usd"]) == (left.outputs["decision"], 0, 0)
    assert (bad["decision"], bad["exit"], bad["degraded"]) == ("failed", 2, True)
    assert PASSWORD not in left.log + left.summary + json.dumps(left.report)


def test_a_gate_that_was_not_understood_is_told_as_a_hold(tmp_path: Path) -> None:
    with FakeGitHub() as hub, Endpoint() as endpoint:
        left = GateJobs(tmp_path, hub).run(fleet_url=endpoint.url, organisation_config="locked: {fail-on: x}")
        (posted,) = endpoint.posted
    assert (left.exit, left.outputs["decision"]) == (2, "hold"), left.log
    assert "organisation-config` line 1: `fail-on` must be" in left.outputs["summary"]
    assert json.loads(posted.body)["decision"] == "hold"


def test_the_document_has_the_fields_as_they_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == dict(FIELDS)
