from typing import Any

import pytest
import requests

from cicd_agent.adapters.github.graphql import RESOLVE, THREADS
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.graphql import judge
from tests.support.servers.openapi import Description, github


def send(hub: FakeGitHub, method: str, path: str, body: Any = None) -> int:
    headers = {"Authorization": f"token {hub.token}"}
    return requests.request(method, hub.url + path, json=body, headers=headers, timeout=5).status_code


def complaints_about(method: str, path: str, body: Any = None) -> str:
    hub = FakeGitHub()
    hub.add_repo("o/r")
    hub.add_pull(7)
    assert send(hub, method, path, body) == 500
    hub.close()
    return "; ".join(hub.violations)


def test_the_fake_tells_what_github_does_not_describe() -> None:
    assert "no such operation" in complaints_about("GET", "/repos/o/r/nothing")
    assert "unknown query parameter pre_page" in complaints_about("GET", "/repos/o/r/pulls/7/files?pre_page=100")
    assert "'up' is not one of" in complaints_about("GET", "/repos/o/r/pulls/7/comments?direction=up")
    assert "'many' is not of type 'integer'" in complaints_about("GET", "/repos/o/r/pulls/7/files?page=many")
    assert "'body' is a required property" in complaints_about("POST", "/repos/o/r/issues/7/comments", {})
    assert "1 is not of type 'string'" in complaints_about("POST", "/repos/o/r/issues/7/comments", {"body": 1})
    misspelt = {"body": "b", "comments": [{"path": "a", "body": "b", "startline": 1}]}
    assert "unknown property body/comments/0/startline" in complaints_about(
        "POST", "/repos/o/r/pulls/7/reviews", misspelt
    )
    assert "is not one of" in complaints_about("POST", "/repos/o/r/pulls/7/reviews", {"body": "b", "event": "LGTM"})


def test_a_violation_fails_the_test_that_made_it() -> None:
    with pytest.raises(AssertionError, match="no such operation"), FakeGitHub() as hub:
        send(hub, "GET", "/nothing")


@pytest.mark.parametrize(
    ("query", "variables", "complaint"),
    [
        ("query { viewer { login name } }", {}, "Cannot query field 'name' on type 'User'"),
        ("query { viewer { login }", {}, "Syntax Error"),
        ("query($n: Int!) { viewer { login } }", {"n": 1}, "Variable '$n' is never used"),
        ("query { viewer { login } }", {"n": 1}, "unknown variable $n"),
        ('query { repository(owner: "o") { pullRequest(number: 1) { __typename } } }', {}, "(name:)"),
        (RESOLVE, {"thread": None}, "'$thread'"),
        (RESOLVE, {}, "'$thread'"),
        (THREADS, {"owner": "o", "name": "r", "number": "7", "first": 1, "comments": 1}, "'$number'"),
    ],
)
def test_graphql_is_judged_by_githubs_schema(query: str, variables: dict[str, Any], complaint: str) -> None:
    assert complaint in "; ".join(judge({"query": query, "variables": variables}))


def test_a_query_that_the_schema_does_not_know_fails_the_test_that_sent_it() -> None:
    with pytest.raises(AssertionError, match="Cannot query field 'plan'"), FakeGitHub() as hub:
        send(hub, "POST", "/graphql", {"query": "query { viewer { plan } }"})


def test_the_fakes_own_answers_are_judged_too() -> None:
    path = "/repos/o/r/pulls/7/files"
    entry = github().sample("diff-entry", filename="a", status="added")
    assert github().response("GET", path, 200, [entry]) == []
    assert github().response("GET", path, 200, [entry | {"status": "new"}])
    assert github().response("GET", path, 418, []) == [f"GET {path}: 418 is not described"]


def test_every_component_has_a_sample_that_passes_its_own_schema() -> None:
    schemas = {name: it for name, it in github()._components["schemas"].items() if it.get("type") == "object"}
    whole = {
        "components": github()._components,
        "paths": {
            f"/{name}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}
            for name, schema in schemas.items()
        },
    }
    judge = Description(whole)
    assert [c for name in schemas for c in judge.response("GET", f"/{name}", 200, judge.sample(name))] == []
