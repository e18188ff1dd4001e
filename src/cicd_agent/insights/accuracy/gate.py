"""Whether a gate was right: to proceed, by what became of the deployment; to hold, by what it took to get past it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from cicd_agent.analysis.risk.outcome_labels import Source
from cicd_agent.domain.gate_evidence import State
from cicd_agent.insights.accuracy.decisions import DecidedGate
from cicd_agent.insights.accuracy.labels import Case, Ground, Share, Truth, ranked
from cicd_agent.modes.deploy_gate.result import Band, GateDecision, GateResult

GATE = "deploy-gate"
MAX_NEXT = 5
"""Decisions to proceed after a hold among which the one that got past it is looked for."""
_BY_COMMIT = frozenset({"red-check", "blocking-finding"})
_MEASURED = frozenset({"tests", "coverage"})


class Fate(StrEnum):
    UNKNOWN = "unknown"
    """Nobody could say: no deployment of it is known, or it is too young."""
    FINE = "fine"
    BAD = "bad"


_PROCEEDED = {Fate.BAD: (Truth.WRONG, Ground.WENT_WRONG), Fate.FINE: (Truth.RIGHT, Ground.WENT_WELL)}
_OVERRIDDEN = {Fate.BAD: (Truth.RIGHT, Ground.OVERRIDDEN_BAD), Fate.FINE: (Truth.WRONG, Ground.OVERRIDDEN)}
_UNKNOWN = (Truth.UNKNOWN, Ground.TOO_EARLY)


@dataclass(frozen=True, slots=True)
class DeploymentOutcome:
    """What is known of a commit after a gate decided on it.

    `deployed` is whether a deployment of it to that environment is on record, None when the record was not read.
    `sources` say how it went wrong within OUTCOME_DAYS days.
    """

    deployed: bool | None = None
    fate: Fate = Fate.UNKNOWN
    sources: tuple[Source, ...] = ()


_NOTHING_KNOWN = DeploymentOutcome()
_NO_SHARE = Share(0, 0)
Outcomes = Mapping[tuple[str, str], DeploymentOutcome]
"""By commit and environment."""
Follows = Callable[[str, str], bool]
"""Whether the second commit is built on the first."""


def gate_cases(decided: Sequence[DecidedGate], outcomes: Outcomes, follows: Follows) -> tuple[Case, ...]:
    """A case for each commit and environment that was let through, held or lifted, by the last decision of that kind.

    A gate that waits says the same many times over, and is right or wrong only once.
    """
    ordered = sorted(decided, key=lambda each: each.gated.at)
    last = {(each.repository, each.gated.environment, *_identity(each.gated)): each for each in ordered}
    once = sorted(last.values(), key=lambda each: each.gated.at)
    return tuple(_case(each, once[index + 1 :], outcomes, follows) for index, each in enumerate(once))


def _case(each: DecidedGate, later: Sequence[DecidedGate], outcomes: Outcomes, follows: Follows) -> Case:
    gated = each.gated
    outcome = outcomes.get((gated.sha, gated.environment), _NOTHING_KNOWN)
    if gated.decision is not GateDecision.PROCEED:
        truth, ground = _held(each, later, outcome, follows)
    elif is_lifted(gated):
        truth, ground = Truth.UNKNOWN, Ground.LIFTED
    else:
        truth, ground = _PROCEEDED.get(outcome.fate, _UNKNOWN)
    sources = ", ".join(source.replace("_", " ") for source in outcome.sources)
    return Case(
        GATE,
        truth,
        ground,
        repository=each.repository,
        at=gated.at,
        sha=gated.sha,
        pull=each.pull,
        key=gated.hash,
        word=gated.decision,
        detail=f"{gated.environment}: {sources}" if sources else gated.environment,
    )


def _held(
    held: DecidedGate, later: Sequence[DecidedGate], outcome: DeploymentOutcome, follows: Follows
) -> tuple[Truth, Ground]:
    """A hold: what proceeded next to that environment, and whether that was this commit or one that fixes it."""
    gated, there = held.gated, (held.repository, held.gated.environment)
    proceeded = (
        each
        for each in later
        if (each.repository, each.gated.environment) == there and each.gated.decision is GateDecision.PROCEED
    )
    passed = next(
        (
            each
            for each in islice(proceeded, MAX_NEXT)
            if each.gated.sha == gated.sha or 0 < each.pull == held.pull or follows(gated.sha, each.gated.sha)
        ),
        None,
    )
    if passed is None:
        return _OVERRIDDEN.get(outcome.fate, _UNKNOWN) if outcome.deployed else _UNKNOWN
    if passed.gated.sha != gated.sha:
        is_fixed = not is_lifted(passed.gated) and fixed_causes(gated, passed.gated)
        return (Truth.RIGHT, Ground.FIXED) if is_fixed else _UNKNOWN
    if not is_lifted(passed.gated):
        return Truth.UNKNOWN, Ground.LATER
    return _OVERRIDDEN.get(outcome.fate, _UNKNOWN)


def fixed_causes(held: GateResult, passed: GateResult) -> frozenset[str]:
    """What a hold named and a commit can fix, that the later decision sees fixed.

    A freeze ends, a check comes to its end, somebody reviews: none of that says that there was harm in the commit.
    """
    stood = {stop.id for stop in held.stops if not stop.lifted} & _BY_COMMIT
    red = {each.name for each in held.factors if each.band is Band.RED} & _MEASURED
    good = {each.name for each in passed.factors if each.band in {Band.GREEN, Band.AMBER}}
    return frozenset((stood - {stop.id for stop in passed.stops}) | (red & good))


@dataclass(frozen=True, slots=True)
class GateRecord:
    """The counts. `stops` and `signals` are sorted by how often they stood in the way, then by name.

    `decisions` are by word. `shadowed` were not enforced, `lifted` proceeded because a person said so. `signals` count
    the decisions in which a signal was red, missing or at fault. `repeated` are reports of a decision that is counted
    already. `false_holds` are of the holds in shadow that were deployed all the same and whose fate is known; `misses`
    are of the decisions to proceed whose fate is known. `missed_by` is how these went wrong, perhaps in several ways.
    `undecided` are decisions whose fate is not known.
    """

    n: int
    decisions: Mapping[str, int] = field(default_factory=dict)
    shadowed: int = 0
    lifted: int = 0
    repeated: int = 0
    stops: tuple[tuple[str, int], ...] = ()
    signals: tuple[tuple[str, int], ...] = ()
    false_holds: Share = _NO_SHARE
    misses: Share = _NO_SHARE
    missed_by: tuple[tuple[str, int], ...] = ()
    undecided: int = 0


def gate_record(decided: Sequence[GateResult], outcomes: Outcomes) -> GateRecord:
    # The same commit, environment, grounds and result in two reports is one decision.
    once = {(gated.environment, gated.hash, *_identity(gated)): gated for gated in decided}.values()
    fates = [(gated, outcomes.get((gated.sha, gated.environment), _NOTHING_KNOWN)) for gated in once]
    known = [(gated, outcome) for gated, outcome in fates if outcome.fate is not Fate.UNKNOWN]
    # A hold that was lifted is no proceeding of the gate's: a person took it over.
    passed = [outcome for gated, outcome in known if gated.decision is GateDecision.PROCEED and not is_lifted(gated)]
    missed = [outcome for outcome in passed if outcome.fate is Fate.BAD]
    held = [
        outcome
        for gated, outcome in known
        if gated.decision is not GateDecision.PROCEED and not gated.enforced and outcome.deployed
    ]
    return GateRecord(
        n=len(once),
        decisions={word: sum(gated.decision is word for gated in once) for word in GateDecision},
        shadowed=sum(not gated.enforced for gated in once),
        lifted=sum(is_lifted(gated) for gated in once),
        repeated=len(decided) - len(once),
        stops=ranked(Counter(stop for gated in once for stop in {stop.id for stop in gated.stops})),
        signals=ranked(Counter(name for gated in once for name in _weak_signals(gated))),
        false_holds=Share.of(sum(outcome.fate is Fate.FINE for outcome in held), len(held)),
        misses=Share.of(len(missed), len(passed)),
        missed_by=ranked(Counter(source for outcome in missed for source in outcome.sources)),
        undecided=len(fates) - len(known),
    )


def _identity(gated: GateResult) -> tuple[str, str, bool]:
    return gated.sha, gated.decision, is_lifted(gated)


def is_lifted(gated: GateResult) -> bool:
    return gated.decision is GateDecision.PROCEED and any(stop.lifted for stop in gated.stops)


def _weak_signals(gated: GateResult) -> frozenset[str]:
    bands = {Band.RED, Band.MISSING, Band.FAULT}
    faults = set(State) - {State.KNOWN, State.MISSING, State.ABSENT}
    return frozenset(factor.name for factor in gated.factors if factor.band in bands or factor.state in faults)
