"""Whether a gate was right: to proceed, by what became of the deployment; to hold, by what it took to get past it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from cicd_agent.insights.accuracy.decisions import DecidedGate
from cicd_agent.insights.accuracy.gate_record import DeploymentOutcome, Fate, is_lifted
from cicd_agent.insights.accuracy.labels import Case, Ground, Truth
from cicd_agent.modes.deploy_gate.result import Band, Gated, GateDecision

GATE = "deploy-gate"
MAX_NEXT = 5
"""Decisions to proceed after a hold among which the one that got past it is looked for."""
_BY_COMMIT = frozenset({"red-check", "blocking-finding"})
_MEASURED = frozenset({"tests", "coverage"})
_GOOD = frozenset({Band.GREEN, Band.AMBER})


def gate_cases(
    decided: Sequence[DecidedGate],
    outcomes: Mapping[tuple[str, str], DeploymentOutcome],
    follows: Callable[[str, str], bool],
) -> tuple[Case, ...]:
    """A case for each commit and environment that was let through, held or lifted, by the last decision of that kind.

    `after` is by commit and environment. `follows` is whether the second commit is built on the first.
    """
    last = {_identity(each): each for each in sorted(decided, key=lambda each: each.at)}
    once = sorted(last.values(), key=lambda each: each.at)
    return tuple(_case(each, once[index + 1 :], outcomes, follows) for index, each in enumerate(once))


def _case(
    each: DecidedGate,
    later: Sequence[DecidedGate],
    outcomes: Mapping[tuple[str, str], DeploymentOutcome],
    follows: Callable[[str, str], bool],
) -> Case:
    gated = each.gated
    outcome = outcomes.get((gated.sha, gated.environment), DeploymentOutcome())
    if gated.decision is GateDecision.PROCEED:
        truth, ground = (Truth.UNKNOWN, Ground.LIFTED) if is_lifted(gated) else _proceeded(outcome)
    else:
        truth, ground = _held(each, later, outcome, follows)
    sources = ", ".join(source.replace("_", " ") for source in outcome.sources)
    return Case(
        GATE,
        truth,
        ground,
        repository=each.repository,
        at=each.at,
        sha=gated.sha,
        pull=each.pull,
        key=gated.hash,
        word=gated.decision,
        detail=f"{gated.environment}: {sources}" if sources else gated.environment,
    )


def _identity(each: DecidedGate) -> tuple[str, str, str, str, bool]:
    """A gate that waits says the same many times over, and is right or wrong only once."""
    gated = each.gated
    return each.repository, gated.environment, gated.sha, gated.decision, is_lifted(gated)


def _proceeded(outcome: DeploymentOutcome) -> tuple[Truth, Ground]:
    match outcome.fate:
        case Fate.BAD:
            return Truth.WRONG, Ground.WENT_WRONG
        case Fate.FINE:
            return Truth.RIGHT, Ground.WENT_WELL
        case Fate.UNKNOWN:
            return Truth.UNKNOWN, Ground.TOO_EARLY


def _held(
    each: DecidedGate, later: Sequence[DecidedGate], outcome: DeploymentOutcome, follows: Callable[[str, str], bool]
) -> tuple[Truth, Ground]:
    """A hold: what proceeded next to that environment, and whether that was this commit or one that mends it."""
    gated = each.gated
    next_there = islice((one for one in later if _lets_go(one, each)), MAX_NEXT)
    passed = next((one for one in next_there if _is_about(one, each, follows)), None)
    if passed is not None and passed.gated.sha != gated.sha:
        if not is_lifted(passed.gated) and fixed_causes(gated, passed.gated):
            return Truth.RIGHT, Ground.FIXED
        return Truth.UNKNOWN, Ground.TOO_EARLY
    if passed is not None and not is_lifted(passed.gated):
        return Truth.UNKNOWN, Ground.LATER
    return _passed(outcome) if passed is not None or outcome.deployed else (Truth.UNKNOWN, Ground.TOO_EARLY)


def _passed(outcome: DeploymentOutcome) -> tuple[Truth, Ground]:
    """A commit that went out although the gate had held it."""
    match outcome.fate:
        case Fate.FINE:
            return Truth.WRONG, Ground.OVERRIDDEN
        case Fate.BAD:
            return Truth.RIGHT, Ground.OVERRIDDEN_BAD
        case Fate.UNKNOWN:
            return Truth.UNKNOWN, Ground.TOO_EARLY


def _lets_go(one: DecidedGate, held: DecidedGate) -> bool:
    """Whether something goes to where the hold was."""
    there = (one.repository, one.gated.environment) == (held.repository, held.gated.environment)
    return there and one.gated.decision is GateDecision.PROCEED


def _is_about(one: DecidedGate, held: DecidedGate, follows: Callable[[str, str], bool]) -> bool:
    is_same_pull = 0 < one.pull == held.pull
    return one.gated.sha == held.gated.sha or is_same_pull or follows(held.gated.sha, one.gated.sha)


def fixed_causes(held: Gated, passed: Gated) -> frozenset[str]:
    """What a hold named and a commit can mend, that the later decision sees mended.

    A freeze ends, a check comes to its end, somebody reviews: none of that says that there was harm in the commit.
    """
    stood = {stop.id for stop in held.stops if not stop.lifted} & _BY_COMMIT
    red = {each.name for each in held.factors if each.band is Band.RED} & _MEASURED
    good = {each.name for each in passed.factors if each.band in _GOOD}
    return frozenset((stood - {stop.id for stop in passed.stops}) | (red & good))
