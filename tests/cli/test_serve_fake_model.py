"""The fake model follows its script, in both dialects, and refuses what the API refuses."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.fake_model import load_script, serving
from cicd_agent.adapters.models.client import connect
from cicd_agent.adapters.models.event_stream import events
from cicd_agent.agent.schema import strict
from cicd_agent.errors import ConfigError, ModelUnavailable
from scripts.sample_pull_request import build
from tests.adapters.models.questions import KEY, Slept, in_both_dialects, request
from tests.agent.drafts import Note
from tests.support.jobs.pull_request import Job

ROOT = Path(__file__).parents[2]
PATHS = {"chat": "/chat/completions", "responses": "/responses"}
FORMAT = {"type": "json_schema", "name": "Note", "strict": True, "schema": strict(Note)}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "json"}],
        "response_format": {"type": "json_schema", "json_schema": FORMAT},
    },
    "responses": {"model": "m", "input": [{"role": "user", "content": "json"}], "text": {"format": FORMAT}},
}


@contextmanager
def served(tmp_path: Path, script: object) -> Iterator[tuple[str, list[str]]]:
    path = tmp_path / "script.yml"
    path.write_text(script if isinstance(script, str) else json.dumps(script))
    said: list[str] = []
    with serving(load_script(path), said.append) as fake:
        yield fake.url, said


def asked(url: str, dialect: str, **changes: Any) -> Any:
    return connect(**({"api_key": KEY, "model": "m", "base_url": url, "api": dialect, "sleep": Slept()} | changes))


def post(url: str, body: object, key: str = "k") -> tuple[int, Any, Any]:
    """Status, body and headers of the answer to a request."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, sent, headers), timeout=10) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


@in_both_dialects
def test_each_request_takes_the_next_step(tmp_path: Path, dialect: str) -> None:
    script = """
    steps:
      - answer: {summary: fine, confidence: 1}
      - answer: "any text: as it is"
      - malformed: true
    """
    with served(tmp_path, script) as (url, said):
        model = asked(url, dialect)
        texts = [model.complete(request()).text for _ in range(3)]
        with pytest.raises(ModelUnavailable, match="no step for this request"):
            model.complete(request())
    assert texts == ['{"summary": "fine", "confidence": 1}', "any text: as it is", '{"summary": "an answer with']
    assert [re.sub(r"[\d,]+ characters", "N", line).split(" · ", 1)[1] for line in said] == [
        "m · N · step 1 of 3",
        "m · N · step 2 of 3",
        "m · N · step 3 of 3",
        said[3].split(" · ", 1)[1].replace(said[3].split(" · ")[2], "N"),
    ]
    assert "500" in said[3]


@in_both_dialects
def test_errors_and_broken_connections_are_met_as_they_are_scripted(tmp_path: Path, dialect: str) -> None:
    steps = [
        {"status": 429, "message": "Slow down.", "headers": {"retry-after": "1"}},
        {"drop": True},
        {"answer": "at last", "delay": 0.05},
    ]
    with served(tmp_path, {"steps": steps}) as (url, said):
        slept = Slept()
        reply = asked(url, dialect, sleep=slept).complete(request())
    assert (reply.text, reply.usage.requests) == ("at last", 3)
    assert slept[0] == 1.0
    assert ["429" in said[0], "dropped" in said[1]] == [True, True]


