"""What became of commits after a gate decided on them: their deployments, and what came later in git's history."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cicd_agent.analysis.risk.outcome_labels import DAY, Blame, from_commits
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.repository.history import MAX_COMMITS, Past
from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.decisions import DecidedGate
from cicd_agent.insights.accuracy.gate_record import OUTCOME_DAYS, DeploymentOutcome, Fate
from cicd_agent.insights.accuracy.outcome_sources import (
    DeploymentFailure,
    OutcomeSources,
    commits_between,
    deployment_failures,
    previous_deployment,
    read_deployments,
)

_MAX_ENVIRONMENTS: Final = 5
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Known:
    """What outcomes are judged by: the past of HEAD, what it says of its commits, and each environment's record."""

    sources: OutcomeSources
    past: Past
    blames: Mapping[str, tuple[Blame, ...]]
    deployed: Mapping[str, tuple[PastDeployment, ...]]
    failed: Mapping[str, tuple[DeploymentFailure, ...]]
    now: int


def deployment_outcomes(
    sources: OutcomeSources, decided: Sequence[DecidedGate], now: int, progress: Callable[[str], None]
) -> tuple[dict[tuple[str, str], DeploymentOutcome], tuple[str, ...]]:
    """What is known of each commit in its environment since it was decided on, and what is missing, a sentence each."""
    known, limits = _known(sources, decided, now, progress)
    # Two decisions on one commit have one outcome, and each takes several calls of git.
    apart = {(each.gated.sha, each.gated.environment): each for each in decided}
    outcomes = {}
    for number, (key, each) in enumerate(apart.items(), 1):
        progress(f"looking what became of {number:,} of {count(len(apart), 'commit')}")
        outcomes[key] = _outcome(each, known)
    return outcomes, limits


def _known(
    sources: OutcomeSources, decided: Sequence[DecidedGate], now: int, progress: Callable[[str], None]
) -> tuple[_Known, tuple[str, ...]]:
    """What outcomes can be judged by, and what is missing of it."""
    limits: list[str] = []
    past, blames = Past(), dict[str, list[Blame]]()
    repository = sources.repository
    head = repository.resolve("HEAD") if repository is not None else None
    if repository is None or head is None:
        limits.append(
            "there is no checkout: reverts and hotfixes are not known, nor is any deployment known to be fine"
        )
    else:
        progress("reading the history")
        past = repository.past(head, MAX_COMMITS, 0)
        limits += past.limits
        for blame in from_commits(past.commits):
            blames.setdefault(blame.sha, []).append(blame)
    deployed: dict[str, tuple[PastDeployment, ...]] = {}
    if sources.gates is not None:
        environments = Counter(each.gated.environment for each in decided if each.gated.environment)
        for environment, _ in environments.most_common(_MAX_ENVIRONMENTS):
            progress(f"reading the deployments to {environment}")
            deployed[environment], problem = read_deployments(sources.gates, environment)
            limits += [problem] if problem else []
        if len(environments) > _MAX_ENVIRONMENTS:
            limits.append(
                f"only the deployments to {_MAX_ENVIRONMENTS} of {len(environments):,} environments were read"
            )
    failed = {
        environment: tuple(deployment_failures(repository, deployments)) if repository is not None else ()
        for environment, deployments in deployed.items()
    }
    blames_by_sha = {sha: tuple(found) for sha, found in blames.items()}
    return _Known(sources, past, blames_by_sha, deployed, failed, now), tuple(limits)


def _outcome(each: DecidedGate, known: _Known) -> DeploymentOutcome:
    """What is known of a commit since it was decided on."""
    gated, repository = each.gated, known.sources.repository
    deployments = known.deployed.get(gated.environment, ())
    # The first deployment of the commit: a later one may be what somebody went back to.
    first = max((index for index, one in enumerate(deployments) if one.sha == gated.sha), default=-1)
    if deployments and first < 0:
        return DeploymentOutcome(deployed=False)
    deployed = True if deployments else None
    commits: tuple[str, ...] = ()
    is_here = repository is not None and bool(_SHA.fullmatch(gated.sha) and repository.resolve(gated.sha))
    if is_here and repository is not None:
        before = each.base if _SHA.fullmatch(each.base) else ""
        base = previous_deployment(deployments, first) if deployments else before
        commits = (gated.sha, *commits_between(repository, base, gated.sha))
    began = deployments[first].created if deployments else gated.at or _newest(known.past, frozenset(commits))
    sources = {
        failure.source
        for failure in known.failed.get(gated.environment, ())
        if failure.deployment.sha == gated.sha and failure.when - began <= OUTCOME_DAYS * DAY
    }
    sources |= {
        blame.source
        for sha in set(commits)
        for blame in known.blames.get(sha, ())
        if began and 0 <= blame.when - began <= OUTCOME_DAYS * DAY
    }
    if sources:
        return DeploymentOutcome(deployed, Fate.BAD, tuple(sorted(sources)))
    is_known = is_here and began and known.now - began >= OUTCOME_DAYS * DAY
    return DeploymentOutcome(deployed, Fate.FINE if is_known else Fate.UNKNOWN)


def _newest(past: Past, shas: frozenset[str]) -> int:
    """When the newest of these commits was made, 0 when none is known."""
    return max((commit.when for commit in past.commits if commit.sha in shas), default=0)
