"""`cicd-agent gate-report`: what the gate decided so far, or in shadow would have, and how often that was wrong."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cicd_agent.adapters.terminal_gate_record import render_gate_record
from cicd_agent.cli import Options
from cicd_agent.core.gate import PastDeployment
from cicd_agent.core.gate_record import OUTCOME_DAYS, Aftermath, Fate, GateRecord, record
from cicd_agent.core.gated import Gated
from cicd_agent.core.history import MOST_COMMITS, Past
from cicd_agent.core.labels import DAY, Blame, from_commits
from cicd_agent.core.words import count
from cicd_agent.decision import Report, load
from cicd_agent.environment import Environment
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.outcomes import Failure, Opened, Outside, base_of, brought, failures, opened, read_deployments
from cicd_agent.outlet import HIDDEN, Outlet
from cicd_agent.results import REPORT
from cicd_agent.world import read

_MOST_BYTES: Final = 20_000_000
_MOST_FILES: Final = 10_000
_MOST_ENVIRONMENTS: Final = 5
_SHOWN: Final = 10
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


def gate_report(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    now: Callable[[], float],
    outside: Opened = opened,
) -> int:
    """Print the record of the reports that the options name."""
    judged, unread = _read_all(options.paths or (HIDDEN,), outlet)
    if not judged:
        raise ConfigError(
            "there is no report of a deployment gate",
            why=unread[0] if unread else f"looked in {', '.join(options.paths or (HIDDEN,))}",
            remedy=f"Give {REPORT} files of `cicd-agent deploy-gate`, or folders with them",
        )
    with ExitStack() as closing:
        found = outside(options, environment, closing)
        known, limits = _known(found, judged, int(now()), outlet)
        # Two decisions on one commit have one aftermath, and each takes several calls of git.
        apart = {(each.gated.sha, each.gated.environment): each for each in judged}
        after = {}
        for number, (key, each) in enumerate(apart.items(), 1):
            outlet.progress(f"looking what became of {number:,} of {count(len(apart), 'commit')}")
            after[key] = _aftermath(each, known)
    told = record([each.gated for each in judged], after)
    limits = (*found.notices, *limits, *unread)
    outlet.progress("")
    if options.format == "json":
        outlet.print_json(json.dumps(document(told, limits), indent=1))
    else:
        outlet.print(render_gate_record(told, limits, colour=outlet.coloured))
    return Exit.OK


def document(told: GateRecord, limits: Sequence[str]) -> dict[str, object]:
    """The record as JSON, with what it does not know as sentences."""
    return {"version": 1, **asdict(told), "limits": list(limits)}


def _read_all(paths: Sequence[str], outlet: Outlet) -> tuple[list[Judged], tuple[str, ...]]:
    """The decisions in all reports, in the order of their paths, and what could not be read as sentences."""
    judged: list[Judged] = []
    others: Counter[str] = Counter()
    broken: list[str] = []
    files = list(_files(paths))
    for number, path in enumerate(files[:_MOST_FILES], 1):
        outlet.progress(f"reading report {number:,} of {len(files):,}")
        try:
            report = load(Report, read(path, "the report", _MOST_BYTES), str(path))
        except ConfigError as error:
            broken.append(f"{error.what} ({error.why})" if error.why else error.what)
            continue
        if report.gated is None:
            others[report.mode or "no mode"] += 1
        else:
            judged.append(Judged(report.gated, report.seen.base if report.seen else ""))
    limits = [f"{count(len(broken), 'file')} could not be read: {'; '.join(broken[:_SHOWN])}"] if broken else []
    if others:
        modes = ", ".join(f"{mode} ({number:,})" for mode, number in sorted(others.items())[:_SHOWN])
        limits.append(f"{count(others.total(), 'report')} held no decision of the gate: {modes}")
    if len(files) > _MOST_FILES:
        limits.append(f"only the first {_MOST_FILES:,} of {len(files):,} files were read")
    return judged, tuple(limits)


def _files(paths: Iterable[str]) -> Iterator[Path]:
    """The files that are named, and the reports below the folders that are; no link to a folder is followed."""
    for name in paths:
        path = Path.cwd() / name
        if not path.is_dir():
            yield path
            continue
        for folder, below, files in os.walk(path):
            below.sort()
            if REPORT in files:
                yield Path(folder) / REPORT


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
