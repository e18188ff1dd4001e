"""What became of commits after a gate decided on them, by git's history and GitHub's record of deployments."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cicd_agent.analysis.risk.outcome_labels import Blame, Source, from_commits
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.feedback import Discussions
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.history import MAX_COMMITS, Past
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import SHA, DecidedGate
from cicd_agent.insights.accuracy.gate import DeploymentOutcome, Fate
from cicd_agent.insights.accuracy.labels import OUTCOME_SECONDS

MAX_DEPLOYMENTS: Final = 100
_MAX_ENVIRONMENTS: Final = 5
_MAX_COMMITS: Final = 1_000
"""How many commits back it is looked for what a deployment brought."""
_FAILED = frozenset({"failure", "error"})


@dataclass(frozen=True, slots=True)
class OutcomeSources:
    """What a command that learns from outcomes may read. `notices` say what it may not, and why, a line each.

    `fetch` makes commits present in the checkout; "" or why that was not possible. `text_at` is a text file at a
    commit, from GitHub, None when it is not there; it raises ForgeRefused.
    """

    repository: Repository | None = None
    top: Path | None = None
    gates: Gates | None = None
    notices: tuple[str, ...] = ()
    discussions: Discussions | None = None
    fetch: Callable[[Sequence[str]], str] | None = None
    text_at: Callable[[str, str], str | None] | None = None
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class DeploymentFailure:
    """A deployment that went wrong at `when` (seconds since the epoch); `base` is the commit that it began from."""

    deployment: PastDeployment
    source: Source
    when: int
    base: str


@dataclass(frozen=True, slots=True)
class _EnvironmentRecord:
    deployments: tuple[PastDeployment, ...] = ()
    failures: tuple[DeploymentFailure, ...] = ()

    def index_of(self, sha: str) -> int:
        """The first deployment of a commit, for a later one may be what somebody went back to; -1 without one."""
        return max((index for index, each in enumerate(self.deployments) if each.sha == sha), default=-1)


@dataclass(frozen=True, slots=True)
class _History:
    repository: Repository | None
    past: Past
    blames: tuple[Blame, ...]


def deployment_outcomes(
    sources: OutcomeSources, decided: Sequence[DecidedGate], now: int, progress: Callable[[str], None]
) -> tuple[dict[tuple[str, str], DeploymentOutcome], tuple[str, ...]]:
    """What is known of each commit in its environment since it was decided on, and what is missing, a sentence each."""
    history, limits = _read_history(sources.repository, progress)
    records: dict[str, _EnvironmentRecord] = {}
    environments = Counter(each.gated.environment for each in decided if each.gated.environment)
    if sources.gates is not None:
        for environment, _ in environments.most_common(_MAX_ENVIRONMENTS):
            progress(f"reading the deployments to {environment}")
            deployments, problem = read_deployments(sources.gates, environment)
            failures = deployment_failures(sources.repository, deployments) if sources.repository else ()
            records[environment] = _EnvironmentRecord(deployments, tuple(failures))
            limits += [problem] if problem else []
        if len(environments) > _MAX_ENVIRONMENTS:
            few = f"{_MAX_ENVIRONMENTS} of {len(environments):,} environments"
            limits.append(f"only the deployments to {few} were read")
    # Two decisions on one commit have one outcome, and each takes several calls of git.
    apart = {(each.gated.sha, each.gated.environment): each for each in decided}
    outcomes = {}
    for number, (key, each) in enumerate(apart.items(), 1):
        progress(f"looking what became of {number:,} of {count(len(apart), 'commit')}")
        outcomes[key] = _outcome(each, records.get(each.gated.environment, _EnvironmentRecord()), history, now)
    return outcomes, tuple(limits)


def _read_history(repository: Repository | None, progress: Callable[[str], None]) -> tuple[_History, list[str]]:
    head = repository.resolve("HEAD") if repository is not None else None
    if repository is None or head is None:
        missing = "reverts and hotfixes are not known, nor is any deployment known to be fine"
        return _History(repository, Past(), ()), [f"there is no checkout: {missing}"]
    progress("reading the history")
    past = repository.past(head, MAX_COMMITS, 0)
    return _History(repository, past, tuple(from_commits(past.commits))), [*past.limits]


def _outcome(each: DecidedGate, record: _EnvironmentRecord, history: _History, now: int) -> DeploymentOutcome:
    gated, repository, index = each.gated, history.repository, record.index_of(each.gated.sha)
    if record.deployments and index < 0:
        return DeploymentOutcome(deployed=False)
    commits = frozenset[str]()
    if repository is not None and SHA.fullmatch(gated.sha) and repository.resolve(gated.sha):
        before = each.base if SHA.fullmatch(each.base) else ""
        base = previous_deployment(record.deployments, index) if record.deployments else before
        commits = frozenset({gated.sha, *commits_between(repository, base, gated.sha)})
    newest = max((commit.when for commit in history.past.commits if commit.sha in commits), default=0)
    began = record.deployments[index].created if record.deployments else gated.at or newest
    failures = (one for one in record.failures if one.deployment.sha == gated.sha)
    blames = (blame for blame in history.blames if began and blame.sha in commits)
    sources = {
        *(one.source for one in failures if one.when <= began + OUTCOME_SECONDS),
        *(blame.source for blame in blames if 0 <= blame.when - began <= OUTCOME_SECONDS),
    }
    deployed = True if record.deployments else None
    if sources:
        return DeploymentOutcome(deployed, Fate.BAD, tuple(sorted(sources)))
    is_known = commits and began and now - began >= OUTCOME_SECONDS
    return DeploymentOutcome(deployed, Fate.FINE if is_known else Fate.UNKNOWN)


def read_deployments(gates: Gates, environment: str) -> tuple[tuple[PastDeployment, ...], str]:
    """The last deployments to an environment, newest first, and what is not known of them, "" when nothing is.

    Those that a gate held are left out: nothing was deployed.
    """
    try:
        listed = gates.deployments(environment)[:MAX_DEPLOYMENTS]
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
