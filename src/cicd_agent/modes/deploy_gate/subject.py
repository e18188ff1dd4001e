"""What would be deployed and where to: the commit, the environment, and what that changes there."""

from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.errors import ConfigError
from cicd_agent.modes.shared.self_triggered import own_run
from cicd_agent.settings.schema import Settings

MOST_COMMITS = 50
"""Commits whose origin is looked up, in one request."""
SERVED = frozenset(
    {
        EventKind.PUSH,
        EventKind.DEPLOYMENT,
        EventKind.WORKFLOW_DISPATCH,
        EventKind.SCHEDULE,
        EventKind.WORKFLOW_RUN,
        EventKind.RELEASE,
        EventKind.LOCAL,
    }
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a deployment brings. `base` is where it begins, "" when that is not known; `commits` are newest first.

    `problem` is why the commits cannot all be vouched for, "" when they can.
    """

    base: str = ""
    change: Change | None = None
    commits: tuple[Commit, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problem: str = ""


def unserved(event: Event, settings: Settings) -> str:
    """Why no deployment is decided on for this event, "" when one is."""
    if event.kind not in SERVED:
        return (
            f"deploy-gate does not serve the event `{event.name or event.kind}`: use push, deployment, "
            "workflow_dispatch, schedule, workflow_run, release"
        )
    if event.kind is EventKind.WORKFLOW_RUN and event.action != "completed":
        return (
            f"the run of the event was {event.action or 'touched'}, and only one that has ended leads to a deployment"
        )
    if ours := own_run(event):
        return ours
    if event.kind is EventKind.PUSH and not event.sha and not settings.sha:
        return f"the push deletes {event.head.name or 'a branch or tag'}, and nothing is left to deploy"
    return ""


def commit_of(event: Event, settings: Settings) -> str:
    """The commit that would be deployed, "" when nobody names one."""
    return settings.sha or (event.deployment.sha if event.deployment else "") or event.sha


def environment_of(event: Event, settings: Settings) -> str:
    """The environment that it goes to, "" when nobody names one."""
    return settings.environment or (event.deployment.environment if event.deployment else "")


def running(deployments: Sequence[PastDeployment]) -> str:
    """The commit of the newest deployment that succeeded, "" when none has."""
    return next((each.sha for each in deployments if each.state == "success"), "")


def read_subject(sha: str, event: Event, deployed: str, repository: Repository | None, settings: Settings) -> Subject:
    """What lies between what runs now (`deployed`, "" when that is not known) and the commit."""
    remedy = "put actions/checkout with `fetch-depth: 0` before this step"
    if repository is None:
        why = f"there is no checkout: {remedy}"
        return Subject(deployed, gaps=(Gap("the change", why),), problem=why)
    gaps: list[Gap] = []
    problem = ""
    try:
        base, why = _base(sha, event, deployed, repository, settings)
        if deployed and base != deployed:
            problem = f"what runs now ({deployed[:7]}) is not in this clone ({why}): {remedy}"
            gaps.append(Gap("", f"{problem}; what has changed since {base[:7] or 'then'} was looked at instead"))
        elif not deployed:
            since = base[:7] or "then"
            gaps.append(Gap("", f"it is not known what runs now: only what has changed since {since} was looked at"))
        if not base:
            why = f"it is not known what the commit is to be compared with{f' ({why})' if why else ''}: {remedy}"
            return Subject(gaps=(*gaps, Gap("the change", why)), problem=why)
        change = repository.change(base, sha)
        commits = repository.between(base, sha, MOST_COMMITS + 1)
        if repository.between(sha, base, 1):
            gaps.append(Gap("", f"commits that run now are not in {sha[:7]}: deploying it takes them back"))
    except ConfigError as error:
        why = str(error).rstrip(".")
        return Subject(gaps=(*gaps, Gap("the change", why)), problem=why)
    if len(commits) > MOST_COMMITS:
        problem = f"more than {MOST_COMMITS} commits would be deployed, and only the newest ones were looked up"
    return Subject(base, change, commits[:MOST_COMMITS], tuple(gaps), problem)


def _base(sha: str, event: Event, deployed: str, repository: Repository, settings: Settings) -> tuple[str, str]:
    """What the commit is compared with, and why that is not what runs now, "" when nothing stands against it."""
    token = settings.github_token.get_secret_value()
    problem = ""
    for candidate in dict.fromkeys((deployed, event.base.sha)):
        if candidate and not (why := repository.ensure((candidate, sha), token)):
            return candidate, problem
        problem = problem or (why if candidate else "")
    if repository.ensure((sha,), token):
        return "", problem
    return next(iter(repository.parents(sha)), ""), problem
