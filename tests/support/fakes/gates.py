"""Checks, reviews and deployments as a double of our own port: it shows what it is told, and can be told to refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import (
    ApprovalComment,
    CheckState,
    Incident,
    OriginPull,
    PastDeployment,
    RequiredCheck,
    RequiredChecks,
)
from cicd_agent.domain.ports.deployments import DeploymentState, Gates
from cicd_agent.errors import AgentError


@dataclass
class FakeGates(Gates):
    """One repository. `refusals` maps a method's name to what it raises; `slow` to what it does before it answers."""

    states: dict[str, tuple[CheckState, ...]] = field(default_factory=dict)
    """Commit → its checks."""
    demanded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Branch → the checks that its rulesets require."""
    came_from: dict[str, OriginPull] = field(default_factory=dict)
    ended: tuple[RunState, ...] = ()
    deployed: dict[str, list[PastDeployment]] = field(default_factory=dict)
    """Environment → its deployments, newest first."""
    open_incidents: tuple[Incident, ...] = ()
    said: dict[int, tuple[ApprovalComment, ...]] = field(default_factory=dict)
    posted: dict[int, tuple[PostedComment, ...]] = field(default_factory=dict)
    """What we have said ourselves, by conversation."""
    permissions: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    told: list[tuple[int, str, str, str]] = field(default_factory=list)
    refusals: dict[str, AgentError] = field(default_factory=dict)
    slow: dict[str, Callable[[], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def checks(self, sha: str) -> tuple[CheckState, ...]:
        self._called("checks")
        return self.states.get(sha, ())

    def is_running(self, sha: str, checks: Sequence[CheckState]) -> bool:
        self._called("is_running")
        return any(check in self.states.get(sha, ()) for check in checks)

    def required(self, branch: str) -> RequiredChecks:
        self._called("required")
        return RequiredChecks(tuple(map(RequiredCheck, self.demanded.get(branch, ()))))

    def origins(self, shas: Sequence[str]) -> tuple[tuple[str, OriginPull], ...]:
        self._called("origins")
        return tuple((sha, self.came_from[sha]) for sha in shas if sha in self.came_from)

    def ended_since(self, branch: str, when: int) -> tuple[RunState, ...]:
        self._called("ended_since")
        return tuple(run for run in self.ended if run.branch == branch and run.created >= when)

    def deployments(self, environment: str, *others: str) -> tuple[PastDeployment, ...]:
        self._called("deployments")
        found = [one for name in (environment, *others) for one in self.deployed.get(name, ())]
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    def incidents(self, label: str) -> tuple[Incident, ...]:  # noqa: ARG002  there is one label
        self._called("incidents")
        return self.open_incidents

    def approval_comments(self, number: int, since: int) -> tuple[ApprovalComment, ...]:  # noqa: ARG002  all are shown
        self._called("approval_comments")
        return self.said.get(number, ())

    def posted_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        self._called("posted_comments")
        return tuple(one for one in self.posted.get(number, ()) if marker in one.body and one.is_ours)

    def permission(self, login: str) -> str:
        self._called("permission")
        return self.permissions.get(login, "read")

    def deploy(self, sha: str, environment: str, description: str) -> PastDeployment:  # noqa: ARG002  not kept
        self._called("deploy")
        standing = self.deployed.setdefault(environment, [])
        made = PastDeployment(
            len(standing) + 1, sha, sha, 0, url=f"https://github.test/deployments/{len(standing) + 1}"
        )
        standing.insert(0, made)
        return made

    def set_deployment_status(self, deployment: int, state: DeploymentState, description: str, url: str) -> None:
        self._called("set_deployment_status")
        self.told.append((deployment, state, description, url))
        for standing in self.deployed.values():
            standing[:] = [replace(one, state=state) if one.id == deployment else one for one in standing]

    def ask_for_review(self, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        self._called("ask_for_review")
        self.asked.append((number, tuple(people), tuple(teams)))

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.slow:
            self.slow[method]()
        if method in self.refusals:
            raise self.refusals[method]
