import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.models.client import connect, parse_headers
from cicd_agent.adapters.models.errors import pause
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import ConfigError, ModelUnavailable
from tests.adapters.models.questions import GOOD, KEY, Slept, in_both_dialects, model, request
from tests.support.servers.openai import app as fake
from tests.support.servers.openai.rules import Rules
from tests.support.servers.simulated import Clock, Network, whole


@in_both_dialects
def test_what_a_lost_attempt_cost_is_unknown(dialect: str) -> None:
    with fake.OpenAIServer(fake.drop(), fake.answer(GOOD)) as server:
        assert model(server, dialect).complete(request()).usage == Usage(2, None, None, None, None)
    with fake.OpenAIServer(*[fake.drop()] * 5) as server, pytest.raises(ModelUnavailable) as failure:
        model(server, dialect).complete(request())
    assert (failure.value.requests, failure.value.lost) == (5, 5)


@in_both_dialects
def test_a_question_that_is_not_answered_in_time_is_not_asked_again(dialect: str) -> None:
    with fake.OpenAIServer(fake.hang()) as server, pytest.raises(ModelUnavailable, match="in time") as gone:
        model(server, dialect).complete(request(seconds=0.2))
    assert (gone.value.requests, gone.value.lost) == (1, 1)
    assert "0.2 s, all that was left" in str(gone.value)
    assert "`timeout-minutes`" in str(gone.value)
    with fake.OpenAIServer(fake.status(408), fake.answer(GOOD)) as server:
        assert model(server, dialect).complete(request()).usage.requests == 2


@pytest.mark.parametrize(("left", "waits"), [(45.0, 45.0), (1_500.0, 1_500.0), (None, None)])
def test_a_model_may_think_as_long_as_the_run_has_time(left: float | None, waits: float | None) -> None:
    clock = Clock(7.0)
    network = Network(clock, [whole({"choices": [{"message": {"content": "{}"}}]})])
    asked = connect(api_key=KEY, model="m", base_url="http://models.example/v1", clock=clock, network=network)
    asked.complete(request(seconds=left))
    assert network.limits[0] == waits


@in_both_dialects
def test_a_server_that_only_keeps_the_connection_alive_is_given_up_too(dialect: str) -> None:
    with fake.OpenAIServer(fake.drip()) as server, pytest.raises(ModelUnavailable, match="in time"):
        model(server, dialect).complete(request(seconds=0.3))


def test_no_wait_is_longer_than_the_run_has_left() -> None:
    with fake.OpenAIServer(fake.hang()) as server, pytest.raises(ModelUnavailable, match="in time"):
        model(server).complete(request(seconds=0.3))
    slept = Slept()
    with fake.OpenAIServer(fake.status(429, retry_after="60")) as server, pytest.raises(ModelUnavailable, match="rate"):
        model(server, sleep=slept).complete(request(seconds=30))
    assert slept == []


