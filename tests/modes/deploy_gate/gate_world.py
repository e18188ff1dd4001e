"""A repository in good order with a commit that is to be deployed: what is wrong with it, each test adds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import (
    ApprovalComment,
    CheckState,
    GateEvidence,
    OriginPull,
    PastDeployment,
    ReviewState,
)
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.gather import gather
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeForge, FakeRepository, FakeWorkspace

NOW = 1_900_000_000
SHA, BASE, HEAD, OLD = "c" * 40, "b" * 40, "d" * 40, "a" * 40
RUN = 77
PULL = OriginPull(
    5,
    "ann",
    "main",
    HEAD,
    SHA,
    authors=("ann",),
    reviews=(ReviewState("bob", "APPROVED", HEAD, NOW - 900),),
)
EVENT = Event(
    EventKind.PUSH,
    "push",
    repo="acme/app",
    default_branch="main",
    sha=SHA,
    base=Ref("main", OLD),
    head=Ref("main", SHA, "acme/app"),
    delivery=f"{RUN}.1",
    server="https://github.test",
)


def change(base: str, head: str) -> Change:
    return Change(base, head, ChangeSource.GIT, ())


def check(name: str, conclusion: str = "success", run: int = 70, ended: int = NOW - 600) -> CheckState:
    status = "completed" if conclusion else "in_progress"
    return CheckState(
        name, status, conclusion, ended if conclusion else 0, f"https://github.test/acme/app/actions/runs/{run}/job/1"
    )


def word(author: str, ident: int = 1, **more: Any) -> ApprovalComment:
    return replace(ApprovalComment(ident, "approve", "0123456789abcdef", "", author, "", NOW - 60), **more)


@dataclass
class GateWorld:
    """The commit SHA was squashed from pull request 5; BASE runs in production."""

    forge: FakeForge = field(default_factory=FakeForge)
    files: dict[str, bytes] = field(default_factory=dict)
    repository: FakeRepository = field(
        default_factory=lambda: FakeRepository(
            refs={"HEAD": SHA, "main": BASE, "before": OLD},
            changes={("", SHA): change(BASE, SHA), ("", HEAD): change(BASE, HEAD)},
            ancestry={SHA: (BASE,)},
            lines={(BASE, SHA): (Commit(SHA, "Add a thing (#5)"),)},
            patch_ids={(BASE, SHA): "p1", (BASE, HEAD): "p1"},
        )
    )

    def __post_init__(self) -> None:
        gates = self.forge.gated
        gates.states = {SHA: (check("build"), check("test"), check("gate", "", RUN))}
        gates.demanded = {"main": ("build", "test")}
        gates.came_from = {SHA: PULL}
        gates.ended = tuple(
            RunState(number, workflow="CI", status="completed", conclusion="success", branch="main", created=NOW - 60)
            for number in range(1, 11)
        )
        gates.deployed = {"production": [PastDeployment(9, BASE, "main", NOW - 9_000, "success", NOW - 8_000)]}

    def world(self, **more: Any) -> Ports:
        known: Mapping[str, Any] = {
            "repository": self.repository,
            "forge": self.forge,
            "workspace": FakeWorkspace(self.files),
            "now": lambda: float(NOW),
        }
        return Ports(**{**known, **more})

    def gate(self, event: Event = EVENT, **settings: Any) -> GateEvidence:
        evidence = gather(event, self.world(), Settings(**{"environment": "production", **settings}))
        assert evidence.get(GATE) is not None
        return evidence[GATE]
