"""What the deployments of an environment say: what runs there, whether it went wrong, and where to go back to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.gate_evidence import GateEvidence, PastDeployment
from cicd_agent.modes.deploy_gate.result import Hold, LiftedBy
from cicd_agent.settings.schema import Settings

_FAILED = frozenset({"failure", "error"})
_ENDED = _FAILED | {"success", "inactive"}
_REVERTS = re.compile(r"Revert\b|revert(?:\([^)]*\))?!?:")
UNKNOWN_BASE = "unknown-base"
_APPROVED = "-approved"
"""Ends the name under which the example deploys what people have approved: required reviewers are set by name."""
_URGENT = frozenset({"security", "hotfix"})


@dataclass(frozen=True, slots=True)
class Rollback:
    """A deployment that went wrong and is still there; `to` is the commit to go back to, "" when none is known."""

    hold: Hold
    to: str = ""


def environment_names(environment: str, settings: Settings) -> tuple[str, ...]:
    """The environment by all names under which something is deployed to it."""
    others = settings.environment_aliases.get(environment, (f"{environment}{_APPROVED}",))
    return tuple(dict.fromkeys((environment, *others)))


def earlier_deployments(deployments: Sequence[PastDeployment], event: Event) -> list[PastDeployment]:
    """The deployments before this one, newest first; what a gate held was none."""
    own = event.deployment.id if event.deployment else 0
    return [each for each in deployments if not each.held and not (own and each.id == own)]


def about_base(gate: GateEvidence, event: Event) -> Iterator[Hold]:
    """That it is not known what runs in the environment, so that nobody can say which commits go out."""
    if known(gate, event):
        return
    if gate.unknown_base:
        text = f"it is not known what this deployment brings to {gate.environment}: {gate.unknown_base}"
        remedy = "let the job read deployments (`deployments: read`) and the whole history (`fetch-depth: 0`)"
        yield Hold(UNKNOWN_BASE, text, LiftedBy.OVERRIDE, remedy)
    elif gate.is_first:
        since = f" since {gate.base[:7]}" if gate.base else ""
        text = (
            f"by GitHub's record nothing was ever deployed to {gate.environment}: with it goes all that there is,"
            f" and only what has changed{since} was looked at"
        )
        remedy = (
            f"have this first deployment approved; the next ones are compared with it, if the job that deploys names"
            f" its environment (`environment: {gate.environment}`), or with `record-deployment: on` reports its success"
        )
        yield Hold("first-deployment", text, LiftedBy.APPROVAL, remedy)


def running(deployments: Sequence[PastDeployment]) -> PastDeployment | None:
    """What runs in the environment: what succeeded last of all that nothing has replaced since, None for nothing.

    Not what was begun last: of two deployments side by side the one that ended later is there. Under another name of
    the environment GitHub does not mark as inactive what was replaced: there, too, the later one counts.
    """
    succeeded = successes(deployments)
    active = [each for each in succeeded if each.state == "success"]
    return next(iter((active or succeeded)[-1:]), None)


def successes(deployments: Sequence[PastDeployment]) -> list[PastDeployment]:
    """Those that succeeded, in the order in which they did."""
    return sorted(filter(_succeeded, deployments), key=lambda each: (succeeded_at(each), each.id))


def succeeded_at(deployment: PastDeployment) -> int:
    return deployment.succeeded or deployment.ended


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
    """Whether what would be deployed does harm in the environment already; `red` are required checks that failed.

    A deployment that merely failed, as by an error of the network, did no harm that anybody has told of: what is asked
    for then is another attempt.
    """
    past = [each for each in _past(gate, event) if each.state in _ENDED]
    now = max(past, key=lambda each: (each.succeeded or each.ended or each.created, each.id), default=None)
    if now is None or not gate.sha or now.sha != gate.sha:
        return None
    incidents = tuple(f"#{each.number}" for each in gate.incidents if each.created >= (now.ended or now.created))
    has_failed = now.state in _FAILED
    if incidents:
        state = f"its last deployment to {gate.environment} failed" if has_failed else f"it runs in {gate.environment}"
        text, about = f"{state}, and since then there is {', '.join(incidents[:5])}", incidents
    elif red and not has_failed:
        text, about = f"it runs in {gate.environment}, and `{red[0]}` failed", red
    else:
        return None
    earlier = running([each for each in past if each.sha != gate.sha])
    to = earlier.sha if earlier else ""
    remedy = "no earlier deployment is known to have succeeded: find one to go back to"
    if to:
        remedy = f"go back to {to[:12]}"
    return Rollback(Hold("rollback", text, LiftedBy.OVERRIDE, remedy, about=about), to)


def _succeeded(deployment: PastDeployment) -> bool:
    return deployment.worked and deployment.state not in _FAILED


def _past(gate: GateEvidence, event: Event) -> list[PastDeployment]:
    return earlier_deployments(gate.deployments, event)
