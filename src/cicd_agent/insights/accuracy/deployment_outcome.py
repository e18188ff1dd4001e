"""What became of commits after a gate decided on them: their deployments, and what came later in git's history."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cicd_agent.analysis.risk.outcome_labels import DAY, Blame, from_commits
from cicd_agent.app.reporter import Outlet
from cicd_agent.domain.gate_decision import Gated
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.history import MOST_COMMITS, Past
from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.gate_record import OUTCOME_DAYS, Aftermath, Fate
from cicd_agent.insights.accuracy.outcome_sources import Failure, Outside, base_of, brought, failures, read_deployments

_MOST_ENVIRONMENTS: Final = 5
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision of the gate with the change that it was about: `base` is "" when the report does not say."""

    gated: Gated
    base: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What outcomes are judged by: the past of HEAD, what it says of its commits, and each environment's record."""

    outside: Outside
    past: Past
    blames: Mapping[str, tuple[Blame, ...]]
    deployed: Mapping[str, tuple[PastDeployment, ...]]
    failed: Mapping[str, tuple[Failure, ...]]
    now: int


def aftermaths(
    outside: Outside, judged: Sequence[Judged], now: int, outlet: Outlet
) -> tuple[dict[tuple[str, str], Aftermath], tuple[str, ...]]:
    """What is known of each commit in its environment since it was decided on, and what is missing, a sentence each."""
    known, limits = _known(outside, judged, now, outlet)
    # Two decisions on one commit have one aftermath, and each takes several calls of git.
    apart = {(each.gated.sha, each.gated.environment): each for each in judged}
    after = {}
    for number, (key, each) in enumerate(apart.items(), 1):
        outlet.progress(f"looking what became of {number:,} of {count(len(apart), 'commit')}")
        after[key] = _aftermath(each, known)
    return after, limits


def _known(outside: Outside, judged: Sequence[Judged], now: int, outlet: Outlet) -> tuple[_Known, tuple[str, ...]]:
    """What outcomes can be judged by, and what is missing of it."""
    limits: list[str] = []
    past, blames = Past(), dict[str, list[Blame]]()
    repository = outside.repository
    head = repository.resolve("HEAD") if repository is not None else None
    if repository is None or head is None:
        limits.append(
            "there is no checkout: reverts and hotfixes are not known, nor is any deployment known to be fine"
        )
    else:
        outlet.progress("reading the history")
        past = repository.past(head, MOST_COMMITS, 0)
        limits += past.limits
        for blame in from_commits(past.commits):
            blames.setdefault(blame.sha, []).append(blame)
    deployed: dict[str, tuple[PastDeployment, ...]] = {}
    if outside.gates is not None:
        asked = Counter(each.gated.environment for each in judged if each.gated.environment)
        for environment, _ in asked.most_common(_MOST_ENVIRONMENTS):
            outlet.progress(f"reading the deployments to {environment}")
            deployed[environment], why = read_deployments(outside.gates, environment)
            limits += [why] if why else []
        if len(asked) > _MOST_ENVIRONMENTS:
            limits.append(f"only the deployments to {_MOST_ENVIRONMENTS} of {len(asked):,} environments were read")
    failed = {
        environment: tuple(failures(repository, found)) if repository is not None else ()
        for environment, found in deployed.items()
    }
    kept = {sha: tuple(found) for sha, found in blames.items()}
    return _Known(outside, past, kept, deployed, failed, now), tuple(limits)


def _aftermath(each: Judged, known: _Known) -> Aftermath:
    """What is known of a commit since it was decided on."""
    gated, repository = each.gated, known.outside.repository
    deployments = known.deployed.get(gated.environment, ())
    # The first deployment of the commit: a later one may be what somebody went back to.
    place = max((index for index, one in enumerate(deployments) if one.sha == gated.sha), default=-1)
    if deployments and place < 0:
        return Aftermath(deployed=False)
    deployed = True if deployments else None
    commits: tuple[str, ...] = ()
    is_here = repository is not None and bool(_SHA.fullmatch(gated.sha) and repository.resolve(gated.sha))
    if is_here and repository is not None:
        base = base_of(deployments, place) if deployments else each.base if _SHA.fullmatch(each.base) else ""
        commits = (gated.sha, *brought(repository, base, gated.sha))
    began = deployments[place].created if deployments else gated.at or _newest(known.past, frozenset(commits))
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
        return Aftermath(deployed, Fate.BAD, tuple(sorted(sources)))
    is_known = is_here and began and known.now - began >= OUTCOME_DAYS * DAY
    return Aftermath(deployed, Fate.FINE if is_known else Fate.UNKNOWN)


def _newest(past: Past, shas: frozenset[str]) -> int:
    """When the newest of these commits was made, 0 when none is known."""
    return max((commit.when for commit in past.commits if commit.sha in shas), default=0)
