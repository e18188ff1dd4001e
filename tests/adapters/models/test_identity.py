import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.adapters.models.client import Identity, connect
from cicd_agent.app.options import RunOptions
from cicd_agent.app.security.secrets import secrets
from cicd_agent.errors import ModelUnavailable
from cicd_agent.settings.environment import AUDIENCE, Environment, Workload
from tests.adapters.models.questions import GOOD, KEY, Slept, request
from tests.support.servers.identity import ACCESS_TOKEN, IDENTITY, REQUEST_TOKEN, IdentityServer
from tests.support.servers.openai import app as fake
from tests.support.servers.openai.rules import Rules


def workload(services: IdentityServer) -> Workload:
    return Workload(services.request_url, REQUEST_TOKEN, "idp_1", "sa_1")


def identity(services: IdentityServer) -> Identity:
    return Identity(workload(services), exchange_url=services.exchange_url)


def keyless(services: IdentityServer, server: fake.OpenAIServer, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Any:
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    given = {"api_key": "", "model": "m", "base_url": "http://api.openai.com/v1", "sleep": Slept(), **more}
    return connect(identity=identity(services), **given)


def test_the_identity_of_the_job_is_exchanged_once_and_stands_in_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Rules(key=ACCESS_TOKEN)
    with IdentityServer() as services, fake.OpenAIServer(fake.answer(GOOD), fake.answer(GOOD), rules=rules) as server:
        asked = keyless(services, server, monkeypatch)
        assert services.heard == [], "nothing is sent before the first question"
        asked.complete(request())
        asked.complete(request())
    assert not server.refused
    (asked_for, bearer, _), (exchanged, none, body) = services.heard
    assert asked_for == "/idtoken?api-version=2.0&audience=https%3A%2F%2Fapi.openai.com%2Fv1"
    assert (bearer, exchanged, none) == (f"Bearer {REQUEST_TOKEN}", "/oauth/token", "")
    assert json.loads(body) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": IDENTITY,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "identity_provider_id": "idp_1",
        "service_account_id": "sa_1",
    }


def test_the_request_token_goes_to_github_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with IdentityServer() as services, fake.OpenAIServer(fake.answer(GOOD)) as server:
        keyless(services, server, monkeypatch).complete(request())
    sent = [f"{each.headers} {each.text}" for each in server.asked] + [
        f"{path} {body}" for path, _, body in services.heard
    ]
    assert not any(REQUEST_TOKEN in each for each in sent)
    assert [bearer for _, bearer, _ in services.heard if REQUEST_TOKEN in bearer] == [f"Bearer {REQUEST_TOKEN}"]


@pytest.mark.parametrize(
    "trouble", [{"github": 401}, {"github": 302}, {"github": 500}, {"exchange": 401}, {"exchange": 500}]
)
def test_an_identity_that_is_not_taken_is_one_line_without_any_token(
    trouble: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with IdentityServer(**trouble) as services, pytest.raises(ModelUnavailable, match="`id-token: write`") as failure:
        identity(services).token()
    seen = f"{failure.value} {failure.value.__context__!r} {caplog.text}"
    assert failure.value.__context__ is None
    assert not any(token in seen for token in (REQUEST_TOKEN, IDENTITY, ACCESS_TOKEN))
    assert not any("elsewhere" in path for path, _, _ in services.heard)
    assert failure.value.requests == 0


def test_a_token_service_that_is_not_there_is_one_line_too() -> None:
    with IdentityServer() as services:
        gone = identity(services)
    with pytest.raises(ModelUnavailable, match="was not exchanged"):
        gone.token()


def test_an_access_token_that_a_server_repeats_is_taken_out_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        IdentityServer() as services,
        fake.OpenAIServer(fake.status(400, f"bad {ACCESS_TOKEN}")) as server,
        pytest.raises(ModelUnavailable) as failure,
    ):
        keyless(services, server, monkeypatch).complete(request())
    assert ACCESS_TOKEN not in str(failure.value)


def test_a_key_comes_before_an_identity_and_other_servers_get_neither() -> None:
    with IdentityServer() as services:
        for key, url in ((KEY, ""), ("", "http://localhost:8000/v1"), ("", "https://api.openai.com.example.org/v1")):
            asked: Any = connect(api_key=key, model="m", base_url=url, identity=identity(services))
            assert asked.key() == key
        assert services.heard == []


def test_the_environment_says_what_the_identity_is_good_for() -> None:
    variables = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example/x?y=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
    }
    found = Environment.read(variables).workload
    assert found == Workload("https://token.example/x?y=1", REQUEST_TOKEN, audience=AUDIENCE)
    assert not found.known
    assert REQUEST_TOKEN not in repr(found)
    ids = {"OPENAI_IDENTITY_PROVIDER_ID": "idp", "OPENAI_SERVICE_ACCOUNT_ID": "sa", "OPENAI_IDENTITY_AUDIENCE": "us"}
    bound = Environment.read({**variables, **ids}).workload
    assert bound == replace(found, identity_provider_id="idp", service_account_id="sa", audience="us")
    assert bound.known
    assert Environment.read({**ids, "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example"}).workload is None


def test_the_request_token_is_a_secret_of_the_run() -> None:
    environment = Environment(workload=Workload("https://token.example", REQUEST_TOKEN))
    assert REQUEST_TOKEN in secrets(RunOptions(), environment)
