"""Where requests go, and by which way: addresses, headers, proxies, and what gateways do to a body."""

import gzip
import json
import ssl
from typing import Any

import pytest

from cicd_agent.adapters.models.client import connect
from cicd_agent.adapters.models.transport import Connection, Deadline, proxy_of
from cicd_agent.errors import ModelUnavailable
from tests.adapters.models.questions import GOOD, KEY, Slept, model, request
from tests.support.servers.openai import app as fake


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("tail", "path"),
    [
        ("", "/v1/responses"),
        ("/", "/v1/responses"),
        ("?api-version=preview", "/v1/responses?api-version=preview"),
        ("/?api-version=2025-04-01-preview&x=a%20b", "/v1/responses?api-version=2025-04-01-preview&x=a%20b"),
        ("/deployments/größe", "/v1/deployments/gr%C3%B6%C3%9Fe/responses"),
    ],
)
def test_the_path_goes_before_the_query_of_the_base_address(tail: str, path: str) -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, "responses", base_url=f"{server.url}{tail}").complete(request())
    assert server.asked[0].path == path


def test_the_headers_of_a_request() -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, headers={"OpenAI-Project": "proj_1", "User-Agent": "mine"}).complete(request())
        port = server.url.split(":")[2].partition("/")[0]
    sent = dict(server.asked[0].headers)
    assert int(sent.pop("content-length")) > 0
    assert sent == {
        "host": f"127.0.0.1:{port}",
        "authorization": f"Bearer {KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "mine",
        "openai-project": "proj_1",
    }


def test_a_header_of_ones_own_comes_before_the_key() -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as server:
        model(server, headers={"Authorization": "Bearer of-the-gateway"}).complete(request())
    assert server.asked[0].headers["authorization"] == "Bearer of-the-gateway"


PROXIED = [
    ({}, "https://api.openai.com", ""),
    ({"https_proxy": "http://proxy:3128"}, "https://api.openai.com", "http://proxy:3128"),
    ({"HTTPS_PROXY": "proxy:3128"}, "https://api.openai.com", "http://proxy:3128"),
    ({"https_proxy": "http://proxy:3128"}, "http://localhost:8000", ""),
    ({"all_proxy": "http://proxy:3128"}, "http://localhost:8000", "http://proxy:3128"),
    ({"all_proxy": "http://proxy", "http_proxy": "http://other"}, "http://models.example", "http://other"),
]
EXCEPTED = [
    ("*", "models.example", True),
    ("models.example", "models.example", True),
    ("MODELS.example", "models.Example", True),
    ("example", "models.example", True),
    (".example", "models.example", True),
    ("*.example", "models.example", True),
    ("dels.example", "models.example", False),
    ("other, models.example ", "models.example", True),
    ("models.example:443", "models.example:443", True),
    ("models.example:443", "models.example:8000", False),
    ("http://models.example", "models.example", True),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/99", "10.1.2.3", False),
    ("127.0.0.1", "127.0.0.1:8000", True),
    ("::1", "[::1]:8000", True),
    ("[::1]", "[::1]:8000", True),
    ("fd00::/8", "[fd00::7]", True),
    (",,", "models.example", False),
    ("", "models.example", False),
]


@pytest.mark.parametrize(("variables", "url", "proxy"), PROXIED)
def test_the_proxy_of_the_environment(
    variables: dict[str, str], url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    scheme, _, place = url.partition("://")
    host, _, port = place.partition(":")
    assert proxy_of(scheme, host, int(port) if port else None) == proxy


@pytest.mark.parametrize(("exceptions", "place", "excepted"), EXCEPTED)
def test_no_proxy_names_hosts_domains_addresses_and_networks(
    exceptions: str, place: str, monkeypatch: pytest.MonkeyPatch, *, excepted: bool
) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", exceptions)
    bracketed = place.startswith("[")
    host, _, port = place[1:].partition("]") if bracketed else place.partition(":")
    found = proxy_of("https", host, int(port.lstrip(":")) if port.strip(":") else None)
    assert found == ("" if excepted else "http://proxy:3128")


def test_requests_go_through_the_proxy_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:p%40ss@").removesuffix("/v1"))
        model(proxy, base_url="http://models.example/v1").complete(request())
    assert proxy.asked[0].path == "http://models.example/v1/chat/completions"
    assert proxy.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


@pytest.mark.parametrize("place", ["socks5://{}@127.0.0.1:1080", "http://{}@proxy:port", "http://{}@", "http://[{}"])
def test_a_proxy_that_does_not_speak_http_leaves_the_model_out(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", place.format("user:hunter2secret"))
    with pytest.raises(ModelUnavailable, match=r"the proxy of the environment is not an http\(s\) address") as failure:
        connect(api_key=KEY, model="m", base_url="http://models.example/v1").complete(request())
    assert "hunter2" not in str(failure.value)


def test_a_body_that_a_gateway_compressed_all_the_same_is_read() -> None:
    body = {"choices": [{"message": {"content": "{}"}}]}

    def step(_: fake.Asked) -> fake.Canned:
        return fake.Canned(body=gzip.compress(json.dumps(body).encode()), headers={"Content-Encoding": "gzip"})

    def broken(_: fake.Asked) -> fake.Canned:
        return fake.Canned(body=b"no gzip", headers={"Content-Encoding": "gzip"})

    with fake.OpenAIServer(step, broken, step) as server:
        asked = model(server)
        assert asked.complete(request()).text == "{}"
        assert asked.complete(request()).usage.requests == 2


def test_a_compressed_answer_is_as_long_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def bomb(_: fake.Asked) -> fake.Canned:
        return fake.Canned(body=gzip.compress(b" " * 100_000), headers={"Content-Encoding": "gzip"})

    monkeypatch.setattr("cicd_agent.adapters.models.event_stream.MAX_ANSWER_BYTES", 10_000)
    with fake.OpenAIServer(bomb) as server, pytest.raises(ModelUnavailable, match="over 10,000 bytes"):
        model(server).complete(request())


def test_a_host_with_other_letters_than_ascii_is_an_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake.OpenAIServer(fake.answer(GOOD)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        given: dict[str, Any] = {"api_key": KEY, "model": "m", "sleep": Slept()}
        connect(base_url="http://bücher.example/v1", **given).complete(request())
    assert proxy.asked[0].path == "http://xn--bcher-kva.example/v1/chat/completions"


def test_the_deadline_of_a_connection_begins_with_each_attempt() -> None:
    deadline = Deadline(100.0, lambda: 40.0, 5.0)
    deadline.begin()
    assert str(deadline.over()) == "60 s, all that was left of the time"
    assert deadline.left() == 60.0
    assert deadline.left(10.0) == 10.0
    with Connection("http://models.example/v1", ssl.create_default_context(), deadline):
        assert deadline.idle == float("inf")
