"""What the deployments of an environment say: what runs there, whether it went wrong, and where to go back to."""

import re
from dataclasses import dataclass

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import GateEvidence, PastDeployment
from cicd_agent.modes.deploy_gate.result import Hold, LiftedBy

_FAILED = frozenset({"failure", "error"})
_REVERTS = re.compile(r"Revert\b|revert(?:\([^)]*\))?!?:")
_URGENT = frozenset({"security", "hotfix"})


@dataclass(frozen=True, slots=True)
class Rollback:
    """A deployment that went wrong and is still there; `to` is the commit to go back to, "" when none is known."""

    hold: Hold
    to: str = ""


def known(gate: GateEvidence, event: Event) -> str:
    """Why nothing of it is new to the environment, "" when something is: it was gone over when it first came there."""
    succeeded = {each.sha for each in _past(gate, event) if _succeeded(each)}
    if gate.sha and gate.sha in succeeded:
        return "it was deployed here before, and that succeeded"
    if gate.sha and not gate.commits and gate.base in succeeded:
        return "it brings no commit that does not run here already"
    return ""


def exempt(gate: GateEvidence, event: Event) -> str:
    """Why an exhausted error budget does not hold it: it repairs. "" when it does hold."""
    if reason := known(gate, event):
        return reason
    labels = {pull.number: {label.casefold() for label in pull.labels} for pull in gate.pulls}
    reverts = [commit for commit in gate.commits if _REVERTS.match(commit.subject)]
    others = [commit for commit in gate.commits if commit not in reverts]
    if reverts and not others:
        return "it takes back what was deployed"
    if gate.commits and all(_URGENT & labels.get(commit.pull, set()) for commit in others):
        return "it is a fix that cannot wait, by the labels of its pull requests"
    return ""


def rollback(gate: GateEvidence, event: Event, red: tuple[str, ...]) -> Rollback | None:
    """Whether what would be deployed runs there already and does harm; `red` are required checks that failed."""
    past = _past(gate, event)
    now = next((each for each in past if each.state), None)
    if now is None or not gate.sha or now.sha != gate.sha:
        return None
    incidents = tuple(f"#{each.number}" for each in gate.incidents if each.created >= (now.ended or now.created))
    if now.state in _FAILED:
        text = f"its last deployment to {gate.environment} ended with `{now.state}`"
        about: tuple[str, ...] = ("deployment", str(now.id))
    elif incidents:
        text = f"it runs in {gate.environment}, and since then there is {', '.join(incidents[:5])}"
        about = incidents
    elif red:
        text, about = f"it runs in {gate.environment}, and `{red[0]}` failed", red
    else:
        return None
    earlier = past[past.index(now) + 1 :]
    to = next((each.sha for each in earlier if _succeeded(each) and each.sha != gate.sha), "")
    remedy = "no earlier deployment is known to have succeeded: find one to go back to"
    if to:
        remedy = f"go back to {to[:12]}"
    return Rollback(Hold("rollback", text, LiftedBy.OVERRIDE, remedy, about=about), to)


def _succeeded(deployment: PastDeployment) -> bool:
    return deployment.worked and deployment.state not in _FAILED


def _past(gate: GateEvidence, event: Event) -> list[PastDeployment]:
    """The deployments before this one, newest first; what a gate held was none."""
    own = event.deployment.id if event.deployment else 0
    return [each for each in gate.deployments if not each.held and not (own and each.id == own)]
