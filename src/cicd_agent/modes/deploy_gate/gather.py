"""Which events a gate decides on, and the signals that are read for it, side by side and within a time limit."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.facts import FactSet
from cicd_agent.domain.gate_evidence import (
    RATE_LIMIT,
    TOKEN,
    ApprovalComment,
    CheckState,
    Deployed,
    GateEvidence,
    OriginPull,
    Reading,
    RequiredChecks,
    State,
)
from cicd_agent.domain.parallel import begin
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import History
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.text.markdown import find_marker
from cicd_agent.domain.text.words import count
from cicd_agent.errors import AgentError, ForgeRefused, RateLimited
from cicd_agent.modes.deploy_gate.approvals import read_comments, with_permissions
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import fill_coverage, has_coverage, read_facts
from cicd_agent.modes.deploy_gate.score import policy
from cicd_agent.modes.deploy_gate.signals.bot_policy import with_contents
from cicd_agent.modes.deploy_gate.signals.checks import share_of_checks
from cicd_agent.modes.deploy_gate.signals.coverage import coverage, needs_search
from cicd_agent.modes.deploy_gate.signals.coverage_discovery import DiscoveredCoverage, search_artifacts, with_workspace
from cicd_agent.modes.deploy_gate.signals.deployments import earlier_deployments, environment_names, running
from cicd_agent.modes.deploy_gate.signals.gate_jobs import mark_gates
from cicd_agent.modes.deploy_gate.signals.own_runs import gate_job, without_holds
from cicd_agent.modes.deploy_gate.signals.readings import DAYS, failures, mark_own, passed_tests
from cicd_agent.modes.deploy_gate.signals.report_files import UntrackedFiles
from cicd_agent.modes.deploy_gate.signals.reviews import match_pulls
from cicd_agent.modes.deploy_gate.signals.signals_file import read_signals_file
from cicd_agent.modes.deploy_gate.signals.team_signals import team_readings
from cicd_agent.modes.deploy_gate.subject import Subject, is_policy_new, read_subject, unserved, with_patches
from cicd_agent.modes.deploy_gate.verdict import possible_hashes
from cicd_agent.modes.deploy_gate.waiting import WaitingTime, reset_of, wait_for_checks, wait_for_reset
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.shared.change_reader import gaps
from cicd_agent.modes.shared.risk_history import read_past
from cicd_agent.settings.schema import Settings

SECONDS = 30.0
"""For what GitHub is asked at once: half of it until what is deployed now is known, half for the rest."""

T = TypeVar("T")

_DAY = 86_400
_NO_TOKEN = "there is no `github-token`"  # noqa: S105  words about one
_READINGS = (
    *("tests", "coverage", "review", "failures", "checks", "required", "origins", "deployments", "incidents"),
    *("budget", "history", "approvals"),
)
_COMMENTS = frozenset({EventKind.ISSUE_COMMENT, EventKind.REVIEW_COMMENT})


def declines(event: Event, _settings: Settings | None = None) -> str | None:
    """Why there is nothing to decide, in one line: only of comments. Any other event is decided on, or held."""
    comment = event.comment
    if event.kind not in _COMMENTS:
        return None
    if event.action != "created":
        return f"a comment was {event.action or 'touched'}, and only new ones count"
    if comment is None or find_marker(comment.body) or not deploy_command(comment.body):
        return "the comment neither approves nor overrides a deployment"
    if comment.author.is_bot or event.actor.is_bot:
        return f"the comment is by a bot ({comment.author.login or 'unknown'}), and only people decide"
    if event.kind is EventKind.REVIEW_COMMENT:
        return "the comment stands at a line: a deployment is decided on in the conversation"
    return None


def gather(event: Event, ports: Ports, settings: Settings) -> Evidence:
    """All that the decision rests on. Raises nothing for what GitHub, git or a file does: that is evidence, too."""
    deployment = event.deployment
    gate = GateEvidence(
        settings.sha or (deployment.sha if deployment else "") or event.sha,
        settings.environment or (deployment.environment if deployment else ""),
        int(ports.now()),
        ref=(deployment.ref if deployment else "") or event.head.name,
        unserved=unserved(event, settings),
        policy=ports.problems,
        told=ports.told & {"enforce"},
    )
    if gate.unserved or not gate.sha or not gate.environment:
        return Evidence(event).put(GATE, gate)
    return _Gathering(event, ports, settings, gate, WaitingTime.of(event, ports, settings)).evidence()


@dataclass(frozen=True, slots=True)
class _Gathering:
    """One deployment that is looked at; `gate` is what is known of it from the start."""

    event: Event
    ports: Ports
    settings: Settings
    gate: GateEvidence
    time: WaitingTime
    limited: list[RateLimited] = field(default_factory=list)
    """The requests that GitHub's rate limit has turned away."""

    def evidence(self) -> Evidence:
        """What there is, read again once where a rate limit was in the way and there is time until it is lifted."""
        evidence = self._read()
        if self.limited and wait_for_reset(self.limited, self.time):
            gate = replace(self.gate, at=int(self.ports.now()))
            later = replace(self, gate=gate, limited=[])
            return later._with_limit(later._read())  # noqa: SLF001
        return self._with_limit(evidence)

    def _with_limit(self, evidence: Evidence) -> Evidence:
        """With the one thing to say where a rate limit was in the way, in place of one for each request."""
        gate = evidence.get(GATE)
        if not self.limited or gate is None:
            return evidence
        until = reset_of(self.limited)
        problem = f"its rate limit is used up until {until}"
        limit = Reading(RATE_LIMIT, State.ERROR, words=f"after {until}", source="GitHub", problem=problem)
        return evidence.put(GATE, replace(gate, readings=(*gate.readings, limit)))

    def _read(self) -> Evidence:
        """All else is read when the checks have ended: what may change meanwhile is not read twice."""
        checks, required = self._read_checks()
        if self._wait(checks, required):
            later = replace(self, gate=replace(self.gate, at=int(self.ports.now())))
            return later._evidence(*later._read_checks())  # noqa: SLF001
        return self._evidence(checks, required)

    def _read_checks(self) -> tuple[Future[tuple[CheckState, ...]], Future[RequiredChecks]]:
        sha, own = self.gate.sha, self.event.delivery.partition(".")[0]
        checks = self._ask(lambda forge: mark_own(forge.gates.checks(sha), own))
        return checks, self._ask(lambda forge: forge.gates.required(self._branch()))

    def _wait(self, checks_read: Future[tuple[CheckState, ...]], required_read: Future[RequiredChecks]) -> bool:
        """Whether checks went on that were waited for."""
        forge, time = self.ports.forge, self.time
        if forge is None or not time.left:
            return False
        reads: list[Future[Any]] = [checks_read, required_read]
        wait(reads, SECONDS / 2)
        checks, _ = came("checks", checks_read, ())
        required, on_required = came("required", required_read, RequiredChecks())
        names = required.names if on_required.state is State.KNOWN else None
        base = self.event.base.sha
        gate = replace(self.gate, checks=self._mark(checks, base), required=names, required_apps=required.apps)
        mark = partial(self._mark, base=base)
        return wait_for_checks(gate, self.event, self.settings, time, forge.gates, mark=mark)

    def _mark(self, checks: Sequence[CheckState], base: str) -> tuple[CheckState, ...]:
        """The checks, with what is known of them by the run that asks and by what was deployed before."""
        own = mark_own(checks, self.event.delivery.partition(".")[0])
        return mark_gates(own, self.ports.repository, base, self.gate.sha, self.event.workflow)

    def _evidence(self, checks_read: Future[tuple[CheckState, ...]], required_read: Future[RequiredChecks]) -> Evidence:
        gate, subject, readings, limits = self._github(checks_read, required_read)
        change, ports, workspace = subject.change, self.ports, None
        if change is not None and ports.workspace is not None and ports.repository is not None:
            # Only what steps of this job have left, and not what the change has brought.
            workspace = UntrackedFiles(ports.workspace, change, ports.repository)
            ports = replace(ports, workspace=workspace)
        file = read_signals_file(ports, self.settings)
        known = read_facts(ports.state, gate, self.event)
        found = self._discover_coverage(gate, workspace, known) if needs_search(file, self.settings) else None
        committed = next((commit.when for commit in subject.commits if commit.sha == gate.sha), 0)
        gained = coverage(file, ports, self.settings, change, committed=committed, found=found)
        gained, unused = fill_coverage(gained, known, gate, self.settings.signal_max_age_hours * 3600)
        history, learnt, on_history, unread = self._history(change)
        of_checks = share_of_checks(gate, readings["checks"], policy(self.settings), change)
        readings |= {
            "tests": passed_tests(of_checks, file, ports, self.settings, committed=committed, change=change),
            "coverage": gained,
            "budget": file.budget_reading,
            "history": on_history,
        }
        gate = replace(
            gate,
            is_policy_new=is_policy_new(self.event, gate.base, ports.repository, self.settings),
            readings=(
                *(readings[name] for name in _READINGS),
                *(fault for name, fault in file.faults.items() if name == "traffic"),
                *(() if self.ports.forge else (Reading(TOKEN, State.ERROR, problem=_NO_TOKEN),)),
                *team_readings(ports, self.settings, gate.environment, committed),
            ),
            error_budget=file.budget,
            traffic=self.settings.traffic_per_minute if file.traffic is None else file.traffic,
        )
        about = gaps(change, self.settings) if change else ()
        # What could only have held or slowed it is no fault where nobody can read it.
        of_facts = (Gap("", f"what earlier runs have left was not read: {limit}".rstrip(".")) for limit in known.limits)
        evidence = Evidence(
            self.event,
            change,
            gaps=(*about, *subject.gaps, *limits, *unread, *unused, *of_facts),
            history=history,
            learnt=learnt,
            known=known,
        )
        return evidence.put(GATE, self._with_permissions(evidence, gate) if gate.words else gate)

    def _discover_coverage(
        self, gate: GateEvidence, workspace: UntrackedFiles | None, known: FactSet
    ) -> DiscoveredCoverage:
        """Coverage that nobody named, also by what earlier runs have left."""
        own, branch = self.event.delivery.partition(".")[0], self._branch
        searched = self._ask(lambda forge: search_artifacts(forge, gate.sha, gate.base, branch(), own))
        wait([searched], SECONDS / 2)
        found, reading = came("coverage", searched, DiscoveredCoverage())
        if reading.problem:
            found = DiscoveredCoverage(problem=f"the artifacts of the runs were not read: {reading.problem}")
        return with_workspace(found, workspace, has_coverage(known)) if workspace else found

    def _with_permissions(self, evidence: Evidence, gate: GateEvidence) -> GateEvidence:
        """Whose approvals may count is asked last: which they are depends on all the rest."""

        def hashes() -> Sequence[str]:
            return possible_hashes(evidence.put(GATE, gate), self.settings)

        asked = self._ask(lambda forge: with_permissions(forge, gate, self.settings, hashes))
        wait([asked], SECONDS / 2)
        comments, reading = came("approvals", asked, ())
        if reading.state is State.KNOWN:
            return replace(gate, words=comments)
        readings = (reading if each.name == reading.name else each for each in gate.readings)
        return replace(gate, words=(), readings=tuple(readings))

    def _github(
        self, checks_read: Future[tuple[CheckState, ...]], required_read: Future[RequiredChecks]
    ) -> tuple[GateEvidence, Subject, dict[str, Reading], tuple[Gap, ...]]:
        """Ask for everything else at once; only what depends on what runs now waits for that."""
        sha = self.gate.sha
        names = environment_names(self.gate.environment, self.settings)
        past = self._ask(lambda forge: forge.gates.deployments(*names))
        runs_read = self._ask(lambda forge: self._runs(forge, checks_read))
        incidents_read = self._ask(lambda forge: forge.gates.incidents(self.settings.incident_label))
        wait([past], SECONDS / 2)
        deployments, on_deployments = came("deployments", past, ())
        now = running(earlier_deployments(deployments, self.event))
        deployed, unread, repository = now.sha if now else "", on_deployments.problem, self.ports.repository
        subject = read_subject(sha, self.event, deployed, repository, self.settings, unread=unread)
        shas = tuple(commit.sha for commit in subject.commits)
        origins_read = self._ask(lambda forge: dict(forge.gates.origins(shas)) if shas else {})
        # It waits for the other in its own thread, and is lost with it.
        comments_read = self._ask(lambda forge: self._orders(forge, _newest_pull(subject, origins_read.result())))
        reads: list[Future[Any]] = [checks_read, required_read, runs_read, incidents_read, origins_read, comments_read]
        wait(reads, SECONDS / 2)
        checks, on_checks = came("checks", checks_read, ())
        required, on_required = came("required", required_read, RequiredChecks())
        runs, on_runs = came("failures", runs_read, ())
        incidents, on_incidents = came("incidents", incidents_read, ())
        origins, on_origins = came("origins", origins_read, {})
        comments, on_comments = came("approvals", comments_read, ())
        commits, pulls, unmatched = self._reviewed(subject, origins)
        on_origins = _on_origins(on_origins, subject, commits, pulls)
        own = self.event.delivery.partition(".")[0]
        failed, absent = failures(runs, self.settings.failure_workflows, own, on_runs)
        readings = {
            "review": _on_review(on_origins, commits, pulls),
            "failures": failed,
            "checks": self._with_summary(on_checks, _checks_summary(checks)),
            "required": self._with_summary(on_required, ", ".join(required.names) or "none is required"),
            "origins": on_origins,
            "deployments": self._with_summary(
                on_deployments, f"{deployed[:7]} runs now" if deployed else "none has succeeded yet"
            ),
            "incidents": self._with_summary(on_incidents, f"{len(incidents)} open" if incidents else "none is open"),
            "approvals": self._with_summary(
                on_comments, count(len(comments), "word") if comments else "nobody has said anything"
            ),
        }
        gate = replace(
            self.gate,
            base=subject.base,
            unknown_base=subject.unknown,
            is_first=not (deployed or unread) and self.event.kind is not EventKind.LOCAL,
            checks=self._mark(checks, subject.base),
            required=required.names if on_required.state is State.KNOWN else None,
            required_apps=required.apps,
            commits=commits,
            pulls=tuple(pulls.values()),
            deployments=deployments,
            incidents=incidents,
            words=comments,
        )
        gate = with_patches(gate, subject, self.event, repository, self.settings)
        return gate, subject, readings, (*unmatched, *absent, *_unread(required))

    def _reviewed(
        self, subject: Subject, origins: Mapping[str, OriginPull]
    ) -> tuple[tuple[Deployed, ...], dict[int, OriginPull], tuple[Gap, ...]]:
        """The commits with the pull requests that they come from, and what those change where a policy asks.

        What is taken back is left out at the end: without it the rest of its pull request is not what was reviewed.
        """
        token = self.settings.github_token.get_secret_value()
        matched, pulls, unmatched = match_pulls(subject.commits, origins, self.ports.repository, token)
        pulls, unread = with_contents(matched, pulls, self.ports.repository, self.settings)
        lasting = tuple(each for each in matched if each.sha not in subject.reverted)
        numbers = {each.pull for each in lasting}
        return lasting, {number: pulls[number] for number in pulls if number in numbers}, (*unmatched, *unread)

    def _orders(self, forge: Forge, pull: int) -> tuple[ApprovalComment, ...]:
        return read_comments(forge, pull, self.gate, self.settings, self.event)

    def _ask(self, task: Callable[[Forge], T]) -> Future[T]:
        """Begin a read. Without a forge it has failed already: there is nobody to ask."""
        forge = self.ports.forge
        if forge is not None:
            return begin(lambda: self._noting_limits(forge, task))
        future: Future[T] = Future()
        future.set_exception(ForgeRefused("GitHub could not be asked", why=_NO_TOKEN))
        return future

    def _noting_limits(self, forge: Forge, task: Callable[[Forge], T]) -> T:
        try:
            return task(forge)
        except RateLimited as limited:
            self.limited.append(limited)
            raise

    def _runs(self, forge: Forge, checks: Future[tuple[CheckState, ...]]) -> tuple[RunState, ...]:
        """The runs that have ended lately, without what the gate itself has held."""
        runs = forge.gates.ended_since(self._branch(), self.gate.at - DAYS * _DAY)
        run = self.event.delivery.partition(".")[0]
        job = "" if checks.exception() else gate_job(mark_own(checks.result(), run))
        return without_holds(forge, self.ports.repository, runs, self.event.workflow, job)

    def _branch(self) -> str:
        """The branch whose rules hold and whose runs count: what is deployed from elsewhere has to meet them, too."""
        branch = self.event.default_branch or self.event.head.name
        if not branch:
            raise ForgeRefused("GitHub could not be asked", why="the default branch is not known")
        return branch

    def _with_summary(self, reading: Reading, summary: str) -> Reading:
        return replace(reading, words=summary, measured=self.gate.at) if reading.state is State.KNOWN else reading

    def _history(self, change: Change | None) -> tuple[History | None, RiskFile | None, Reading, tuple[Gap, ...]]:
        if change is None:
            return None, None, Reading("history", State.ERROR, problem="the change could not be read"), ()
        history, learnt, limits = read_past(change, self.ports, self.settings, self.event)
        if history is None:
            problem = next((gap.why for gap in limits), "it could not be read")
            return None, learnt, Reading("history", State.ERROR, source="git", problem=problem), limits
        summary = count(history.commits, "earlier commit") + (" of a shallow clone" if history.shallow else "")
        reading = Reading("history", State.KNOWN, words=summary, source="git", measured=self.gate.at)
        return history, learnt, reading, limits


