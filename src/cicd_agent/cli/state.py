"""`cicd-agent state`: what is known of a commit, and since when."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from cicd_agent.app.context import inputs
from cicd_agent.app.reporter import Outlet
from cicd_agent.app.storage import LOCAL, StoredState, existing_store
from cicd_agent.app.storage import Opened as Book
from cicd_agent.cli.calibrate import PRODUCTION
from cicd_agent.cli.parser import Options
from cicd_agent.domain.change import Commit
from cicd_agent.domain.event import Event, EventKind, Ref
from cicd_agent.domain.fact_trust import believed, together
from cicd_agent.domain.facts import FactKind, Known
from cicd_agent.domain.gate_evidence import Deployed, GateEvidence, Match, OriginPull, Reading, State
from cicd_agent.domain.payload import as_ref, as_repo, as_sha
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import ConfigError, Exit, StoreRefused
from cicd_agent.insights.accuracy.outcome_sources import Opened, Outside, opened
from cicd_agent.insights.pipeline_state import PipelineState
from cicd_agent.modes import World
from cicd_agent.modes.deploy_gate.signals.failure_rate import DAYS, failures
from cicd_agent.modes.deploy_gate.signals.fetch import SECONDS, SOURCE, came, fetch, settle
from cicd_agent.modes.deploy_gate.signals.provenance import matched
from cicd_agent.modes.deploy_gate.signals.reviews import review
from cicd_agent.modes.deploy_gate.signals.signals_file import Given
from cicd_agent.modes.deploy_gate.signals.tests import passing
from cicd_agent.rendering.terminal.state import Explained, render_state
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings

_BRANCH: Final = "main"
"""Whose runs are counted where the job is of no branch."""
_MOST_EXPLAINED: Final = 10
_HEX: Final = re.compile(r"[0-9a-fA-F]{4,64}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command is about."""

    repository: str
    sha: str
    environment: str
    branch: str
    at: int


def state(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    now: Callable[[], float],
    outside: Opened = opened,
    *,
    book: Callable[[Mapping[str, str], Environment, Path], Book | None] = existing_store,
) -> int:
    """Print what is known of the commit that the options name; the exit code."""
    with ExitStack() as closing:
        found = outside(options, environment, closing)
        store, limits = _store(lambda: book(inputs(options, environment), environment, Path.cwd()), closing, found)
        asked = _Asked(
            as_repo(environment.run.repository) or LOCAL,
            _commit(options.sha, environment, found.repository),
            options.environment or PRODUCTION,
            _branch(environment),
            int(now()),
        )
        known = _known(store, outlet.book.chain, asked) if store is not None else Known()
        gate = None
        if found.gates is not None:
            outlet.progress("asking GitHub")
            gate = _of_github(found.gates, asked, found.repository)
    outlet.progress("")
    told = PipelineState.of(asked.sha, asked.environment, known, gate, repository=asked.repository, at=asked.at)
    limits = (*limits, *told.limits, *_faults(gate))
    if gate is None and not any(each.is_known for each in told.answers) and not environment.on_actions:
        limits = (*limits, "a run about uncommitted work leaves nothing: give it a commit, such as --head HEAD")
    explained = _explained(known, asked)
    if options.format == "json":
        place = store.place if store is not None else None
        shown = document(told, explained, limits, repository=asked.repository, place=place, github=gate is not None)
        outlet.print_json(json.dumps(shown, indent=1))
    else:
        outlet.print(render_state(told, explained, limits, colour=outlet.coloured, width=outlet.width))
    return Exit.OK


def document(
    told: PipelineState,
    explained: tuple[Explained, ...],
    limits: tuple[str, ...],
    *,
    repository: str,
    place: str | None,
    github: bool,
) -> dict[str, object]:
    """The state as JSON: `place` is the account book that was read, None without one; ages are in seconds."""
    answers = [
        {**asdict(each), "known": each.is_known, "age_seconds": each.age(told.at), "at": each.at or None}
        for each in told.answers
    ]
    return {
        "version": 1,
        "repository": repository,
        "sha": told.sha,
        "environment": told.environment,
        "at": told.at,
        "store": place,
        "github": github,
        "answers": answers,
        "failures": [asdict(each) for each in explained],
        "limits": list(limits),
    }


def _store(book: Callable[[], Book | None], closing: ExitStack, found: Outside) -> tuple[Store | None, tuple[str, ...]]:
    """The account book, and what cannot be read. Raises ConfigError where there is neither that nor GitHub."""
    try:
        open_book = book()
    except StoreRefused as refusal:
        if found.gates is None:
            raise
        return None, (str(refusal), *found.notices)
    if open_book is None and found.gates is None:
        raise ConfigError(
            "there is nothing to read a state from",
            why="no account book, and no GitHub",
            remedy="Give --state-dir or set DATABASE_URL, or set GITHUB_TOKEN and GITHUB_REPOSITORY",
        )
    if open_book is None:
        return None, ("no account book was read: give --state-dir or set DATABASE_URL", *found.notices)
    closing.callback(open_book.store.close)
    return open_book.store, (*((open_book.note,) if open_book.note else ()), *found.notices)


