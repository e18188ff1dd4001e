"""What became of changes after they went out, read from git and from GitHub's record of deployments."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.analysis.risk.outcome_labels import Source
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.feedback import Discussions
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused

MAX_DEPLOYMENTS = 100
_MAX_COMMITS = 1_000
"""How many commits back it is looked for what a deployment brought."""
_FAILED = frozenset({"failure", "error"})


@dataclass(frozen=True, slots=True)
class OutcomeSources:
    """What a command that learns from outcomes may read. `notices` say what it may not, and why, a line each."""

    repository: Repository | None = None
    top: Path | None = None
    gates: Gates | None = None
    notices: tuple[str, ...] = ()
    discussions: Discussions | None = None
    fetch: Callable[[Sequence[str]], str] | None = None
    """Makes commits present in the checkout; "" or why that was not possible."""
    text_at: Callable[[str, str], str | None] | None = None
    """A text file at a commit, from GitHub; None when it is not there. Raises ForgeRefused."""
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class DeploymentFailure:
    """A deployment that went wrong at `when` (seconds since the epoch); `base` is the commit that it began from."""

    deployment: PastDeployment
    source: Source
    when: int
    base: str


def read_deployments(gates: Gates, environment: str) -> tuple[tuple[PastDeployment, ...], str]:
    """The last deployments to an environment, newest first, and what is not known of them, "" when nothing is.

    Those that a gate held are left out: nothing was deployed.
    """
    try:
        listed = gates.deployments(environment, MAX_DEPLOYMENTS, whole=True)
    except ForgeRefused as error:
        return (), f"deployments were not read: {error}"
    deployments = tuple(each for each in listed if not each.held)
    if not deployments:
        return (), f"GitHub has no deployment to `{environment}`"
    unknown = sum(not deployment.state for deployment in deployments)
    if not unknown:
        return deployments, ""
    limit = f"of {count(len(deployments), 'deployment')} to `{environment}` GitHub has no word how {unknown:,} ended"
    return deployments, f"{limit}: a rollback of these is seen, a failure is not"


def deployment_failures(repository: Repository, deployments: Sequence[PastDeployment]) -> Iterator[DeploymentFailure]:
    """The deployments that failed, and those whose successor brought an older commit; they come newest first."""
    for index, deployment in enumerate(deployments):
        if deployment.state in _FAILED:
            ended = deployment.ended or deployment.created
            yield DeploymentFailure(deployment, Source.DEPLOYMENT, ended, previous_deployment(deployments, index))
        if index and _goes_back(repository, deployment.sha, deployments[index - 1].sha):
            later = deployments[index - 1]
            yield DeploymentFailure(deployment, Source.ROLLBACK, later.created, later.sha)


def previous_deployment(deployments: Sequence[PastDeployment], index: int) -> str:
    """What ran before a deployment: the newest earlier one of another commit that is not known to have failed."""
    sha = deployments[index].sha
    earlier = (one.sha for one in deployments[index + 1 :] if one.sha != sha and one.state not in _FAILED)
    return next(earlier, "")


def commits_between(repository: Repository, base: str, head: str) -> tuple[str, ...]:
    """The commits, merges left out, that `head` has and `base` does not; none when this clone has not both."""
    if not (base and repository.resolve(base) and repository.resolve(head)):
        return ()
    before = {commit.sha for commit in repository.past(base, _MAX_COMMITS, 0).commits}
    return tuple(commit.sha for commit in repository.past(head, _MAX_COMMITS, 0).commits if commit.sha not in before)


def _goes_back(repository: Repository, before: str, after: str) -> bool:
    """Whether the second commit leads to the first: then it was there already."""
    if before == after or not (repository.resolve(before) and repository.resolve(after)):
        return False
    return not repository.between(before, after, 1)
