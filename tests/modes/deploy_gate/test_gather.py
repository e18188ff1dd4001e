import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from importlib import import_module

import pytest

from cicd_agent.domain.events.event import Actor, Comment, Deployment, Event, EventKind, Ref, WorkflowRun
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import FACTS, SIGNALS, Match, PastDeployment, State
from cicd_agent.domain.parallel import begin
from cicd_agent.domain.text.markdown import find_marker, marker
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.deploy_gate.approvals import key
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.gather import came, declines, gather
from cicd_agent.modes.deploy_gate.verdict import rules, verify
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import (
    BASE,
    EVENT,
    HEAD,
    NOW,
    OLD,
    PULL,
    RUN,
    SHA,
    GateWorld,
    change,
    word,
)
from tests.support.fakes.repository import FakeRepository

REQUESTS = {"checks": 2, "deployments": 2}
"""Requests of a read on the wire, where they are more than one."""
READS = {
    "checks": "checks",
    "required": "required",
    "origins": "origins",
    "deployments": "deployments",
    "incidents": "incidents",
    "approval_comments": "approvals",
    "ended_since": "failures",
}
"""Method of the port → the reading that it ends in."""
COMMENT = replace(
    EVENT,
    kind=EventKind.ISSUE_COMMENT,
    action="created",
    comment=Comment(3, "/approve-deploy 0123456789abcdef", Actor("bob"), issue=5),
)


def test_everything_is_known_of_a_repository_in_good_order() -> None:
    gate = GateWorld().gate()
    assert {each.name for each in gate.readings} == {*SIGNALS, *FACTS} - {"model"}
    faults = {
        each.name: each.problem
        for each in gate.readings
        if each.state not in {State.KNOWN, State.MISSING, State.ABSENT}
    }
    assert faults == {}
    assert (gate.sha, gate.environment, gate.base, gate.at) == (SHA, "production", BASE, NOW)
    assert gate.reading("tests").value == 100
    assert gate.reading("failures").value == 0
    assert [(each.match, each.pull) for each in gate.commits] == [(Match.SAME_PATCH, 5)]
    assert gate.pulls == (PULL,)
    assert gate.required == ("build", "test")


def test_a_normal_event_costs_at_most_fifteen_requests() -> None:
    one = GateWorld()
    one.forge.gated.said = {5: (word("bob"),)}
    one.gate(approvals=("comment", "issue"))
    calls = [*one.forge.gated.calls, *one.forge.noticed.calls, *one.forge.calls, *one.forge.ran.calls]
    assert sum(REQUESTS.get(each, 1) for each in calls) <= 14
    # The runs of both commits, and what ran before where the one that runs now has none.
    assert [each for each in calls if calls.count(each) > 1] == ["of_workflow"] * 3


@pytest.mark.parametrize(("method", "name"), READS.items())
def test_what_github_refuses_is_a_fault_with_its_line_and_breaks_nothing_else(method: str, name: str) -> None:
    one = GateWorld()
    one.forge.gated.refusals[method] = ForgeRefused("GitHub refused to read it", why="403: no", remedy="Allow it")
    gate = one.gate()
    assert gate.reading(name).state is State.ERROR
    assert gate.reading(name).problem == "GitHub refused to read it (403: no). Allow it"
    # Nobody knows which pull request to look at for reviews and approvals when the origins are not known.
    with_it = {name, *{"checks": ("tests",), "origins": ("approvals", "review")}.get(method, ())}
    assert {each.name for each in gate.readings if each.state is State.ERROR} == with_it


def test_checks_that_cannot_be_read_are_not_taken_for_none_required() -> None:
    one = GateWorld()
    one.forge.gated.refusals["required"] = ForgeRefused("no")
    assert one.gate().required is None


def waited(event: threading.Event) -> None:
    event.wait()