def _commit(named: str, environment: Environment, repository: Repository | None) -> str:
    """The full id of the commit that is asked about."""
    found = repository.resolve(named or "HEAD") if repository is not None else None
    if sha := found or as_sha(named) or ("" if named else as_sha(environment.run.sha)):
        return sha
    if named and repository is None and _HEX.fullmatch(named):
        raise ConfigError(f"`{named}` is the beginning of a commit", remedy="Give all of it, or --repo-dir")
    what = f"there is no commit called `{named}`" if named else "it is not known which commit is asked about"
    raise ConfigError(what, remedy="Give --sha, or --repo-dir of a checkout")


def _branch(environment: Environment) -> str:
    """The branch of the job; of a pull request's the one that it goes to."""
    run = environment.run
    ref = as_ref(run.ref) if run.ref.startswith("refs/heads/") else ""
    return as_ref(run.base_ref) or ref or _BRANCH


def _known(store: Store, chain: str, asked: _Asked) -> Known:
    """All that the account book has of it, under the name of its chain there."""
    stored = StoredState(store, chain, asked.repository)
    of_commit = (FactKind.TESTS, FactKind.COVERAGE, FactKind.REVIEW, FactKind.ROUTE)
    read = [stored.known(kind, asked.sha) for kind in of_commit]
    read.append(stored.known(FactKind.DEPLOYMENT, asked.environment))
    read.append(stored.known(FactKind.FAILURE, sha=asked.sha))
    return together(read)


def _of_github(gates: Gates, asked: _Asked, repository: Repository | None) -> GateEvidence:
    """What a gate would see of it; a read that fails is a reading that says so."""
    sha = asked.sha
    checks_read = fetch(lambda: gates.checks(sha))
    origins_read = fetch(lambda: gates.origins((sha,)))
    runs_read = fetch(lambda: gates.ended_since(asked.branch, asked.at - DAYS * 86_400))
    past_read = fetch(lambda: gates.deployments(asked.environment, sha=sha))
    settle([checks_read, origins_read, runs_read, past_read], SECONDS)
    checks, on_checks = came("checks", checks_read, ())
    origins, on_origins = came("origins", origins_read, ())
    runs, on_runs = came("failures", runs_read, ())
    past, on_past = came("deployments", past_read, ())
    pull = dict(origins).get(sha)
    commits = _deployed(sha, pull, repository) if pull is not None and pull.number else ()
    gate = GateEvidence(
        sha,
        asked.environment,
        asked.at,
        commits=commits,
        pulls=(pull,) if pull is not None and commits else (),
        checks=checks,
        deployments=past,
    )
    failed, _ = failures(runs, (), "", on_runs)
    readings = (
        passing(checks, on_checks, Given(), World(), Settings()),
        Reading("coverage", State.MISSING, problem="GitHub does not know it, and no run of ours has left it"),
        _on_review(gate, on_origins, compared=repository is not None),
        replace(failed, source=f"{SOURCE}, {asked.branch}"),
        on_past,
    )
    return replace(gate, readings=readings)


def _deployed(sha: str, pull: OriginPull, repository: Repository | None) -> tuple[Deployed, ...]:
    """The commit beside the pull request that it came from; without a checkout nobody can compare them."""
    if repository is None:
        return (Deployed(sha, "", Match.EXACT if pull.head == sha else Match.NONE, pull.number),)
    found, _ = matched((Commit(sha, ""),), {sha: pull}, repository, "")
    return found


def _on_review(gate: GateEvidence, read: Reading, *, compared: bool) -> Reading:
    if read.state is not State.KNOWN:
        return replace(read, name="review")
    if not gate.commits:
        return Reading("review", State.MISSING, source=SOURCE, problem="no merged pull request brought this commit")
    if not compared and gate.commits[0].match is Match.NONE:
        why = (
            f"whether it is what was reviewed in pull request {gate.commits[0].pull} takes a checkout: give --repo-dir"
        )
        return Reading("review", State.MISSING, source=SOURCE, problem=why)
    asked = Event(EventKind.LOCAL, "local", sha=gate.sha, head=Ref("", gate.sha))
    return review(replace(gate, readings=(replace(read, name="review"),)), asked)


def _faults(gate: GateEvidence | None) -> tuple[str, ...]:
    """The reads of GitHub that failed, a sentence each."""
    bad = {State.ERROR, State.TIMEOUT}
    return tuple(f"{each.name}: {each.problem}" for each in (gate.readings if gate else ()) if each.state in bad)


def _explained(known: Known, asked: _Asked) -> tuple[Explained, ...]:
    """The failures of the commit that were explained, newest first."""
    facts = believed(known, asked.repository, asked.at).of(FactKind.FAILURE)
    return tuple(
        Explained(
            fact.subject,
            fact.values.get("cause", ""),
            fact.values.get("root_cause", ""),
            fact.at,
            known.trusted,
        )
        for fact in facts
        if fact.sha == asked.sha
    )[:_MOST_EXPLAINED]
