"""What a deployment gate reads of GitHub, through the real client: lists whole, in few requests, limits told."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.gate_evidence import ApprovalComment, CheckState, Incident, PastDeployment
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import GateScene
from tests.support.servers.github.state import Account

SHA = "c" * 40
AT = 1_800_000_000
HASH = "0123456789ab"
SAID = f"/approve-deploy {HASH}"
RIGHTS = {"checks": "read", "statuses": "read", "actions": "read", "issues": "read", "deployments": "write"}


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7)
        yield hub


@pytest.fixture
def scene(hub: FakeGitHub) -> GateScene:
    return hub.gate


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    token = hub.add_token("ghs_gate", pull_requests="write", **RIGHTS)
    with GitHubForge(token, "o/r", api_url=hub.url, timeout=5, sleep=lambda _: None) as forge:
        yield forge


@pytest.fixture
def gates(forge: GitHubForge) -> Gates:
    return forge.gates


def test_check_runs_and_statuses_of_a_commit_are_read_together(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    test = scene.add_check(SHA, "test", "failure", run=5, at=AT)
    scene.add_check(SHA, "lint", "", app="linter")
    scene.add_check("d" * 40, "elsewhere")
    scene.add_status(SHA, "ci/legacy", "error", at=AT)
    scene.add_status(SHA, "ci/slow", "pending", at=AT)
    first, second, *statuses = gates.checks(SHA)
    assert first == CheckState("test", "completed", "failure", AT, test.url, "github-actions")
    assert (second.name, second.status, second.conclusion, second.ended, second.app) == (
        "lint",
        "in_progress",
        "",
        0,
        "linter",
    )
    assert statuses == [
        CheckState("ci/legacy", "completed", "error", AT, "https://ci.test/1"),
        CheckState("ci/slow", "pending", url="https://ci.test/1"),
    ]
    assert len(hub.received) == 2
    assert hub.received[0].query["filter"] == "latest"


def test_of_one_name_the_newest_check_counts_and_another_apps_is_another(scene: GateScene, forge: GitHubForge) -> None:
    scene.add_check(SHA, "test", "failure")
    scene.add_check(SHA, "test", "success")
    scene.add_check(SHA, "test", "neutral", app="other")
    assert [(one.app, one.conclusion) for one in forge.gates.checks(SHA)] == [
        ("github-actions", "success"),
        ("other", "neutral"),
    ]
    assert forge.notes == ("more than one check is called test: the newest counts",)


@pytest.mark.parametrize(("number", "read", "asked"), [(100, 100, 2), (250, 250, 4), (301, 300, 4)])
def test_hundreds_of_check_runs_are_read_and_the_limit_is_told(
    scene: GateScene, forge: GitHubForge, number: int, read: int, asked: int
) -> None:
    for at in range(number):
        scene.add_check(SHA, f"shard {at}")
    assert len(forge.gates.checks(SHA)) == read
    assert forge.requests == asked
    assert forge.notes == ("only the first 300 check runs of a commit were read",) * (number > read)


def test_more_statuses_than_one_page_holds_are_told(scene: GateScene, forge: GitHubForge) -> None:
    for at in range(101):
        scene.add_status(SHA, f"ci/{at}")
    assert len(forge.gates.checks(SHA)) == 100
    assert forge.notes == ("only the first 100 commit statuses were read",)


def test_required_checks_are_those_of_the_rulesets_of_the_branch(
    hub: FakeGitHub, scene: GateScene, gates: Gates
) -> None:
    scene.require("release/1.0 ü", "test", "lint", "test")
    assert gates.required("release/1.0 ü") == ("test", "lint")
    assert gates.required("main") == ()
    hub.fail("GET", "/rules/", 404, {"message": "Not Found"})
    assert gates.required("main") == ()
    assert len(hub.received) == 3


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_not_asked_for(hub: FakeGitHub, gates: Gates, name: str) -> None:
    for work in (lambda: gates.checks(name), lambda: gates.required(name)):
        with pytest.raises(ForgeRefused, match="that names none"):
            work()
    assert hub.received == []


def test_runs_that_have_ended_since_a_time_are_read_newest_first(
    hub: FakeGitHub, scene: GateScene, gates: Gates
) -> None:
    scene.add_run("main", at=AT - 1)
    scene.add_run("main", "failure", at=AT, name="Deploy")
    scene.add_run("topic", at=AT + 5)
    scene.add_run("main", at=AT + 9)
    found = gates.ended_since("main", AT)
    assert [(run.created, run.conclusion, run.workflow) for run in found] == [
        (AT + 9, "success", "CI"),
        (AT, "failure", "Deploy"),
    ]
    [asked] = hub.received
    assert asked.query["created"] == ">=2027-01-15T08:00:00Z"


@pytest.mark.parametrize("when", [10**30, -(10**30)])
def test_what_is_no_time_is_refused(gates: Gates, when: int) -> None:
    with pytest.raises(ForgeRefused, match="is no time"):
        gates.ended_since("main", when)


def test_very_many_runs_are_cut_and_that_is_told(hub: FakeGitHub, scene: GateScene, forge: GitHubForge) -> None:
    for _ in range(301):
        scene.add_run("main", at=AT)
    assert len(forge.gates.ended_since("main", AT)) == 300
    assert forge.notes == ("only the newest 300 runs since 2027-01-15T08:00:00Z were read",)
    assert len(hub.received) == 3


def test_deployments_are_read_with_what_became_of_each_in_two_requests(
    hub: FakeGitHub, scene: GateScene, gates: Gates
) -> None:
    replaced = scene.add_deployment(SHA, "production", "success", "inactive", at=AT)
    good = scene.add_deployment(SHA, "production", "in_progress", "success", at=AT + 100)
    scene.add_deployment(SHA, "staging", "failure", at=AT + 200)
    bad = scene.add_deployment("d" * 40, "production", "failure", at=AT + 300)
    begun = scene.add_deployment("e" * 40, "production", at=AT + 400)
    found = gates.deployments("production")
    assert [(one.id, one.state, one.ended, one.succeeded) for one in found] == [
        (begun.id, "", 0, 0),
        (bad.id, "failure", AT + 360, 0),
        (good.id, "success", AT + 160, AT + 160),
        (replaced.id, "inactive", AT + 60, AT + 60),
    ]
    url = f"https://api.github.test/deployments/{good.id}"
    assert found[2] == PastDeployment(
        good.id, SHA, "main", AT + 100, "success", AT + 160, "github-actions[bot]", url, succeeded=AT + 160
    )
    assert len(hub.received) == 2


def test_an_environment_is_read_by_all_of_its_names(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    for name in ("production", "production-approved", "staging", "production"):
        scene.add_deployment(SHA, name, "success", at=AT)
    assert len(gates.deployments("production", "production-approved")) == 3
    assert len(hub.received) == 4


def test_the_search_for_a_success_goes_through_all_pages(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    good = scene.add_deployment("b" * 40, "production", "in_progress", "success", at=AT)
    for at in range(250):
        scene.add_deployment(SHA, "production", "failure", at=AT + at)
    found = gates.deployments("production")
    assert [one.id for one in found if one.worked] == [good.id]
    assert len(found) == 251
    assert len(hub.received) == 6


def test_a_thousand_deployments_of_which_none_succeeded_are_a_refusal(scene: GateScene, gates: Gates) -> None:
    scene.add_deployment(SHA, "production", "success", at=AT)
    for at in range(1_000):
        scene.add_deployment(SHA, "production", "failure", at=AT + at)
    with pytest.raises(ForgeRefused, match="none of the newest 1,000 has succeeded"):
        gates.deployments("production")


def test_no_number_of_statuses_hides_a_success(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    scene.add_deployment(SHA, "production", "success", *["in_progress"] * 249, "inactive", at=AT)
    [found] = gates.deployments("production")
    assert (found.state, found.succeeded) == ("inactive", AT + 60)
    assert len(hub.received) == 2 + 3


def test_a_status_in_which_a_gate_held_is_no_failed_deployment(scene: GateScene, gates: Gates) -> None:
    made = scene.add_deployment(SHA, "production", at=AT)
    gates.set_deployment_status(made.id, "failure", "HOLD production ← cccccc, score 61 (needs 75)", "")
    assert [one.held for one in gates.deployments("production")] == [True]


def test_incidents_are_open_issues_with_the_label(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    down = scene.add_incident("it is down", at=AT)
    scene.add_incident("closed").state = "closed"
    scene.add_incident("another", "bug")
    hub.add_pull(99, labels=("incident",))
    [found] = gates.incidents("incident")
    assert (found.number, found.title, found.created) == (down.number, "it is down", AT)
    assert found == Incident(down.number, "it is down", AT, found.url)
    assert len(hub.received) == 1


def test_words_to_the_gate_are_found_with_who_said_them(scene: GateScene, gates: Gates) -> None:
    scene.say(7, "octocat", SAID, at=AT)
    scene.say(7, "octocat", f"> {SAID}", at=AT)
    scene.say(7, Account("helper[bot]"), f"/override-deploy {HASH} because", at=AT + 1, edited=True)
    first, second = gates.approval_comments(7, 0)
    assert first == ApprovalComment(first.id, "approve", HASH, "", "octocat", "", AT, url=first.url)
    assert (second.kind, second.reason, second.author) == ("override", "because", "helper[bot]")
    assert (second.edited, second.is_person) == (True, False)


def test_words_are_found_on_issues_as_well(scene: GateScene, gates: Gates) -> None:
    incident = scene.add_incident("down")
    scene.say(incident.number, "octocat", SAID)
    assert [word.hash for word in gates.approval_comments(incident.number, 0)] == [HASH]


def test_what_500_others_write_before_and_after_hides_no_approval(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge
) -> None:
    for at in range(1001):
        scene.say(7, "octocat" if at == 500 else f"stranger-{at}", SAID if at in {250, 500} else "noise", at=AT + at)
    assert [each.created - AT for each in forge.gates.approval_comments(7, AT)] == [250, 500]
    assert len(hub.received) == 11
    assert [each.created - AT for each in forge.gates.approval_comments(7, AT + 480)] == [500]
    assert forge.notes == ()


def test_of_more_than_two_thousand_comments_the_newest_are_read(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge
) -> None:
    for at in range(2150):
        scene.say(7, "octocat", SAID if at in {0, 150, 2149} else "noise", at=AT + at)
    assert [each.created - AT for each in forge.gates.approval_comments(7, AT)] == [0, 2149]
    assert len(hub.received) == 20
    assert forge.notes == ("only the first 100 and the newest 1900 comments were read",)


@pytest.mark.parametrize(
    ("role", "shown"),
    [("admin", "admin"), ("maintain", "write"), ("write", "write"), ("triage", "read"), ("read", "read")],
)
def test_a_permission_is_what_it_comes_down_to(scene: GateScene, gates: Gates, role: str, shown: str) -> None:
    scene.permit("octo-cat_corp", role)
    assert gates.permission("octo-cat_corp") == shown


def test_whoever_github_does_not_know_may_do_nothing(scene: GateScene, gates: Gates) -> None:
    scene.permit("dependabot[bot]", "write")
    assert gates.permission("dependabot[bot]") == "write"
    assert gates.permission("mallory") == "none"


@pytest.mark.parametrize("login", ["", ".", "..", "../../x", "a/b", "a?b", "a%2fb", "a b", "é", "-a", "a\n", "x" * 200])
def test_what_is_no_login_is_never_sent(hub: FakeGitHub, gates: Gates, login: str) -> None:
    assert gates.permission(login) == "none"
    assert hub.received == []


def test_a_status_is_linked_to_its_log_where_it_has_one(scene: GateScene, gates: Gates) -> None:
    made = scene.add_deployment(SHA, "production", "success")
    made.statuses[0] = replace(made.statuses[0], log_url="https://ci.test/log")
    assert [one.url for one in gates.deployments("production")] == ["https://ci.test/log"]


def test_a_deployment_may_hold_any_payload(scene: GateScene, gates: Gates) -> None:
    payloads: tuple[Any, ...] = ("", {"a": 1}, '{"a": 1}')
    for payload in payloads:
        scene.add_deployment(SHA, "production").payload = payload
    assert len(gates.deployments("production")) == len(payloads)
