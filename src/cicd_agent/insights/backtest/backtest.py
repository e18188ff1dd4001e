"""Judges past deployments as a gate would have judged them then, and says how often it would have held, and why."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.gate_evidence import PastDeployment
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.domain.ports.forge import Forge, Repository
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.insights.accuracy.decisions import DecidedGate
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources, deployment_outcomes
from cicd_agent.insights.accuracy.gate import Fate
from cicd_agent.insights.accuracy.labels import OUTCOME_SECONDS
from cicd_agent.insights.backtest.past_gates import PastForge, PastGates, Record, worked_at
from cicd_agent.modes.deploy_gate.mode import MODE
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult, Hold
from cicd_agent.modes.deploy_gate.signals.deployments import environment_names
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

MAX_JUDGED: Final = 100
"""Deployments that are judged, the newest: each takes about three requests, of the 1,000 an hour that a job has."""
MAX_RUNS: Final = 300
"""Runs of the branch that are read; where they do not reach back far enough, how often they failed is not known."""
WEEK: Final = 7 * 86_400
_DAY = 86_400
_MAX_EXAMPLES = 3
_OF_SCORE = frozenset({"score", "unreachable"})

LIMITS: Final = (
    "rules, policy and configuration are those of today; of a check that was run again the last result counts",
    "coverage, reports, signals of other systems and logs of that time are not known, and no model was asked",
    "a hold counts whether or not a comment would have lifted it; incidents that are closed by now are not known",
)
"""What cannot be known of the past."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A deployment to judge: of `sha` when `base` ran there, at `at` in seconds since the epoch."""

    sha: str
    base: str
    at: int
    deployment: PastDeployment | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A past deployment with the decision; `harm` is how it went wrong afterwards, nothing when it is not known to."""

    moment: Moment
    gated: GateResult
    url: str = ""
    harm: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        return self.gated.decision is not GateDecision.PROCEED


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason to hold: `id` is the hold's, with the weakest signal where that is the score ("score-review").

    `alone` counts the deployments that nothing else held. `text` and `remedy` are the newest hold's own words.
    """

    id: str
    times: int
    alone: int
    text: str
    remedy: str
    examples: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Backtest:
    """`judged` come newest first, `found` counts what there was to judge; `of` is what was taken for a deployment."""

    environment: str
    since: int
    of: Literal["deployment", "push"]
    found: int
    judged: tuple[Judged, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def held(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.held)

    @property
    def stopped(self) -> tuple[Judged, ...]:
        """What went wrong and would have been held."""
        return tuple(each for each in self.held if each.harm)

    @property
    def missed(self) -> tuple[Judged, ...]:
        """What went wrong and would have been let through."""
        return tuple(each for each in self.judged if each.harm and not each.held)


@dataclass(frozen=True, slots=True)
class Subject:
    """The repository whose past is judged: `settings` and `problems` are its policy of today."""

    repository: Repository
    sources: OutcomeSources
    settings: Settings
    repo: str
    branch: str
    server: str = ""
    problems: tuple[str, ...] = ()


def run_backtest(subject: Subject, gates: Gates, since: int, now: int, progress: Callable[[str], None]) -> Backtest:
    """Raises ForgeRefused when GitHub does not say what was deployed."""
    environment = subject.settings.environment
    progress(f"reading the deployments to {environment}")
    names = environment_names(environment, subject.settings)
    deployments = tuple(each for each in gates.deployments(*names) if not each.held)
    record = Record.of(gates, subject.branch, subject.settings.incident_label, since - WEEK, deployments)
    moments = [*_deployed(deployments, since)] if deployments else [*_pushed(subject, record, since, progress)]
    limits = [*LIMITS]
    if len(moments) > MAX_JUDGED:
        limits.append(f"only the newest {MAX_JUDGED} of {len(moments):,} were judged")
    judged: list[Judged] = []
    for number, moment in enumerate(moments[:MAX_JUDGED], 1):
        progress(f"judging {number:,} of {min(len(moments), MAX_JUDGED):,}, {moment.sha[:7]}")
        past = PastGates(record, moment.at)
        gated = _judge(subject, past, moment, limits)
        if refusal := next((each for each in past.refused if "rate limit" in str(each)), None):
            limits.append(f"the newest {len(judged):,} of {len(moments):,} were judged, then GitHub refused: {refusal}")
            break
        judged.append(Judged(moment, gated, f"{subject.server}/{subject.repo}/commit/{moment.sha}"))
    told = _outcomes(subject, record, judged, now, limits=limits, progress=progress)
    of: Literal["deployment", "push"] = "deployment" if deployments else "push"
    return Backtest(environment, since, of, len(moments), told, tuple(dict.fromkeys(limits)))


def causes(backtest: Backtest) -> tuple[Cause, ...]:
    """Why it would have held, the most common first."""
    times: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    holds: dict[str, Hold] = {}
    examples: defaultdict[str, list[Judged]] = defaultdict(list)
    for each in backtest.held:
        named = {_cause(stop, each.gated): stop for stop in each.gated.stops if not stop.lifted}
        # The score follows from another reason, most often: it is one where there is no other.
        named = {name: stop for name, stop in named.items() if stop.id not in _OF_SCORE} or named
        times.update([*named])
        alone.update([*named] if len(named) == 1 else ())
        for name, hold in named.items():
            holds.setdefault(name, hold)
            examples[name].append(each)
    ranked = sorted(times, key=lambda name: (-times[name], -alone[name], name))
    return tuple(
        Cause(name, times[name], alone[name], holds[name].text, holds[name].remedy, (*examples[name][:_MAX_EXAMPLES],))
        for name in ranked
    )


def _cause(hold: Hold, gated: GateResult) -> str:
    if hold.id not in _OF_SCORE:
        return hold.id
    weakest = max(gated.factors, key=lambda each: each.weight - each.points, default=None)
    return f"score-{weakest.name}" if weakest else hold.id


def _deployed(deployments: Sequence[PastDeployment], since: int) -> Iterator[Moment]:
    for index, each in enumerate(deployments):
        if each.created >= since:
            ran = next((one.sha for one in deployments[index + 1 :] if 0 < worked_at(one) <= each.created), "")
            yield Moment(each.sha, ran, each.created, each)


def _pushed(subject: Subject, record: Record, since: int, progress: Callable[[str], None]) -> Iterator[Moment]:
    """The commits on the first-parent line of the default branch, each as a deployment once its checks had ended."""
    repository = subject.repository
    head = repository.resolve(f"refs/remotes/origin/{subject.branch}") or repository.resolve("HEAD") or ""
    when = {commit.sha: commit.when for commit in repository.past(head, 10 * MAX_JUDGED, 0).commits} if head else {}
    number = 0
    while head and number <= MAX_JUDGED:
        base = next(iter(repository.parents(head)), "")
        # A merge is not in the past: it is as old as what comes next.
        committed = when.get(head) or next((one.when for one in repository.between(base, head, 1) if base), 0)
        if not base or committed < since:
            return
        number += 1
        progress(f"reading the checks of push {number:,}, {head[:7]}")
        yield Moment(head, base, _settled(record, head, committed))
        head = base


def _settled(record: Record, sha: str, committed: int) -> int:
    """When its checks had ended; what ended more than a day later was another reason's."""
    try:
        ended = [each.ended for each in record.checks_of(sha) if each.ended <= committed + _DAY]
    except ForgeRefused:
        return committed
    return max([committed, *ended])


def _judge(subject: Subject, past: PastGates, moment: Moment, limits: list[str]) -> GateResult:
    """The decision of rules on what was there then."""
    record = past.record
    if moment.deployment is None:
        before = PastDeployment(1, moment.base, subject.branch, 1, "success", 1, succeeded=1)
        record = replace(record, deployments=(before,))
    gates = replace(past, record=record)
    unknown = ["coverage"]
    if _runs_are_cut(record, moment.at):
        unknown.append("failures")
        limits.append(f"more than {MAX_RUNS} runs: of the earlier deployments how often runs failed is not known")
    settings = subject.settings.model_copy(
        update={
            "sha": "",
            "test_reports": (),
            "coverage_reports": (),
            "signals_file": "",
            "require_model": "off",
            "not_applicable": tuple(dict.fromkeys((*subject.settings.not_applicable, *unknown))),
        }
    )
    base, head = Ref(subject.branch, moment.base), Ref(subject.branch, moment.sha)
    event = Event(
        EventKind.PUSH,
        "push",
        repo=subject.repo,
        default_branch=subject.branch,
        sha=moment.sha,
        base=base,
        head=head,
        server=subject.server,
    )
    forge = cast("Forge", PastForge(gates, subject.sources.text_at or (lambda _path, _ref: None)))
    ports = Ports(subject.repository, forge, now=lambda: float(moment.at), problems=subject.problems)
    evidence = MODE.gather(event, ports, settings)
    return cast("GateResult", MODE.verify(MODE.rules(evidence, settings), (), evidence, settings))


def _runs_are_cut(record: Record, at: int) -> bool:
    try:
        runs = record.runs()
    except ForgeRefused:
        return False
    return len(runs) >= MAX_RUNS and min(run.created for run in runs) > at - WEEK


def _outcomes(
    subject: Subject,
    record: Record,
    judged: Sequence[Judged],
    now: int,
    *,
    limits: list[str],
    progress: Callable[[str], None],
) -> tuple[Judged, ...]:
    """The same with what went wrong afterwards."""
    decided = [DecidedGate(each.gated, subject.repo, 0, each.moment.base) for each in judged]
    known = replace(subject.sources, gates=cast("Gates", PastGates(record, now)))
    if not record.deployments:
        known = replace(known, gates=None)
    outcomes, missing = deployment_outcomes(known, decided, now, progress)
    limits += missing
    incidents = _incidents(record, judged)
    told = []
    for each in judged:
        outcome = outcomes.get((each.gated.sha, each.gated.environment))
        sources = outcome.sources if outcome and outcome.fate is Fate.BAD else ()
        harm = (*(source.replace("_", " ") for source in sources), *incidents.get(each.moment.at, ()))
        told.append(replace(each, harm=harm))
    return tuple(told)


def _incidents(record: Record, judged: Sequence[Judged]) -> Mapping[int, tuple[str, ...]]:
    """The open incidents by the time of the deployment that was the newest when they were opened."""
    try:
        opened = record.incidents()
    except ForgeRefused:
        return {}
    found: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    for incident in opened:
        before = [each.moment.at for each in judged if each.moment.at <= incident.created]
        if before and incident.created - max(before) <= OUTCOME_SECONDS:
            found[max(before)] += (f"incident #{incident.number}",)
    return found


def headline(backtest: Backtest) -> str:
    """The result in one line."""
    number, noun = len(backtest.judged), "commit" if backtest.of == "push" else "deployment"
    return f"{len(backtest.held):,} of {count(number, noun)} to {backtest.environment} would have been held"
