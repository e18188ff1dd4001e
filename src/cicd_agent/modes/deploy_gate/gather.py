"""Which events a gate decides on, and the signals that are read for it, side by side and within a time limit."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cicd_agent.domain.events.deploy_comment import words_in
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.facts import FactSet
from cicd_agent.domain.gate_evidence import CheckState, Deployed, GateEvidence, OriginPull, Reading, State
from cicd_agent.domain.parallel import begin
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.text.markdown import find_marker
from cicd_agent.domain.text.words import count
from cicd_agent.errors import AgentError, ForgeRefused
from cicd_agent.modes.deploy_gate.approvals import covered, newest_pull, read_words
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import filled, read_known
from cicd_agent.modes.deploy_gate.signals.failure_rate import DAYS, failures
from cicd_agent.modes.deploy_gate.signals.readings import coverage, owned, passing
from cicd_agent.modes.deploy_gate.signals.reviews import matched
from cicd_agent.modes.deploy_gate.signals.signals_file import budget, read_given
from cicd_agent.modes.deploy_gate.signals.untracked_files import Produced
from cicd_agent.modes.deploy_gate.subject import (
    Subject,
    commit_of,
    environment_of,
    read_subject,
    running,
    unserved,
)
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.shared.change_reader import gaps
from cicd_agent.modes.shared.risk_history import read_past
from cicd_agent.settings.schema import Settings

T = TypeVar("T")

_DAY = 86_400
_COMMENTS = frozenset({EventKind.ISSUE_COMMENT, EventKind.REVIEW_COMMENT})


def declines(event: Event) -> str | None:
    """Why there is nothing to decide, in one line: only of comments. Any other event is decided on, or held."""
    comment = event.comment
    if event.kind not in _COMMENTS:
        return None
    if event.action != "created":
        return f"a comment was {event.action or 'touched'}, and only new ones count"
    if comment is None or find_marker(comment.body) or not words_in(comment.body):
        return "the comment neither approves nor overrides a deployment"
    if comment.author.is_bot or event.actor.is_bot:
        return f"the comment is by a bot ({comment.author.login or 'unknown'}), and only people decide"
    if event.kind is EventKind.REVIEW_COMMENT:
        return "the comment stands at a line: a deployment is decided on in the conversation"
    return None


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """All that the decision rests on. Raises nothing for what GitHub, git or a file does: that is evidence, too."""
    gate = GateEvidence(
        commit_of(event, settings),
        environment_of(event, settings),
        int(world.now()),
        ref=(event.deployment.ref if event.deployment else "") or event.head.name,
        unserved=unserved(event, settings),
        policy=world.problems,
        told=world.told & {"enforce", "on_hold"},
    )
    if gate.unserved or not gate.sha or not gate.environment:
        return Evidence(event).put(GATE, gate)
    return _Gathering(event, world, settings, gate).evidence()


@dataclass(frozen=True, slots=True)
class _Gathering:
    """One deployment that is looked at; `gate` is what is known of it from the start."""

    event: Event
    world: Ports
    settings: Settings
    gate: GateEvidence

    def evidence(self) -> Evidence:
        """Ask for everything at once; only what depends on what runs now waits for that."""
        at, own = self.gate.at, self.event.delivery.partition(".")[0]
        past = self._ask(lambda forge: forge.gates.deployments(self.gate.environment, sha=self.gate.sha))
        checks_read = self._ask(lambda forge: forge.gates.checks(self.gate.sha))
        required_read = self._ask(lambda forge: forge.gates.required(self._branch()))
        runs_read = self._ask(lambda forge: forge.gates.ended_since(self._branch(), at - DAYS * _DAY))
        incidents_read = self._ask(lambda forge: forge.gates.incidents(self.settings.incident_label))
        settle([past], SECONDS / 2)
        deployments, on_deployments = came("deployments", past, ())

        deployed, repository = running(deployments), self.world.repository
        subject = read_subject(self.gate.sha, self.event, deployed, repository, self.settings)
        shas = tuple(commit.sha for commit in subject.commits)
        origins_read = self._ask(lambda forge: forge.gates.origins(shas) if shas else ())
        # It waits for the other in its own thread, and is lost with it.
        words_read = self._ask(
            lambda forge: read_words(forge, newest_pull(shas, origins_read.result()), self.gate, self.settings)
        )
        settle([checks_read, required_read, runs_read, incidents_read, origins_read, words_read], SECONDS / 2)

        checks, on_checks = came("checks", checks_read, ())
        checks = owned(checks, own)
        required, on_required = came("required", required_read, ())
        runs, on_runs = came("failures", runs_read, ())
        incidents, on_incidents = came("incidents", incidents_read, ())
        origins, on_origins = came("origins", origins_read, ())
        words, on_words = came("approvals", words_read, ())
        came_from = dict(origins)
        commits, unmatched = self._commits(subject, came_from)
        brought = (came_from[sha] for sha in shas if sha in came_from)
        pulls = tuple({pull.number: pull for pull in brought if pull.number}.values())
        on_origins = _on_origins(on_origins, subject, commits, pulls)
        measured = self._measured(subject.change)
        given = read_given(measured, self.settings)
        failed, unseen = failures(runs, self.settings.failure_workflows, own, on_runs)
        history, learnt, on_history, unread = self._past(subject.change)
        standing = ", ".join(required) or "none is required"
        about_now = replace(self.gate, base=subject.base, pulls=pulls)
        known = read_known(self.world.state, about_now, self.event)
        gained, unused = filled(
            coverage(given, measured, self.settings), known, about_now, self.settings.signal_max_age_hours * 3600
        )
        readings = (
            passing(checks, on_checks, given, measured, self.settings),
            gained,
            _on_review(on_origins, commits, pulls),
            failed,
            self._said(on_checks, _of_checks(checks)),
            self._said(on_required, standing),
            on_origins,
            self._said(on_deployments, f"{deployed[:7]} runs now" if deployed else "none has succeeded yet"),
            self._said(on_incidents, f"{len(incidents)} open" if incidents else "none is open"),
            budget(given),
            on_history,
            self._said(on_words, count(len(words), "word") if words else "nobody has said anything"),
            *(reading for name, reading in given.faults.items() if name == "traffic"),
        )
        gate = replace(
            self.gate,
            base=subject.base,
            readings=readings,
            checks=checks,
            required=required if on_required.state is State.KNOWN else None,
            commits=commits,
            pulls=pulls,
            deployments=deployments,
            incidents=incidents,
            words=words,
            error_budget=given.budget,
            traffic=self.settings.traffic_per_minute if given.traffic is None else given.traffic,
        )
        about = gaps(subject.change, self.settings) if subject.change else ()
        return Evidence(
            self.event,
            subject.change,
            gaps=(*about, *subject.gaps, *unmatched, *unseen, *unread, *unused, *_unknown(known)),
            history=history,
            learnt=learnt,
            known=known,
        ).put(GATE, gate)

    def _ask(self, task: Callable[[Forge], T]) -> Future[T]:
        forge = self.world.forge
        return fetch(None if forge is None else lambda: task(forge))

    def _branch(self) -> str:
        """The branch whose rules hold and whose runs count: what is deployed from elsewhere has to meet them, too."""
        branch = self.event.default_branch or self.event.head.name
        if not branch:
            raise ForgeRefused("GitHub could not be asked", why="the default branch is not known")
        return branch

    def _measured(self, change: Change | None) -> Ports:
        """The world with the files that steps of this job have left, and not those that the change has brought."""
        workspace, repository = self.world.workspace, self.world.repository
        if change is None or workspace is None or repository is None:
            return self.world
        return replace(self.world, workspace=Produced(workspace, change, repository))

    def _commits(
        self, subject: Subject, origins: dict[str, OriginPull]
    ) -> tuple[tuple[Deployed, ...], tuple[Gap, ...]]:
        if self.world.repository is None:
            return (), ()
        token = self.settings.github_token.get_secret_value()
        return matched(subject.commits, origins, self.world.repository, token)

    def _said(self, reading: Reading, words: str) -> Reading:
        """A reading of what GitHub says now, in words, where it said anything."""
        return replace(reading, words=words, measured=self.gate.at) if reading.state is State.KNOWN else reading

    def _past(self, change: Change | None) -> tuple[History | None, RiskFile | None, Reading, tuple[Gap, ...]]:
        if change is None:
            return None, None, Reading("history", State.ERROR, problem="the change could not be read"), ()
        history, learnt, missed = read_past(change, self.world, self.settings, self.event)
        if history is None:
            why = next((gap.why for gap in missed), "it could not be read")
            return None, learnt, Reading("history", State.ERROR, source="git", problem=why), missed
        words = count(history.commits, "earlier commit") + (" of a shallow clone" if history.shallow else "")
        return (
            history,
            learnt,
            Reading("history", State.KNOWN, words=words, source="git", measured=self.gate.at),
            missed,
        )


def _unknown(known: FactSet) -> Iterator[Gap]:
    """What earlier runs may have left and nobody could read: no fault, for it could only have held or slowed it."""
    return (Gap("", f"what earlier runs have left was not read: {limit}".rstrip(".")) for limit in known.limits)


def _on_origins(read: Reading, subject: Subject, commits: Sequence[Deployed], pulls: Sequence[OriginPull]) -> Reading:
    if read.state is not State.KNOWN:
        return read
    if subject.problem:
        return replace(read, state=State.ERROR, problem=subject.problem)
    if not commits:
        return replace(read, words="no commit is new there")
    return replace(read, words=f"{count(len(commits), 'commit')} of {count(len(pulls), 'pull request')}")


def _on_review(origins: Reading, commits: Sequence[Deployed], pulls: Sequence[OriginPull]) -> Reading:
    """Whether there is anything that could have been reviewed; what reviewers said is judged with the policy."""
    if origins.state is not State.KNOWN:
        # Not that nobody reviewed: nobody could say. To leave the signal out would be no remedy.
        return Reading("review", origins.state, source=origins.source, problem="the pull requests are not known")
    if not commits:
        return Reading("review", State.KNOWN, 1.0, "no commit is new there", origins.source)
    if not pulls:
        return Reading("review", State.MISSING, source=origins.source, problem="no pull request brought these commits")
    of = count(len(commits), "commit")
    return Reading("review", State.KNOWN, words=f"{covered(commits)} of {of} by pull request", source=origins.source)


def _of_checks(checks: Iterable[CheckState]) -> str:
    others = [check for check in checks if not check.own]
    bad = sum(1 for check in others if check.conclusion not in {"", "success", "neutral", "skipped"})
    going_on = sum(1 for check in others if not check.conclusion)
    parts = (
        count(len(others), "check"),
        f"{bad} not passed" if bad else "",
        f"{going_on} going on" if going_on else "",
    )
    return ", ".join(part for part in parts if part)


SECONDS = 30.0
"""For everything that GitHub is asked: half of it until what is deployed now is known, half for the rest."""
SOURCE = "GitHub"


def fetch(task: Callable[[], T] | None) -> Future[T]:
    """Begin a read. Without a task it has failed already: there is nobody to ask."""
    if task is not None:
        return begin(task)
    future: Future[T] = Future()
    future.set_exception(ForgeRefused("GitHub could not be asked", why="there is no `github-token`"))
    return future


def settle(reads: Iterable[Future[Any]], seconds: float) -> None:
    wait(tuple(reads), timeout=seconds)


def came(name: str, future: Future[T], nothing: T) -> tuple[T, Reading]:
    """What a read has brought, `nothing` when it failed, and how it went. What is not back now counts as lost."""
    if not future.done():
        why = f"GitHub did not answer within {SECONDS:.0f} seconds"
        return nothing, Reading(name, State.TIMEOUT, source=SOURCE, problem=why)
    error = future.exception()
    if isinstance(error, AgentError):
        return nothing, Reading(name, State.ERROR, source=SOURCE, problem=str(error).rstrip("."))
    return future.result(), Reading(name, State.KNOWN, source=SOURCE)