def test_a_read_that_does_not_come_back_is_a_timeout_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    one = GateWorld()
    one.forge.gated.slow = {"incidents": lambda: waited(never)}

    def settled(reads: Sequence[Future[object]], _: float) -> None:
        """All come back by themselves but the fourth, and nobody has to wait for that here."""
        wait([read for at, read in enumerate(reads) if at != 3], 60)

    monkeypatch.setattr(import_module("cicd_agent.modes.deploy_gate.gather"), "wait", settled)
    gate = one.gate()
    never.set()
    assert gate.reading("incidents").state is State.TIMEOUT
    assert "within 30 seconds" in gate.reading("incidents").problem
    assert [each.name for each in gate.readings if each.state is State.TIMEOUT] == ["incidents"]


def test_waiting_ends_with_the_limit() -> None:
    never = threading.Event()
    stuck = begin(lambda: waited(never))
    wait([stuck], 0.01)
    assert came("x", stuck, None)[1].state is State.TIMEOUT
    never.set()


def test_a_bug_in_a_read_is_not_taken_for_github_s_fault() -> None:
    broken = begin(lambda: 1 // 0)
    wait([broken], 60)
    with pytest.raises(ZeroDivisionError):
        came("x", broken, 0)


def test_without_a_token_every_reading_of_github_is_a_fault() -> None:
    one = GateWorld()
    gate = gather(EVENT, one.world(forge=None), Settings(environment="production")).get(GATE)
    assert gate is not None
    for name in ("checks", "required", "origins", "deployments", "incidents", "approvals", "tests", "failures"):
        assert gate.reading(name).state is State.ERROR
        assert "github-token" in gate.reading(name).problem


def test_without_a_default_branch_nobody_says_that_no_check_is_required() -> None:
    gate = GateWorld().gate(replace(EVENT, default_branch="", head=Ref("", SHA)))
    assert gate.reading("required").state is State.ERROR
    assert gate.reading("failures").state is State.ERROR


def test_without_a_checkout_the_commits_are_a_fault_and_the_change_is_a_gap() -> None:
    evidence = gather(EVENT, GateWorld().world(repository=None), Settings(environment="production"))
    assert evidence.get(GATE) is not None
    assert evidence.change is None
    assert "fetch-depth: 0" in evidence[GATE].reading("origins").problem
    assert evidence[GATE].reading("history").state is State.ERROR
    assert any("no checkout" in gap.why for gap in evidence.gaps)


@pytest.mark.parametrize(("lost", "base"), [({BASE}, OLD), ({BASE, OLD}, HEAD), ({BASE, OLD, SHA}, "")])
def test_what_runs_now_but_is_not_in_the_clone_leaves_the_base_unknown(lost: set[str], base: str) -> None:
    class Shallow(FakeRepository):
        def ensure(self, shas: Sequence[str], token: str = "") -> str:  # noqa: ARG002  the port's signature
            return "the remote does not have it" if lost & {*shas} else ""

    one = GateWorld(repository=Shallow(changes={("", SHA): change(OLD, SHA)}, ancestry={SHA: (HEAD,)}))
    gate = one.gate()
    assert gate.base == base
    assert "is not in this clone (the remote does not have it)" in gate.unknown_base


@pytest.mark.parametrize(("before", "base"), [(OLD, OLD), ("", BASE)], ids=["the push's", "the parent"])
def test_where_nothing_runs_yet_the_event_or_the_parent_says_where_the_change_begins(before: str, base: str) -> None:
    one = GateWorld()
    one.forge.gated.deployed = {"production": [PastDeployment(9, HEAD, "main", NOW, "failure")]}
    evidence = gather(replace(EVENT, base=Ref("main", before)), one.world(), Settings(environment="production"))
    assert evidence.get(GATE) is not None
    assert (evidence[GATE].base, evidence[GATE].is_first, evidence[GATE].unknown_base) == (base, True, "")
    assert any("not known what runs now" in gap.why for gap in evidence.gaps)


def test_a_redeployment_brings_nothing_that_could_be_reviewed() -> None:
    one = GateWorld()
    one.forge.gated.deployed = {"production": [PastDeployment(9, SHA, "main", NOW, "success")]}
    gate = one.gate()
    assert (gate.base, gate.commits) == (SHA, ())
    assert (gate.reading("review").value, gate.reading("origins").state) == (1.0, State.KNOWN)
    assert "origins" not in one.forge.gated.calls


def test_more_commits_than_can_be_looked_up_are_a_fault() -> None:
    one = GateWorld()
    first = one.repository.lines[BASE, SHA][0]
    others = (replace(first, sha=f"{number:040x}") for number in range(300))
    one.repository.lines = {(BASE, SHA): (first, *others)}
    gate = one.gate()
    assert len(gate.commits) == 300
    assert "more than 300 commits" in gate.reading("origins").problem
    assert gate.reading("origins").state is State.ERROR


def test_commits_without_a_pull_request_are_a_missing_review() -> None:
    one = GateWorld()
    one.forge.gated.came_from = {}
    gate = one.gate()
    assert gate.reading("review").state is State.MISSING
    assert [each.match for each in gate.commits] == [Match.NONE]


@pytest.mark.parametrize(
    ("event", "settings", "sha", "environment"),
    [
        (EVENT, {}, SHA, "production"),
        (EVENT, {"sha": HEAD}, HEAD, "production"),
        (
            replace(EVENT, kind=EventKind.DEPLOYMENT, sha=OLD, deployment=Deployment(1, "staging", SHA, "main")),
            {"environment": ""},
            SHA,
            "staging",
        ),
        (
            replace(EVENT, kind=EventKind.WORKFLOW_RUN, action="completed", run=WorkflowRun(4, conclusion="failure")),
            {},
            SHA,
            "production",
        ),
        (replace(EVENT, kind=EventKind.RELEASE, base=Ref()), {}, SHA, "production"),
        (replace(EVENT, kind=EventKind.WORKFLOW_DISPATCH, base=Ref()), {}, SHA, "production"),
        (replace(EVENT, kind=EventKind.LOCAL), {}, SHA, "production"),
    ],
)
def test_the_commit_and_the_environment_are_those_of_the_inputs_then_of_the_event(
    event: Event, settings: dict[str, str], sha: str, environment: str
) -> None:
    gate = GateWorld().gate(event, **settings)
    assert (gate.sha, gate.environment, gate.unserved) == (sha, environment, "")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (replace(EVENT, kind=EventKind.PULL_REQUEST, name="pull_request"), "the event `pull_request`: use push"),
        (replace(EVENT, kind=EventKind.OTHER, name="fork"), "the event `fork`"),
        (replace(EVENT, kind=EventKind.WORKFLOW_RUN, action="requested"), "was requested"),
        (replace(EVENT, sha=""), "the push deletes main"),
    ],
)
def test_what_is_not_served_is_not_declined_but_told_and_asks_nobody(event: Event, why: str) -> None:
    one = GateWorld()
    assert declines(event) is None
    assert why in one.gate(event).unserved
    assert one.forge.gated.calls == []


