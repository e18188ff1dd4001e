"""What a deployment gate reads of GitHub, through the real client: lists whole, in few requests, limits told."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.gate_evidence import ApprovalComment, CheckState, Incident, PastDeployment, RequiredChecks
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
    assert first == CheckState(
        "test", "completed", "failure", AT, test.url, "github-actions", app_id=15_368, started=first.started, run=5
    )
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
    assert len(hub.received) == 3
    assert hub.received[0].query["filter"] == "latest"


def conclusions(gates: Gates) -> list[tuple[str, str, str]]:
    return [(one.app, one.workflow.rpartition("/")[2], one.conclusion) for one in gates.checks(SHA)]


def test_of_one_workflow_the_newer_run_counts_and_of_one_run_every_check(scene: GateScene, forge: GitHubForge) -> None:
    scene.begin_run(5, SHA, "ci.yml", status="failure")
    scene.begin_run(6, SHA, "ci.yml", status="success")
    scene.add_check(SHA, "test", "failure", run=5)
    # Two legs of a matrix that was given one name.
    scene.add_check(SHA, "test", "failure", run=6)
    scene.add_check(SHA, "test", "success", run=6)
    assert conclusions(forge.gates) == [
        ("github-actions", "ci.yml", "failure"),
        ("github-actions", "ci.yml", "success"),
    ]


def test_a_newer_green_check_hides_no_red_one_of_another_workflow_or_app(scene: GateScene, forge: GitHubForge) -> None:
    scene.begin_run(5, SHA, "ci.yml", status="failure")
    scene.begin_run(6, SHA, "docs.yml", status="success")
    scene.add_check(SHA, "test", "failure", run=5)
    scene.add_check(SHA, "test", "success", run=6)
    scene.add_check(SHA, "test", "neutral", app="other")
    assert conclusions(forge.gates) == [
        ("github-actions", "ci.yml", "failure"),
        ("github-actions", "docs.yml", "success"),
        ("other", "", "neutral"),
    ]
    assert forge.notes == ()


def test_what_another_app_began_again_counts_as_it_was_begun_last(scene: GateScene, forge: GitHubForge) -> None:
    scene.add_check(SHA, "test", "failure", app="jenkins")
    scene.add_check(SHA, "test", "success", app="jenkins")
    assert conclusions(forge.gates) == [("jenkins", "", "success")]
    assert forge.notes == ("more than one check is called test: the newest counts",)


def test_where_runs_may_not_be_read_no_check_hides_one_of_another_run(hub: FakeGitHub, scene: GateScene) -> None:
    scene.begin_run(5, SHA, "ci.yml", status="failure")
    scene.begin_run(6, SHA, "ci.yml", status="success")
    scene.add_check(SHA, "test", "failure", run=5)
    scene.add_check(SHA, "test", "success", run=6)
    token = hub.add_token("ghs_less", checks="read", statuses="read")
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        assert [one.conclusion for one in forge.gates.checks(SHA)] == ["failure", "success"]
        assert "which workflow a check belongs to was not read" in forge.notes[0]
        assert "`actions: read`" in forge.notes[0]


def test_a_run_whose_next_job_has_not_begun_goes_on(scene: GateScene, gates: Gates) -> None:
    scene.begin_run(5, SHA, "ci.yml")
    scene.begin_run(6, SHA, "docs.yml")
    scene.begin_run(7, SHA, "nightly.yml", event="schedule", status="queued")
    scene.add_check(SHA, "lint", run=5)
    scene.add_check(SHA, "pages", "", run=6)
    found = [(one.name, one.status, one.event) for one in gates.checks(SHA)]
    assert found == [
        ("lint", "completed", "push"),
        ("pages", "in_progress", "push"),
        ("ci (workflow)", "in_progress", "push"),
        ("nightly (workflow)", "queued", "schedule"),
    ]


def test_a_job_that_names_an_environment_deploys(scene: GateScene, gates: Gates) -> None:
    scene.add_check(SHA, "deploy", "failure", run=5, environment="production")
    scene.add_check(SHA, "test", "failure", run=5)
    assert [(one.name, one.deploys) for one in gates.checks(SHA)] == [("deploy", True), ("test", False)]


@pytest.mark.parametrize(("number", "asked"), [(100, 3), (150, 4), (350, 6)])
def test_hundreds_of_check_runs_are_read_whole(scene: GateScene, forge: GitHubForge, number: int, asked: int) -> None:
    for at in range(number):
        scene.add_check(SHA, f"shard {at}", "failure" if at > 300 else "success")
    assert len(forge.gates.checks(SHA)) == number
    assert forge.requests == asked
    assert forge.notes == ()


def test_more_statuses_than_one_page_holds_are_read(scene: GateScene, forge: GitHubForge) -> None:
    for at in range(101):
        scene.add_status(SHA, f"ci/{at}")
    assert len(forge.gates.checks(SHA)) == 101
    assert forge.notes == ()


@pytest.mark.parametrize("path", ["/check-runs$", "/status$", "/actions/runs$"])
def test_a_list_that_is_shorter_than_it_says_is_a_refusal(
    hub: FakeGitHub, scene: GateScene, gates: Gates, path: str
) -> None:
    for at in range(150):
        scene.add_check(SHA, f"shard {at}")
        scene.add_status(SHA, f"ci/{at}")
        scene.begin_run(at, SHA, f"{at}.yml", status="success")
    empty = {"total_count": 150, "check_runs": [], "statuses": [], "workflow_runs": []}
    hub.fail("GET", path, 200, empty, nth=2, times=3)
    with pytest.raises(ForgeRefused, match=r"is not whole \(0 of 150 came\)\. Run the job again"):
        gates.checks(SHA)


def test_what_moved_to_another_page_meanwhile_is_read_again(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    for at in range(150):
        scene.add_check(SHA, f"shard {at}")
    hub.fail("GET", "/check-runs$", 200, {"total_count": 150, "check_runs": []}, nth=2)
    assert len(gates.checks(SHA)) == 150


def test_required_checks_are_those_of_rulesets_and_of_classic_protection(
    hub: FakeGitHub, scene: GateScene, gates: Gates
) -> None:
    scene.require("release/1.0 ü", "test", "lint", "test")
    scene.require("release/1.0 ü", "test", "build", app=15_368, classic=True)
    expected = [("test", 0), ("lint", 0), ("test", 15_368), ("build", 15_368)]
    assert [(one.name, one.app) for one in gates.required("release/1.0 ü").checks] == expected
    assert gates.required("main") == RequiredChecks()
    assert len(hub.received) == 4


def test_rules_that_are_not_shown_are_none_only_where_nothing_is_protected(
    hub: FakeGitHub, scene: GateScene, gates: Gates
) -> None:
    hub.fail("GET", "/rules/", 404, {"message": "Not Found"}, times=2)
    assert gates.required("main") == RequiredChecks()
    scene.require("main", "test")
    with pytest.raises(ForgeRefused, match="refused to list the rules of main"):
        gates.required("main")


@pytest.mark.parametrize("status", [403, 404])
def test_classic_protection_that_the_token_may_not_see_is_noted(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge, status: int
) -> None:
    scene.require("main", "test")
    hub.fail("GET", "/r/branches/main$", status, {"message": "no"}, times=2)
    required = forge.gates.required("main")
    assert required.names == ("test",)
    assert required.unread.startswith("it is not known which checks classic branch protection requires: GitHub refused")
    hub.fail("GET", "/rules/", 404, {"message": "Not Found"})
    with pytest.raises(ForgeRefused, match="404"):
        forge.gates.required("main")


def test_classic_protection_without_its_details_is_noted(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.fail("GET", "/r/branches/main$", 200, {"protected": True, "protection": {"enabled": True}})
    assert "name the checks in `required-checks`" in forge.gates.required("main").unread


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
    for _ in range(1_001):
        scene.add_run("main", at=AT)
    assert len(forge.gates.ended_since("main", AT)) == 1_000
    assert forge.notes == ("only the newest 1,000 runs since 2027-01-15T08:00:00Z were read",)
    assert len(hub.received) == 10


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


def test_what_is_read_again_is_asked_for_by_its_tag_and_is_what_it_is_now(hub: FakeGitHub, forge: GitHubForge) -> None:
    check = hub.gate.add_check(SHA, "unit", "")
    before = forge.gates.checks(SHA)
    left = hub.rate_remaining
    assert forge.gates.checks(SHA) == before
    assert hub.rate_remaining == left
    hub.gate.end_check(check, "failure")
    assert [each.conclusion for each in forge.gates.checks(SHA)] == ["failure"]


def test_one_request_tells_that_a_check_still_runs_whatever_made_it(hub: FakeGitHub, forge: GitHubForge) -> None:
    scene = hub.gate
    states = [scene.add_check(SHA, "unit", ""), scene.add_check(SHA, "e2e", "", status="queued")]
    states.append(scene.add_check(SHA, "security", "", status="requested", app="bot"))
    scene.add_status(SHA, "jenkins", "pending")
    run = scene.begin_run(70, SHA, "ci.yml")
    for each in forge.gates.checks(SHA):
        hub.received.clear()
        assert forge.gates.is_running(SHA, [each])
        assert len(hub.received) == 1
    old = forge.gates.checks(SHA)
    for state in states:
        scene.end_check(state)
    scene.add_status(SHA, "jenkins", "success")
    run.attempts[-1].status = "completed"
    assert not any(forge.gates.is_running(SHA, [each]) for each in old)
