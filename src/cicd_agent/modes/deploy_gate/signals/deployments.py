"""What the deployments of an environment say: what runs there, whether it went wrong, and where to go back to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import GateEvidence, PastDeployment
from cicd_agent.modes.deploy_gate.result import Hold, LiftedBy

_FAILED = frozenset({"failure", "error"})
_REVERTS = re.compile(r"Revert\b|revert(?:\([^)]*\))?!?:")
_URGENT = frozenset({"security", "hotfix"})


@dataclass(frozen=True, slots=True)
class Retreat:
    """A deployment that went wrong and is still there; `to` is the commit to go back to, "" when none is known."""

    stop: Hold
    to: str = ""


def known(gate: GateEvidence, event: Event) -> str:
    """Why nothing of it is new to the environment, "" when something is: it was gone over when it first came there."""
    succeeded = {each.sha for each in _past(gate, event) if _is_good(each)}
    if gate.sha and gate.sha in succeeded:
        return "it was deployed here before, and that succeeded"
    if gate.sha and not gate.commits and gate.base in succeeded:
        return "it brings no commit that does not run here already"
    return ""


def exempt(gate: GateEvidence, event: Event) -> str:
    """Why an exhausted error budget does not hold it: it repairs. "" when it does hold."""
    if before := known(gate, event):
        return before
    labels = {pull.number: {label.casefold() for label in pull.labels} for pull in gate.pulls}
    reverts = [bool(_REVERTS.match(commit.subject)) for commit in gate.commits]
    urgent = [bool(_URGENT & labels.get(commit.pull, set())) for commit in gate.commits]
    if reverts and all(reverts):
        return "it takes back what was deployed"
    if reverts and all(one or other for one, other in zip(reverts, urgent, strict=True)):
        return "it is a fix that cannot wait, by the labels of its pull requests"
    return ""


def retreat(gate: GateEvidence, event: Event, red: tuple[str, ...]) -> Retreat | None:
    """Whether what would be deployed runs there already and does harm; `red` are required checks that failed."""
    past = list(_past(gate, event))
    now = next((each for each in past if each.state), None)
    if now is None or not gate.sha or now.sha != gate.sha:
        return None
    since = [each for each in gate.incidents if each.created >= (now.ended or now.created)]
    about: tuple[str, ...]
    if now.state in _FAILED:
        why, about = f"its last deployment to {gate.environment} ended with `{now.state}`", ("deployment", str(now.id))
    elif since:
        numbers = ", ".join(f"#{each.number}" for each in since[:5])
        why = f"it runs in {gate.environment}, and since then there is {numbers}"
        about = tuple(f"#{each.number}" for each in since)
    elif red:
        why, about = f"it runs in {gate.environment}, and `{red[0]}` failed", red
    else:
        return None
    earlier = past[past.index(now) + 1 :]
    to = next((each.sha for each in earlier if _is_good(each) and each.sha != gate.sha), "")
    remedy = (
        f"go back to {to[:12]}" if to else "no earlier deployment is known to have succeeded: find one to go back to"
    )
    return Retreat(Hold("rollback", why, LiftedBy.OVERRIDE, remedy, about=about), to)


def _is_good(deployment: PastDeployment) -> bool:
    return deployment.worked and deployment.state not in _FAILED


def _past(gate: GateEvidence, event: Event) -> Iterator[PastDeployment]:
    """The deployments before this one, newest first; what a gate held was none."""
    own = event.deployment.id if event.deployment else 0
    return (each for each in gate.deployments if not each.held and not (own and each.id == own))