def test_without_an_environment_nothing_is_read() -> None:
    one = GateWorld()
    assert one.gate(environment="").environment == ""
    assert one.forge.gated.calls == []


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (replace(COMMENT, action="edited"), "edited"),
        (replace(COMMENT, comment=Comment(3, "looks good", Actor("bob"), issue=5)), "neither"),
        (replace(COMMENT, comment=None), "neither"),
        (replace(COMMENT, comment=replace(COMMENT.comment or Comment(1), author=Actor("x", is_bot=True))), "bot"),
        (replace(COMMENT, actor=Actor("x[bot]", is_bot=True)), "bot"),
        (replace(COMMENT, kind=EventKind.REVIEW_COMMENT), "at a line"),
    ],
)
def test_a_comment_that_decides_nothing_is_declined(event: Event, why: str) -> None:
    assert why in (declines(event) or "")


def test_a_comment_that_approves_is_not_declined() -> None:
    assert declines(COMMENT) is None


def test_the_problems_of_the_configuration_are_in_the_evidence() -> None:
    evidence = gather(EVENT, GateWorld().world(problems=("it is broken",)), Settings(environment="production"))
    assert evidence.get(GATE) is not None
    assert evidence[GATE].policy == ("it is broken",)


def test_the_permission_is_asked_for_those_only_whose_words_may_count() -> None:
    one = GateWorld()
    one.forge.gated.permissions = {"bob": "write", "eve": "write"}
    one.forge.gated.said = {
        5: (
            word("old", 1, created=NOW - 90_000),
            word("edit", 2, edited=True),
            word("ci", 3, is_person=False),
            word("bob", 4),
            word("bob", 5),
            *(word(f"u{number}", 10 + number, created=NOW - 30) for number in range(4)),
            word("eve", 20, created=NOW - 100),
        )
    }
    said = {each.author: each.permission for each in one.gate().words}
    assert said["bob"] == "write"
    assert said["u0"] == "read"
    assert [said[name] for name in ("old", "edit", "ci")] == ["", "", ""]
    assert one.forge.gated.calls.count("permission") == 6


