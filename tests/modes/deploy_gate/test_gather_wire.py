"""The signals through the real client, several threads at once: what GitHub has is what is read, in few requests."""

from dataclasses import replace

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.events.event import Deployment, Event, EventKind, Ref
from cicd_agent.domain.gate_evidence import GateEvidence, Match, State
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.gather import gather
from cicd_agent.modes.deploy_gate.score import FAULTS
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import BASE, EVENT, HEAD, NOW, RUN, SHA, GateWorld
from tests.support.servers.github.app import FakeGitHub

RIGHTS = {"checks": "read", "statuses": "read", "actions": "read", "issues": "read", "deployments": "read"}
EVENTS = (
    EVENT,
    replace(EVENT, kind=EventKind.DEPLOYMENT, base=Ref(), deployment=Deployment(1, "production", SHA, "main")),
    replace(EVENT, kind=EventKind.WORKFLOW_RUN, action="completed", base=Ref()),
    replace(EVENT, kind=EventKind.WORKFLOW_DISPATCH, base=Ref()),
    replace(EVENT, kind=EventKind.RELEASE, base=Ref()),
)


def repository() -> FakeGitHub:
    """What GateWorld is, as a server."""
    hub = FakeGitHub()
    hub.add_repo(EVENT.repo)
    hub.add_pull(5, head_sha=HEAD)
    hub.gate.merge(5, SHA)
    hub.gate.review(5, "bob", at=NOW - 900)
    hub.gate.require("main", "build")
    hub.gate.add_check(SHA, "build", at=NOW - 600, run=70)
    hub.gate.add_check(SHA, "gate", "", run=RUN)
    hub.gate.add_deployment(BASE, "production", "in_progress", "success", at=NOW - 9_000)
    hub.gate.add_run("main", at=NOW - 60)
    hub.gate.add_run("main", "failure", at=NOW - 50)
    hub.gate.say(5, "bob", "/approve-deploy 0123456789abcdef", at=NOW - 30)
    hub.gate.permit("bob", "write")
    return hub


def test_every_event_is_read_in_few_requests_side_by_side() -> None:
    with repository() as hub:
        token = hub.add_token("ghs_gate", pull_requests="read", **RIGHTS)
        for event in EVENTS:
            before = len(hub.received)
            gate = read(event, hub, token)
            assert len(hub.received) - before <= 17
            assert [each.name for each in gate.readings if each.state in FAULTS] == []
            assert (gate.base, gate.required) == (BASE, ("build",))
            assert [(each.match, each.pull) for each in gate.commits] == [(Match.SAME_PATCH, 5)]
            assert [(each.name, each.own) for each in gate.checks] == [("build", False), ("gate", True)]
            assert [(each.author, each.permission) for each in gate.words] == [("bob", "write")]
            assert (gate.reading("tests").value, gate.reading("failures").value) == (100, 50)


def test_a_permission_that_is_missing_is_named_and_the_rest_is_read() -> None:
    with repository() as hub:
        less = {name: right for name, right in RIGHTS.items() if name not in {"deployments", "checks"}}
        token = hub.add_token("ghs_gate", pull_requests="read", **less)
        gate = read(EVENT, hub, token)
    faults = {each.name: each.problem for each in gate.readings if each.state is State.ERROR}
    assert {*faults} == {"tests", "checks", "deployments"}
    assert "checks: read" in faults["checks"]
    assert "deployments: read" in faults["deployments"]


def read(event: Event, hub: FakeGitHub, token: str) -> GateEvidence:
    with GitHubForge(token, EVENT.repo, api_url=hub.url, timeout=5, sleep=lambda _: None) as forge:
        evidence = gather(event, GateWorld().world(forge=forge), Settings(environment="production"))
    assert evidence.get(GATE) is not None
    return evidence[GATE]
