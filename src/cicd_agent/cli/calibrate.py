"""`cicd-agent calibrate`: what this repository's own outcomes say of risk, as a file for people to review."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from cicd_agent import __version__
from cicd_agent.adapters.files import save_file
from cicd_agent.analysis.risk.assessment import Floor
from cicd_agent.analysis.risk.calibration import MIN_CHANGES, Calibration, calibrate_on
from cicd_agent.analysis.risk.history_features import history_of
from cicd_agent.analysis.risk.model import QUANTILES
from cicd_agent.analysis.risk.outcome_labels import MATURED_DAYS, Blame, Source, from_failure, labels
from cicd_agent.analysis.risk.team_policy import path_floor
from cicd_agent.app.context import first_settings, inputs
from cicd_agent.app.session import Session
from cicd_agent.app.storage import OpenLog, existing_store
from cicd_agent.audit.query import chain_for
from cicd_agent.cli.options import command, format_option, out_option, repo_dir_option
from cicd_agent.cli.outcome_sources import OpenSources, open_sources
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.history import COUNTED, MAX_COMMITS, Past, PastChange
from cicd_agent.domain.repository.risk_file import RISK_FILE, RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.accuracy.decisions import Decisions, read_decisions
from cicd_agent.insights.accuracy.deployment_outcome import (
    commits_between,
    deployment_failures,
    read_deployments,
)
from cicd_agent.insights.accuracy.gate import GATE
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.modes.shared.risk_history import texts_of
from cicd_agent.rendering.style import LEVELS, Style
from cicd_agent.settings.loader import load

MAX_CHANGES: Final = 5_000
"""The newest commits whose lines are counted, and from which is learnt."""
PRODUCTION: Final = "production"


@command
@click.option("--state-dir", metavar="DIR", help="the audit log, whose rollbacks count (default: input `state-dir`)")
@repo_dir_option()
@click.option(
    "--environment",
    "target",
    metavar="NAME",
    help="whose deployments count (default: production), with GITHUB_TOKEN",
)
@out_option("where to write it (default: .github/cicd-agent-risk.json)")
@click.option("--dry-run", is_flag=True, help="write nothing")
@format_option()
def calibrate(
    session: Session,
    *,
    target: str = PRODUCTION,
    out: str = "",
    sources_of: OpenSources = open_sources,
    open_log: OpenLog = existing_store,
) -> int:
    options, environment, console = session.options, session.environment, session.console
    with ExitStack() as closing:
        sources = sources_of(options, environment, closing)
        if sources.repository is None or sources.top is None:
            reason = next(iter(sources.notices), "")
            raise ConfigError("there is no checkout to learn from", why=reason, remedy="Give --repo-dir")
        head = sources.repository.resolve("HEAD")
        if head is None:
            raise ConfigError(
                "there is no commit to learn from", remedy="Give --repo-dir of a repository with a history"
            )
        console.progress(f"reading up to {count(MAX_COMMITS, 'commit')}")
        past = sources.repository.past(head, MAX_COMMITS, MAX_CHANGES)
        if past.shallow:
            raise ConfigError(
                "the clone is shallow: most of the history is missing", remedy="Run `git fetch --unshallow` first"
            )
        deployments: tuple[PastDeployment, ...] = ()
        limits = [*sources.notices, *past.limits]
        if sources.gates is not None:
            console.progress(f"reading the deployments to {target}")
            deployments, problem = read_deployments(sources.gates, target)
            limits += [problem] if problem else []
        blames = list(_blames(sources.repository, deployments))
        given = inputs(options, environment)
        has_log = bool(given.get("state-dir", "").strip() or environment.database_url)
        log = open_log(given, environment, Path.cwd()) if has_log else None
        if log is not None:
            closing.callback(log.close)
            console.progress("reading the audit log")
            decisions = read_decisions(log, chain_for("", environment, log), [GATE])
            more = _from_decisions(
                sources.repository, decisions, target, {(blame.sha, blame.source) for blame in blames}
            )
            blames += more
            limits += decisions.limits
            if more:
                limits.append(f"{count(len(more), 'change')} went wrong by the audit log alone: {target} went back")
        floor = _floor_of(session, sources.repository, head, past, limits)
    now = int(session.now())
    console.progress(f"measuring {count(len(past.commits), 'commit')}")
    changes = history_of(past, Change(head, head, ChangeSource.GIT, ()), now, MAX_CHANGES, floor).recent
    result = _learn(past, changes, blames, head, now)
    console.progress("")
    path = Path.cwd() / out if out else sources.top / RISK_FILE
    if not options.dry_run:
        text = json.dumps(result.file.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"
        save_file(path, text, "Give --out, or --dry-run")
    console.print_result(document(result, limits), lambda: render_calibration(result, limits, colour=console.coloured))
    if not options.dry_run:
        console.warn(f"{path}: review and commit it, it counts once it is on the base branch")
    return Exit.OK


def document(result: Calibration, limits: Sequence[str]) -> dict[str, object]:
    """What was learnt as JSON: the file itself, and what it rests on."""
    return {
        "version": 1,
        "fitted": result.fitted,
        "judged": result.judged,
        "judged_bad": result.judged_bad,
        "own_auc": result.own_auc,
        "notes": list(result.notes),
        "limits": list(limits),
        "lifted": dict(result.lifted),
        "file": result.file.model_dump(mode="json"),
    }


def _blames(repository: Repository, deployments: Sequence[PastDeployment]) -> Iterator[Blame]:
    for failure in deployment_failures(repository, deployments):
        commits = commits_between(repository, failure.base, failure.deployment.sha)
        yield from from_failure(failure.source, failure.when, commits)


def _from_decisions(
    repository: Repository, decisions: Decisions, environment: str, known: Collection[tuple[str, Source]]
) -> list[Blame]:
    """What GitHub does not say, and the audit log does: a gate let a commit go, and next one that led to it.

    Only that is a fact. That a gate held, or advised to go back, is a judgement, from which nothing is learnt.
    """
    proceeded = sorted(
        (
            PastDeployment(number, each.gated.sha, "", each.gated.at)
            for number, each in enumerate(decisions.gates)
            if each.gated.decision is GateDecision.PROCEED and each.gated.environment == environment
        ),
        key=lambda each: -each.created,
    )
    sources = {(blame.sha, blame.source): blame for blame in _blames(repository, proceeded)}
    return [blame for key, blame in sources.items() if key not in known]


def _floor_of(
    session: Session, repository: Repository, head: str, past: Past, limits: list[str]
) -> Callable[[str], Floor]:
    """The floors that changes meet from now on: those of the configuration, and of what the files hold at HEAD."""
    early = first_settings(session.options, session.environment)
    text = repository.blob(head, early.config_file)
    given = inputs(session.options, session.environment)
    loaded = load(given, text, early.config_file, fallbacks=session.environment.fallbacks)
    limits += [str(problem) for problem in loaded.problems]
    return path_floor(loaded.settings, texts_of(past, repository, head, COUNTED))


def _learn(past: Past, changes: Sequence[PastChange], blames: Sequence[Blame], head: str, now: int) -> Calibration:
    if len(changes) < MIN_CHANGES:
        lines = "" if changes or not past.commits else "the lines of none could be counted"
        raise ConfigError(
            f"{count(len(changes), 'commit')} is too little to learn from",
            why=lines,
            remedy=f"It takes {MIN_CHANGES}; until then the shipped weights and thresholds count",
        )
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    about = RiskFile(tool=f"cicd-agent {__version__}", commit=head, made=day)
    return calibrate_on(changes, labels(past, blames, now), about)


_EXCESS: Final = 0.01
"""So much more is high than is meant before anybody needs to hear of it."""
_MODEST: Final = 10
"""With fewer bad ones among those that are judged, the quality is a guess."""


def render_calibration(result: Calibration, limits: Sequence[str], *, colour: bool = False, width: int = 100) -> str:
    """The whole page; without `colour` for a file or a log."""
    style = Style(colour, width)
    notes = (line for note in (*result.notes, *limits) for line in style.wrapped(note, "", "  "))
    floors = (line for note in _floors(result) for line in style.wrapped(note, "", "  "))
    return "\n".join([*_state(result, style), *_table(result.file, style), *floors, *notes]) + "\n"


def _state(result: Calibration, style: Style) -> Iterator[str]:
    file = result.file
    outcome = f"{count(file.labels, 'change')}, {file.matured:,} of them {MATURED_DAYS} days old or older"
    yield style.ink(f"{outcome}; {file.positives:,} of these were bad", "bold")
    for source, number in file.sources.items():
        yield f"  {number:>6,}  {source.replace('_', ' ')}"
    if result.judged:
        newest = f"{result.judged:,} newest ({result.judged_bad:,} bad)"
        yield f"learnt from the {result.fitted:,} oldest, judged by the {newest}"
        if min(result.judged_bad, result.judged - result.judged_bad) < _MODEST:
            yield "  so few of one kind say little of the quality"
    weights = "own weights" if file.weights else "the shipped weights"
    probability = "a probability" if file.slope is not None else "no probability"
    yield f"result: {weights}, own thresholds, {probability}"


def _table(file: RiskFile, style: Style) -> Iterator[str]:
    """What the risk was worth with what is shipped, and is with what was learnt."""
    none = (None,) * len(RiskLevel)
    shares = zip(RiskLevel, file.shares_before or none, file.shares_after or none, strict=True)
    rows = (
        ("area under the curve", file.before.auc, file.after.auc, ".3f"),
        ("calibration error", file.before.calibration_error, file.after.calibration_error, ".3f"),
        *((level.value, before, after, ".1%") for level, before, after in shares),
    )
    yield f"{'':<22}{'before':>8}{'after':>8}"
    for name, *values, form in rows:
        before, after = ("–" if value is None else format(value, form) for value in values)
        yield f"{style.ink(f'{name:<22}', LEVELS.get(name, 'bold'))}{before:>8}{after:>8}"
    if file.thresholds:
        medium, high, critical = file.thresholds
        yield f"medium begins at {medium}, high at {high}, critical at {critical}"


def _floors(result: Calibration) -> Iterator[str]:
    """What floors add to the share that is meant to be high or critical, and for which reasons."""
    shares = result.file.shares_after
    if shares is None or not result.lifted:
        return
    high, meant = sum(shares[2:]), 1 - QUANTILES[1]
    reasons = ", ".join(f"{reason} {share:.1%}" for reason, share in result.lifted.items())
    yield f"{sum(result.lifted.values()):.1%} are high or critical by a floor alone: {reasons}"
    if high > meant + _EXCESS:
        yield (
            f"{high:.1%} are high or critical where {meant:.0%} are meant, because of these floors: set one lower in "
            "`risk.floors` of the configuration where its paths are harmless"
        )