@in_both_dialects
def test_an_answer_is_streamed_to_who_asks_for_that(tmp_path: Path, dialect: str) -> None:
    text = "any text that is longer than a piece of it"
    body = {**BODIES[dialect], "stream": True}
    with served(tmp_path, {"steps": [{"answer": text}, {"answer": text}]}) as (url, _):
        address = urllib.request.Request(url + PATHS[dialect], json.dumps(body).encode(), {"Authorization": "Bearer k"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10) as answer:
            kind, told = answer.headers["content-type"], list(events([answer.read()]))
        assert asked(url, dialect).complete(request()).text == text
        options = {**BODIES[dialect], "stream_options": {}}
        assert "only allowed when 'stream' is enabled" in str(post(url + PATHS[dialect], options))
    assert kind == "text/event-stream; charset=utf-8"
    if dialect == "chat":
        *chunks, last = (data for _, data in told)
        assert last == "[DONE]"
        deltas = [json.loads(each)["choices"][0]["delta"] for each in chunks]
        assert "".join(delta.get("content", "") for delta in deltas) == text
        assert "usage" not in chunks[-1]
    else:
        assert [name for name, _ in told[:2]] == ["response.created", "response.in_progress"]
        assert [json.loads(data)["sequence_number"] for _, data in told] == list(range(len(told)))
        assert told[-1][0] == "response.completed"
        deltas = [json.loads(data)["delta"] for name, data in told if name == "response.output_text.delta"]
        assert "".join(deltas) == text
        assert len(deltas) > 1


@in_both_dialects
def test_tools_are_called_in_the_form_of_the_dialect(tmp_path: Path, dialect: str) -> None:
    calls = [{"name": "read_file", "arguments": {"path": "a.py"}}, {"name": "search"}]
    with served(tmp_path, {"steps": [{"tool_calls": calls}, {"tool_calls": calls[:1]}]}) as (url, _):
        first, second = (post(url + PATHS[dialect], BODIES[dialect])[1] for _ in range(2))
    if dialect == "chat":
        made = [each["function"] for each in first["choices"][0]["message"]["tool_calls"]]
        assert first["choices"][0]["finish_reason"] == "tool_calls"
        assert len(second["choices"][0]["message"]["tool_calls"]) == 1
    else:
        made = first["output"]
        assert {each["type"] for each in made} == {"function_call"}
        assert len(second["output"]) == 1
    assert [(each["name"], json.loads(each["arguments"])) for each in made] == [
        ("read_file", {"path": "a.py"}),
        ("search", {}),
    ]


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no model": (lambda body: {**body, "model": ""}, "you must provide a model parameter"),
    "a temperature": (lambda body: {**body, "temperature": 0}, "Unsupported parameter: 'temperature'"),
    "nothing said": (lambda body: {name: body[name] for name in ("model",)}, "Missing required parameter"),
    "no JSON": (lambda _: b"{", "could not parse the JSON body"),
    "a list": (lambda _: [1], "could not parse the JSON body"),
    "no word of JSON": (
        lambda body: {
            **body,
            "messages": [{"role": "user", "content": "hi"}],
            "input": [{"role": "user", "content": "hi"}],
            "response_format": {"type": "json_object"},
            "text": {"format": {"type": "json_object"}},
        },
        "must contain the word 'json'",
    ),
    "an open schema": (
        lambda body: json.loads(json.dumps(body).replace('"additionalProperties": false', '"title": "x"')),
        "'additionalProperties' is required",
    ),
    "an optional key": (
        lambda body: json.loads(json.dumps(body).replace('"required": ["summary", ', '"required": [')),
        "'required' must name every key",
    ),
}


