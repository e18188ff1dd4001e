"""Whatever GitHub answers to a gate, it is told in one line which names the permission, and nothing is made twice."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.errors import ForgeRefused, RateLimited
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import GateScene

SHA = "c" * 40
Work = Callable[[Gates], object]
READS: dict[str, tuple[Work, str]] = {
    "checks": (lambda gates: gates.checks(SHA), "checks: read"),
    "ended runs": (lambda gates: gates.ended_since("main", 0), "actions: read"),
    "deployments": (lambda gates: gates.deployments("production"), "deployments: read"),
    "incidents": (lambda gates: gates.incidents("incident"), "issues: read"),
    "words": (lambda gates: gates.approval_comments(7, 0), "issues: read"),
    "origins": (lambda gates: gates.origins([SHA]), "pull-requests: read"),
}
OPEN: dict[str, Work] = {
    "required": lambda gates: gates.required("main"),
    "permission": lambda gates: gates.permission("octocat"),
}
WRITES: dict[str, tuple[Work, str]] = {
    "deploy": (lambda gates: gates.deploy(SHA, "production", "d"), "deployments: write"),
    "tell": (lambda gates: gates.set_deployment_status(1, "success", "d", ""), "deployments: write"),
    "ask": (lambda gates: gates.ask_for_review(7, ["octocat"], []), "pull-requests: write"),
}
EVERYTHING: dict[str, Work] = {name: work for name, (work, _) in (READS | WRITES).items()} | OPEN


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").shas.add(SHA)
        hub.add_pull(7)
        yield hub


@pytest.fixture
def scene(hub: FakeGitHub) -> GateScene:
    hub.gate.permit("octocat", "write")
    return hub.gate


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    rights = dict.fromkeys(("pull_requests", "deployments", "checks", "statuses", "actions", "issues"), "write")
    token = hub.add_token("ghs_gate", **rights)
    with GitHubForge(token, "o/r", api_url=hub.url, timeout=1, sleep=lambda _: None) as forge:
        yield forge


def refusal(work: Work, forge: GitHubForge) -> ForgeRefused:
    """How it fails: in one line that does not show the token."""
    with pytest.raises(ForgeRefused) as caught:
        work(forge.gates)
    assert "ghs_" not in f"{caught.value!r} {caught.value}"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_000
    return caught.value


def strike(hub: FakeGitHub, status: int, body: Any, **more: Any) -> None:
    for method in ("GET", "POST"):
        hub.fail(method, "", status, body, times=9, **more)


@pytest.mark.parametrize(("work", "needs"), (READS | WRITES).values(), ids=READS | WRITES)
def test_without_its_permission_the_refusal_names_it(hub: FakeGitHub, work: Work, needs: str) -> None:
    with GitHubForge(hub.add_token("ghs_bare", pull_requests=""), "o/r", api_url=hub.url) as forge:
        failure = refusal(work, forge)
    assert failure.status == 403
    assert f"`{needs}`" in str(failure)


def test_commit_statuses_take_a_permission_of_their_own(hub: FakeGitHub) -> None:
    with GitHubForge(hub.add_token("ghs_bare", checks="read"), "o/r", api_url=hub.url) as forge:
        assert "`statuses: read`" in str(refusal(EVERYTHING["checks"], forge))


@pytest.mark.parametrize("status", [401, 403, 410, 422, 502])
@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
def test_a_refusal_is_told_with_its_status(hub: FakeGitHub, forge: GitHubForge, work: Work, status: int) -> None:
    strike(hub, status, {"message": "no\nthanks"})
    if (work, status) == (EVERYTHING["incidents"], 410):
        # Issues that are switched off are no fault: there can be no incident.
        assert work(forge.gates) == ()
        return
    assert refusal(work, forge).status == status


@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - OPEN.keys()))
def test_what_is_not_there_is_a_refusal(hub: FakeGitHub, forge: GitHubForge, name: str) -> None:
    strike(hub, 404, {"message": "Not Found"})
    assert refusal(EVERYTHING[name], forge).status == 404


@pytest.mark.parametrize("work", EVERYTHING.values(), ids=EVERYTHING)
def test_a_rate_limit_is_waited_for_once_and_then_told(hub: FakeGitHub, forge: GitHubForge, work: Work) -> None:
    strike(hub, 429, {"message": "slow down"}, headers={"Retry-After": "1"})
    assert "rate limit" in str(refusal(work, forge))
    assert len(hub.received) == 2


@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - WRITES.keys()))
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_nobody_takes_a_rate_limit_for_something_that_is_not_allowed(
    hub: FakeGitHub, forge: GitHubForge, name: str, nth: int
) -> None:
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1_800)}
    for method in ("GET", "POST"):
        hub.fail(method, "", 403, {"message": "API rate limit exceeded"}, nth=nth, times=99, headers=used_up)
    try:
        EVERYTHING[name](forge.gates)
    except RateLimited:
        return
    methods = [request.method for request in hub.received]
    assert max(methods.count("GET"), methods.count("POST")) < nth


SHORT: dict[str, Any] = {
    "html": "<html>sign in</html>",
    "null": None,
    "number": 7,
    "text": b'"x"',
    "cut": b'{"total_count": 1, "check_runs": [',
    "empty": b"",
    "wrong items": [7],
    "empty object": {},
    "nulls": {"total_count": None, "check_runs": None, "workflow_runs": None, "permission": None, "data": None},
}


@pytest.mark.parametrize("body", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("name", [*READS, *OPEN])
def test_an_answer_that_is_none_is_a_refusal(hub: FakeGitHub, forge: GitHubForge, name: str, body: Any) -> None:
    strike(hub, 200, body)
    refusal(EVERYTHING[name], forge)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("checks", {"total_count": 1, "check_runs": [{"id": 1, "name": "x"}]}),
        ("ended runs", {"total_count": 1, "workflow_runs": [{"id": 1, "created_at": "yesterday"}]}),
        ("deployments", [{"id": "x" * 9, "sha": SHA}]),
        ("incidents", [{"title": "no number"}]),
        ("words", [{"id": 1, "html_url": "", "created_at": None, "updated_at": None}]),
        ("required", [{"type": "required_status_checks", "parameters": {"required_status_checks": [{}]}}]),
        ("permission", {"permission": ["admin"]}),
    ],
)
def test_an_entry_that_lacks_what_decides_is_a_refusal(
    hub: FakeGitHub, forge: GitHubForge, name: str, body: Any
) -> None:
    strike(hub, 200, body)
    assert "is not understood" in str(refusal(EVERYTHING[name], forge))


def test_a_deployment_and_what_becomes_of_it_are_recorded(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge
) -> None:
    scene.add_status(SHA, "ci/red", "failure")
    made = forge.gates.deploy(SHA, "production", "d" * 200)
    forge.gates.set_deployment_status(made.id, "in_progress", "e" * 200, "https://ci.test/log")
    forge.gates.set_deployment_status(made.id, "success", "", "")
    [stands] = scene.data.deployments
    assert (stands.id, stands.sha, stands.environment) == (made.id, SHA, "production")
    assert len(stands.description) == 140
    assert [(one.state, len(one.description), one.log_url) for one in stands.statuses] == [
        ("in_progress", 140, "https://ci.test/log"),
        ("success", 0, ""),
    ]
    assert len(hub.received) == 3
    assert [one.state for one in forge.gates.deployments("production")] == ["success"]


@pytest.mark.parametrize(
    ("status", "message"), [(202, "Auto-merged main into topic on deployment"), (409, "Conflict merging main")]
)
def test_a_deployment_that_was_not_made_says_why(
    hub: FakeGitHub, forge: GitHubForge, status: int, message: str
) -> None:
    hub.fail("POST", "/deployments$", status, {"message": message})
    failure = refusal(WRITES["deploy"][0], forge)
    assert (failure.what, failure.why) == (
        "GitHub refused to create a deployment to production",
        f"{status}: {message}",
    )
    assert failure.status == status


def test_a_commit_that_is_not_there_cannot_be_deployed(forge: GitHubForge) -> None:
    with pytest.raises(ForgeRefused, match="No ref found"):
        forge.gates.deploy("f" * 40, "production", "")


FAULTS: dict[str, dict[str, Any]] = {
    "502": {"status": 502},
    "502 after acting": {"status": 502, "acts": True},
    "dropped": {},
    "dropped after acting": {"acts": True},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_without_an_answer_nothing_is_made_twice(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge, fault: dict[str, Any]
) -> None:
    def lose(path: str) -> None:
        (hub.fail if "status" in fault else hub.drop)("POST", path, **fault)

    earlier = scene.add_deployment(SHA, "production")
    lose("/deployments$")
    made = forge.gates.deploy(SHA, "production", "d")
    assert [one.id for one in scene.data.deployments] == [earlier.id, made.id]
    lose("/statuses$")
    forge.gates.set_deployment_status(made.id, "failure", "d", "")
    assert [one.state for one in scene.data.deployments[-1].statuses] == ["failure"]
    lose("/requested_reviewers$")
    forge.gates.ask_for_review(7, ["octocat"], [])
    assert scene.data.asked == {7: ["octocat"]}


def test_a_deployment_that_may_still_be_under_way_is_not_sent_again(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge
) -> None:
    hub.fail("POST", "/deployments$", 504)
    assert "may have been done all the same" in str(refusal(WRITES["deploy"][0], forge))
    assert scene.data.deployments == []
    assert len(hub.of("POST", "/deployments$")) == 1


def test_people_and_teams_are_asked_in_one_request(hub: FakeGitHub, scene: GateScene, forge: GitHubForge) -> None:
    scene.data.teams.add("owners")
    forge.gates.ask_for_review(7, ["octocat"], ["owners"])
    forge.gates.ask_for_review(7, [], ["owners"])
    assert scene.data.asked == {7: ["octocat", "@owners"]}
    assert [request.body for request in hub.received] == [
        {"reviewers": ["octocat"], "team_reviewers": ["owners"]},
        {"team_reviewers": ["owners"]},
    ]


def test_nobody_is_asked_without_a_request(hub: FakeGitHub, forge: GitHubForge) -> None:
    forge.gates.ask_for_review(7, [], [])
    assert hub.received == []


def test_who_may_not_review_is_a_refusal_that_says_so(forge: GitHubForge) -> None:
    with pytest.raises(ForgeRefused, match="cannot be requested from pull request author"):
        forge.gates.ask_for_review(7, ["contributor"], [])