def test_pauses_grow_unless_the_server_names_one() -> None:
    slept = Slept()
    pauses = [fake.status(503), fake.status(503), fake.status(429, retry_after="7"), fake.status(500)]
    with fake.OpenAIServer(*pauses, fake.answer(GOOD)) as server:
        model(server, sleep=slept).complete(request())
    assert slept == [0.5, 1.0, 7.0, 4.0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e999"}, float("inf")),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
    ],
)
def test_a_pause_is_read_in_every_form_and_a_date_counts_from_the_clock_of_the_server(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert pause(headers) == seconds


def test_a_refused_connection_names_the_address() -> None:
    with fake.OpenAIServer() as server:
        url = server.url
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:\d+ could not be reached.*`base-url`") as failure:
        connect(api_key=KEY, model="m", base_url=url, sleep=Slept()).complete(request())
    assert (failure.value.requests, failure.value.lost) == (5, 0)


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.adapters.models.event_stream.MAX_ANSWER_BYTES", 1_000)
    with (
        fake.OpenAIServer(fake.answer("x" * 5_000)) as server,
        pytest.raises(ModelUnavailable, match="over 1,000 bytes"),
    ):
        model(server).complete(request())


@in_both_dialects
def test_the_key_is_in_the_header_and_nowhere_else(
    dialect: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"your key {KEY} and your token t0ken-of-a-gateway are not welcome\n::error::x"
    for code in (400, 401, 403, 404, 429, 500):
        with fake.OpenAIServer(fake.status(code, echo)) as server:
            asked = model(server, dialect, headers={"x-gateway": "t0ken-of-a-gateway"}, max_retries=0)
            with pytest.raises(ModelUnavailable) as failure:
                asked.complete(request())
            assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            assert server.asked[0].headers["x-gateway"] == "t0ken-of-a-gateway"
        error = failure.value
        seen = f"{error} {error!r} {error.__dict__} {error.__cause__!r} {error.__context__!r} {asked!r}"
        assert error.__context__ is None
        assert KEY not in seen
        assert "t0ken" not in seen
        assert len(str(error).splitlines()) == 1
    printed = "".join(capfd.readouterr())
    assert KEY not in caplog.text + printed
    assert "t0ken" not in caplog.text + printed


def test_a_redirect_takes_the_question_nowhere() -> None:
    with fake.OpenAIServer() as other, fake.OpenAIServer(fake.status(308, location=f"{other.url}/responses")) as server:
        with pytest.raises(ModelUnavailable, match="not followed"):
            model(server, "responses").complete(request())
        assert other.requests == 0


def test_a_server_without_keys_is_sent_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, api_key="").complete(request())
    assert server.asked[0].headers["authorization"] == "Bearer unused"


@pytest.mark.parametrize(
    ("url", "api", "cap"),
    [
        ("", "auto", "max_output_tokens"),
        ("https://api.openai.com/v1", "auto", "max_output_tokens"),
        ("https://eu.api.openai.com/v1/", "auto", "max_output_tokens"),
        ("https://name.openai.azure.com/openai/v1/", "auto", "max_output_tokens"),
        ("http://localhost:8000/v1", "auto", "max_tokens"),
        ("https://notopenai.com/v1", "auto", "max_tokens"),
        ("https://api.openai.com.example.org/v1", "auto", "max_tokens"),
        ("", "chat", "max_tokens"),
        ("http://localhost:8000/v1", "responses", "max_output_tokens"),
    ],
)
def test_the_dialect_follows_from_the_host(url: str, api: str, cap: str) -> None:
    chosen: Any = connect(api_key=KEY, model="m", base_url=url, api=api)
    assert cap == chosen.dialect.CAP


def test_azure_gets_the_key_in_its_own_header_too() -> None:
    azure: Any = connect(api_key=KEY, model="m", base_url="https://name.openai.azure.com/openai/v1/")
    assert azure.headers == {"api-key": KEY}


def test_without_key_and_address_there_is_no_model() -> None:
    with pytest.raises(ModelUnavailable, match="Set `openai-api-key` or `base-url`"):
        connect(api_key=" \n", model="m")


@pytest.mark.parametrize("url", ["https://models.inference.ai.azure.com", "https://models.github.ai/inference"])
def test_a_retired_host_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(ModelUnavailable, match="GitHub Models was retired on 2026-07-30"):
        connect(api_key=KEY, model="m", base_url=url)


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "localhost:8000"},
        {"base_url": "ftp://example.org/v1"},
        {"base_url": "https://user:hunter2secret@example.org/v1"},
        {"base_url": "http://[::1"},
        {"base_url": "http://example.org:99999/v1"},
        {"api_key": "sk-hunter2secret\nx: y"},
        {"api_key": "sk-hunter2secret\u200b"},
    ],
)
def test_arguments_that_make_no_sense_are_refused_without_repeating_them(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as failure:
        connect(**{"api_key": KEY, "model": "m", **arguments})
    assert "hunter2secret" not in str(failure.value)


def test_a_key_pasted_with_a_line_end_works() -> None:
    with fake.OpenAIServer(fake.answer(GOOD), rules=Rules(key=KEY)) as server:
        model(server, api_key=f"{KEY}\n").complete(request())


def test_headers_are_read_one_a_line() -> None:
    assert parse_headers("X-Team: core\n\n  Authorization-Proxy:  Basic abc= \n") == {
        "X-Team": "core",
        "Authorization-Proxy": "Basic abc=",
    }
    for bad in ("no colon secret", ": secret", "na me: secret", "X: sécret", "X: a\x00secret"):
        with pytest.raises(ConfigError, match="line 1 of `model-headers`") as failure:
            parse_headers(bad)
        assert "secret" not in str(failure.value)


def test_the_transport_is_not_imported_before_a_question_is_asked_nor_the_sdk_even_then() -> None:
    code = (
        "import sys; from cicd_agent.adapters.models.client import connect;"
        "from tests.adapters.models.questions import request;"
        "asked = connect(api_key='k', model='m', base_url=sys.argv[1]);"
        "imported = lambda: [name for name in ('openai', 'httpx2', 'httpcore2') if name in sys.modules];"
        "before = imported(); asked.complete(request()); print(before, imported())"
    )
    root = Path(__file__).parents[3]
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        command = [sys.executable, "-c", code, server.url]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout == "[] ['httpcore2']\n"