@in_both_dialects
@pytest.mark.parametrize(("spoil", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_api_refuses_takes_no_step(
    tmp_path: Path, dialect: str, spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    with served(tmp_path, {"steps": [{"answer": "x"}]}) as (url, _):
        status, answer, headers = post(url + PATHS[dialect], spoil(BODIES[dialect]))
        assert (status, said in answer["error"]["message"]) == (400, True), answer
        assert headers["x-should-retry"] == "false"
        assert post(url + PATHS[dialect], BODIES[dialect])[0] == 200


def test_keys_paths_and_sizes_are_checked(tmp_path: Path) -> None:
    with served(tmp_path, {"steps": [{"answer": "x"}], "key": "k", "repeat": True}) as (url, _):
        assert post(url + "/responses", BODIES["responses"], key="")[0] == 401
        assert post(url + "/responses", BODIES["responses"], key="l")[0] == 401
        assert post(url + "/embeddings", {})[0] == 404
        assert [post(url + "/responses", BODIES["responses"])[0] for _ in range(3)] == [200] * 3


def test_a_request_without_a_length_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, {"steps": [{"answer": "x"}]}) as (url, _):
        port = int(re.findall(r":(\d+)/", url)[0])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            raw.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_steps_are_given_out_once_however_many_ask_together(tmp_path: Path) -> None:
    steps = [{"answer": f"{number}"} for number in range(20)]
    texts: list[str] = []
    with served(tmp_path, {"steps": steps}) as (url, _):

        def ask() -> None:
            body = post(url + "/chat/completions", BODIES["chat"])[1]
            texts.append(body["choices"][0]["message"]["content"])

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(texts, key=int) == [f"{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "no script"),
        ("steps: []", "steps"),
        ("steps: [{}]", "exactly one of"),
        ("steps: [{answer: x, drop: true}]", "exactly one of"),
        ("steps: [{answer: x, dely: 1}]", "steps.0.dely"),
        ("steps: [{status: 200}]", "steps.0.status"),
        ("steps: [{answer: x, delay: 1e9}]", "delay"),
        ('steps: [{status: 500, headers: {"a\\r\\nb": x}}]', "headers"),
        ('steps: [{status: 500, headers: {a: "b\\r\\nc"}}]', "headers"),
        ("a: &a [x]\nb: *a", "aliases"),
        ("{" * 9_000, "neither YAML nor JSON"),
        ("\x00", "neither YAML nor JSON"),
        ("!!python/object/apply:os.system [id]", "neither YAML nor JSON"),
    ],
)
def test_a_script_that_is_none_is_refused_in_one_line(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "script.yml"
    path.write_text(script)
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        load_script(path)
    assert "\n" not in str(caught.value)


def test_a_script_that_is_not_there_and_a_port_that_is_taken_are_errors(tmp_path: Path) -> None:
    job = Job(tmp_path)
    assert "not a file" in job.run("serve-fake-model", "--script", "none.yml").log
    (tmp_path / "s.json").write_text('{"steps": [{"answer": {}}]}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for each in (port, "70000", "-1"):
            left = job.run("serve-fake-model", "--script", str(tmp_path / "s.json"), "--port", each)
            assert (left.exit, "cannot be used" in left.log) == (2, True), left.log
    assert not [*job.temp.rglob("report.json")]


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with served(tmp_path, {"steps": [{"answer": "x"}]}) as (url, _):
        assert url.startswith("http://127.0.0.1:")


def block(language: str, holds: str) -> str:
    """The code block of the page that holds these words."""
    page = (ROOT / "docs/reference/recordings.md").read_text("utf-8")
    found: list[str] = [text for text in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) if holds in text]
    assert len(found) == 1
    return found[0]


def test_the_documented_example_does_what_the_page_says(tmp_path: Path) -> None:
    build(tmp_path / ".cicd-agent/demo/sample")
    (tmp_path / "script.yml").write_text(block("yaml", "retry-after-ms"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = f"{shlex.quote(sys.executable)} -m cicd_agent"
    server, client = (
        block("sh", holds).replace("8377", port).replace("cicd-agent ", f"{command} ").replace(f".{command} ", "")
        for holds in ("serve-fake-model", "review")
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    served = subprocess.Popen(
        shlex.split(server), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert served.stdout
    with served.stdout:
        assert f"http://127.0.0.1:{port}/v1" in served.stdout.readline()
        ran = subprocess.run(
            ["/bin/sh", "-ec", client], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )
        served.send_signal(signal.SIGINT)
        said = served.stdout.read()
    assert served.wait() == 0
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "One parcel that is too heavy hides the price of all others (0.75)" in ran.stdout
    assert "3 requests" in ran.stdout
    assert "identical" in ran.stdout
    assert re.findall(r"→ (\d+).*step (\d)", said) == [("503", "1"), ("200", "2"), ("200", "3")]
    assert "0 steps of the script not asked for" in said


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text("steps: [{answer: x}]")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "cicd_agent", "serve-fake-model", "--script", "s.yml"]
    served = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert served.stdout
    with served.stdout:
        assert "http://127.0.0.1:" in served.stdout.readline()
        time.sleep(0.05)
        served.terminate()
        assert "1 step of" in served.stdout.read()
    assert served.wait() == 0
    assert not (tmp_path / ".cicd-agent").exists()