def approval_hash(world: GateWorld) -> str:
    """What the report of the hold asks people to name."""
    settings = Settings(environment="production")
    evidence = gather(EVENT, world.world(), settings)
    return verify(rules(evidence, settings), (), evidence, settings).hash


def test_whoever_may_not_write_crowds_out_nobody_who_names_the_hash() -> None:
    """Rita is no member to GitHub, and writes between two times 250 others, who name any hash."""
    one = GateWorld()
    one.forge.gated.permissions = {"rita": "write", "maria": "maintain"}
    held = approval_hash(one)
    before, after = (
        [word(f"u{number}", number, created=NOW - age) for number in range(first, first + 250)]
        for first, age in ((100, 900), (600, 10))
    )
    rita = replace(word("rita", 500, created=NOW - 300), hash=held)
    one.forge.gated.said = {5: (*before, rita, *after)}
    said = {each.author: each.permission for each in one.gate().words}
    assert said.pop("rita") == "write"
    assert set(said.values()) == {""}
    assert len(said) == 50
    assert one.forge.gated.calls.count("permission") == 1


def test_of_many_who_name_the_hash_members_are_asked_about_first() -> None:
    one = GateWorld()
    one.forge.gated.permissions = {"maria": "maintain"}
    held = approval_hash(one)
    others = [replace(word(f"u{number}", number, created=NOW - 10), hash=held) for number in range(100, 600)]
    maria = replace(word("maria", 1, created=NOW - 900), hash=held, is_member=True)
    one.forge.gated.said = {5: (maria, *others)}
    said = {each.author: each.permission for each in one.gate().words}
    assert said["maria"] == "maintain"
    assert one.forge.gated.calls.count("permission") == 20


def test_an_issue_about_the_hold_is_read_only_where_people_are_asked_in_one() -> None:
    one = GateWorld()
    one.forge.noticed.open_issue("Held", "<!-- cicd-agent:deploy-gate/staging -->\nheld")
    one.forge.noticed.open_issue("Held", "<!-- cicd-agent:deploy-gate/production -->\nheld")
    one.forge.gated.said = {1: (word("eve"),), 2: (word("bob"),)}
    assert one.gate().words == ()
    assert [each.author for each in one.gate(approvals=("issue",)).words] == ["bob"]


@pytest.mark.parametrize("environment", ["production", "a--b", "-->", "täst/ü", "x" * 255, ""])
def test_what_is_told_of_an_environment_is_found_again_by_its_name(environment: str) -> None:
    assert find_marker(f"{marker(key(environment))}\ntext").startswith("<!-- cicd-agent:deploy-gate/")


def test_pull_requests_come_in_the_order_of_their_commits() -> None:
    one = GateWorld()
    first = one.repository.lines[BASE, SHA][0]
    one.repository.lines = {(BASE, SHA): (first, replace(first, sha=HEAD))}
    one.forge.gated.came_from = {HEAD: replace(PULL, number=4), SHA: PULL}
    assert [each.number for each in one.gate().pulls] == [5, 4]