def came(name: str, future: Future[T], nothing: T) -> tuple[T, Reading]:
    """What a read has brought, `nothing` when it failed, and how it went. What is not back now counts as lost."""
    if not future.done():
        problem = f"GitHub did not answer within {SECONDS:.0f} seconds"
        return nothing, Reading(name, State.TIMEOUT, source="GitHub", problem=problem)
    error = future.exception()
    if isinstance(error, AgentError):
        return nothing, Reading(name, State.ERROR, source="GitHub", problem=str(error).rstrip("."))
    return future.result(), Reading(name, State.KNOWN, source="GitHub")


def _unread(required: RequiredChecks) -> tuple[Gap, ...]:
    return (Gap("", required.unread),) if required.unread else ()


def _newest_pull(subject: Subject, origins: Mapping[str, OriginPull]) -> int:
    shas = (each.sha for each in subject.commits if each.sha not in subject.reverted)
    return next((origins[sha].number for sha in shas if sha in origins and origins[sha].number), 0)


def _on_origins(read: Reading, subject: Subject, commits: Sequence[Deployed], pulls: Collection[int]) -> Reading:
    if read.state is not State.KNOWN:
        return read
    if subject.problem:
        return replace(read, state=State.ERROR, problem=subject.problem)
    summary = f"{count(len(commits), 'commit')} of {count(len(pulls), 'pull request')}"
    return replace(read, words=summary if commits else "no commit is new there")


def _on_review(origins: Reading, commits: Sequence[Deployed], pulls: Collection[int]) -> Reading:
    """Whether there is anything that could have been reviewed; what reviewers said is judged with the policy."""
    reading = Reading("review", origins.state, source=origins.source)
    if origins.state is not State.KNOWN:
        # Not that nobody reviewed: nobody could say. To leave the signal out would be no remedy.
        return replace(reading, problem="the pull requests are not known")
    if not commits:
        return replace(reading, value=1.0, words="no commit is new there")
    if not pulls:
        return replace(reading, state=State.MISSING, problem="no pull request brought these commits")
    by_pull = sum(1 for commit in commits if commit.pull)
    return replace(reading, words=f"{by_pull} of {count(len(commits), 'commit')} by pull request")


def _checks_summary(checks: Iterable[CheckState]) -> str:
    others = [check for check in checks if not check.own]
    bad = sum(1 for check in others if check.conclusion not in {"", "success", "neutral", "skipped"})
    pending = sum(1 for check in others if not check.conclusion)
    parts = (f"{bad} not passed" if bad else "", f"{pending} going on" if pending else "")
    return ", ".join(filter(None, (count(len(others), "check"), *parts)))