def test_only_runs_of_the_named_workflows_count_and_not_the_one_that_asks() -> None:
    one = GateWorld()
    run = RunState(
        1, workflow="CI", path=".github/workflows/ci.yml@main", status="completed", branch="main", created=NOW - 60
    )
    one.forge.gated.ended = (
        replace(run, id=RUN, conclusion="failure"),
        replace(run, id=2, conclusion="failure"),
        replace(run, id=3, conclusion="timed_out", workflow="Nightly", path="n.yml"),
        *(replace(run, id=number, conclusion="success") for number in (4, 5, 6)),
        replace(run, id=7, conclusion="cancelled"),
        replace(run, id=8, conclusion="failure", created=NOW - 8 * 86_400),
    )
    assert one.gate().reading("failures").value == 40
    for name in ("CI", "ci.yml", ".github/workflows/ci.yml"):
        reading = one.gate(failure_workflows=(name,)).reading("failures")
        assert (reading.value, reading.words) == (25, "1 of 4 runs in 7 days failed")
    evidence = gather(EVENT, one.world(), Settings(environment="production", failure_workflows=("gone",)))
    assert evidence.get(GATE) is not None
    assert evidence[GATE].reading("failures").state is State.MISSING
    assert any("`gone` has not run" in gap.why for gap in evidence.gaps)


def test_traffic_of_the_file_comes_before_that_of_the_settings() -> None:
    one = GateWorld()
    one.files["s.json"] = b'{"traffic_per_minute": 120, "error_budget_remaining": 0.25}'
    assert one.gate(traffic_per_minute=5).traffic == 5
    gate = one.gate(traffic_per_minute=5, signals_file="s.json")
    assert (gate.traffic, gate.error_budget, gate.reading("budget").value) == (120, 0.25, 0.25)


def past(ident: int, sha: str, state: str = "success", ended: int = NOW, succeeded: int = 0) -> PastDeployment:
    return PastDeployment(ident, sha, "main", NOW - 9_000 + ident, state, ended, succeeded=succeeded)


@pytest.mark.parametrize(
    ("deployments", "base"),
    [
        ({"production": [past(9, OLD, ended=NOW - 90)], "production-approved": [past(10, BASE)]}, BASE),
        ({"production": [past(9, BASE, ended=NOW)], "production-approved": [past(10, OLD, ended=NOW - 90)]}, BASE),
        ({"production": [past(9, BASE, ended=NOW), past(10, OLD, ended=NOW - 90)]}, BASE),
        ({"production": [past(9, BASE), *(past(at, OLD, "failure") for at in range(10, 16))]}, BASE),
        ({"production": [past(9, BASE, "inactive", succeeded=NOW - 90), past(8, OLD, "inactive")]}, BASE),
        ({"production": [past(9, BASE), past(10, OLD, "waiting"), past(11, OLD, "queued"), past(12, OLD, "")]}, BASE),
    ],
    ids=["approved", "replaced", "ended later", "many failures", "taken down", "not ended"],
)
def test_what_runs_now_is_what_succeeded_last_under_any_of_its_names(
    deployments: dict[str, list[PastDeployment]], base: str
) -> None:
    one = GateWorld()
    one.forge.gated.deployed = deployments
    gate = one.gate()
    assert (gate.base, gate.unknown_base, gate.is_first) == (base, "", False)


def test_the_other_names_of_an_environment_are_set_in_place_of_the_usual_one() -> None:
    one = GateWorld()
    one.forge.gated.deployed = {"prod": [past(9, BASE)], "production-approved": [past(10, OLD)]}
    aliases = {"production": ("prod",), "staging": ("production-approved",)}
    assert one.gate(environment_aliases=aliases).base == BASE


def test_where_deployments_cannot_be_read_the_base_is_unknown() -> None:
    one = GateWorld()
    one.forge.gated.refusals["deployments"] = ForgeRefused("GitHub refused", why="403")
    gate = one.gate()
    assert (gate.unknown_base, gate.is_first) == ("GitHub refused (403)", False)
