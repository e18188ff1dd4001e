"""A gate is judged by what came of what it let through, and by what it took to get past what it held."""

from collections.abc import Mapping, Sequence

import pytest

from cicd_agent.analysis.risk.outcome_labels import Source
from cicd_agent.domain.gate_evidence import State
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel
from cicd_agent.insights.accuracy.decisions import DecidedGate
from cicd_agent.insights.accuracy.gate import MAX_NEXT, DeploymentOutcome, Fate, fixed_causes, gate_cases
from cicd_agent.insights.accuracy.labels import Ground, Truth
from cicd_agent.modes.deploy_gate.result import Band, Factor, GateDecision, GateResult, Hold, LiftedBy

OLD, NEW, OTHER = "a" * 40, "b" * 40, "c" * 40
RED = Factor("tests", State.KNOWN, Band.RED, 40, 0)
GREEN = Factor("tests", State.KNOWN, Band.GREEN, 40, 40)
STOP = Hold("red-check", "a check is red", LiftedBy.NOBODY)
LIFTED = Hold("red-check", "a check is red", LiftedBy.OVERRIDE, lifted="maintainer: urgent")
FINE = DeploymentOutcome(deployed=True, fate=Fate.FINE)
BAD = DeploymentOutcome(deployed=True, fate=Fate.BAD, sources=(Source.ROLLBACK,))
PROCEED, HOLD, ROLLBACK = GateDecision.PROCEED, GateDecision.HOLD, GateDecision.ROLLBACK


def decided(
    sha: str,
    decision: GateDecision,
    at: int,
    *stops: Hold,
    factors: Sequence[Factor] = (GREEN,),
    pull: int = 0,
    environment: str = "production",
) -> DecidedGate:
    gated = GateResult(
        Conclusion.NEUTRAL,
        decision,
        environment,
        sha,
        score=80,
        score_without=80,
        threshold=75,
        reachable=100,
        risk=Risk(RiskLevel.LOW, 3),
        hash=f"{at:016x}",
        factors=tuple(factors),
        stops=stops,
        at=at,
    )
    return DecidedGate(gated, "o/r", pull)


def labels(*each: DecidedGate, after: Mapping[str, DeploymentOutcome] | None = None) -> list[tuple[str, Truth, Ground]]:
    known = {(sha, "production"): then for sha, then in (after or {}).items()}
    cases = gate_cases(each, known, lambda old, new: (old, new) == (OLD, NEW))
    return [(case.word, case.truth, case.ground) for case in cases]


HELD = decided(OLD, HOLD, 1, STOP, factors=[RED])


@pytest.mark.parametrize(
    ("then", "label"),
    [
        (FINE, (Truth.RIGHT, Ground.WENT_WELL)),
        (BAD, (Truth.WRONG, Ground.WENT_WRONG)),
        (DeploymentOutcome(), (Truth.UNKNOWN, Ground.TOO_EARLY)),
    ],
)
def test_to_proceed_was_right_when_nothing_happened(then: DeploymentOutcome, label: tuple[Truth, Ground]) -> None:
    assert labels(decided(OLD, PROCEED, 1), after={OLD: then}) == [("proceed", *label)]


def test_what_a_person_lifted_is_no_proceeding_of_the_gate_but_judges_its_hold() -> None:
    over = decided(OLD, PROCEED, 2, LIFTED)
    proceeded = ("proceed", Truth.UNKNOWN, Ground.LIFTED)
    assert labels(HELD, over, after={OLD: FINE}) == [("hold", Truth.WRONG, Ground.OVERRIDDEN), proceeded]
    assert labels(HELD, over, after={OLD: BAD}) == [("hold", Truth.RIGHT, Ground.OVERRIDDEN_BAD), proceeded]
    assert labels(HELD, over) == [("hold", Truth.UNKNOWN, Ground.TOO_EARLY), proceeded]


@pytest.mark.parametrize(
    ("passed", "ground"),
    [
        (decided(NEW, PROCEED, 2), Ground.FIXED),
        (decided(NEW, PROCEED, 2, LIFTED), Ground.TOO_EARLY),
        (decided(NEW, PROCEED, 2, STOP, factors=[RED]), Ground.TOO_EARLY),
        (decided(NEW, PROCEED, 0), Ground.TOO_EARLY),
        (decided(OTHER, PROCEED, 2), Ground.TOO_EARLY),
        (decided(NEW, PROCEED, 2, environment="staging"), Ground.TOO_EARLY),
        (decided(OLD, PROCEED, 2), Ground.LATER),
    ],
    ids=["mended", "overridden", "the same still stands", "before", "another change", "elsewhere", "no new commit"],
)
def test_a_hold_was_right_when_a_new_commit_mended_what_it_named(passed: DecidedGate, ground: Ground) -> None:
    found = next(label for label in labels(HELD, passed, after={OLD: DeploymentOutcome()}) if label[0] == "hold")
    assert found == ("hold", Truth.RIGHT if ground is Ground.FIXED else Truth.UNKNOWN, ground)


def test_a_rebased_commit_of_the_same_pull_request_mends_as_well() -> None:
    held, passed = decided(OLD, HOLD, 1, STOP, pull=5), decided(OTHER, PROCEED, 2, pull=5)
    assert labels(held, passed)[0] == ("hold", Truth.RIGHT, Ground.FIXED)


def test_what_proceeded_long_after_a_hold_is_not_laid_to_it() -> None:
    others = [decided(f"{number:040x}", PROCEED, number) for number in range(2, 2 + MAX_NEXT)]
    assert labels(HELD, *others[1:], decided(NEW, PROCEED, 90))[0][1] is Truth.RIGHT
    assert labels(HELD, *others, decided(NEW, PROCEED, 90))[0][1] is Truth.UNKNOWN


def test_a_hold_past_which_it_was_deployed_is_judged_by_that() -> None:
    assert labels(HELD, after={OLD: FINE}) == [("hold", Truth.WRONG, Ground.OVERRIDDEN)]
    assert labels(HELD, after={OLD: BAD}) == [("hold", Truth.RIGHT, Ground.OVERRIDDEN_BAD)]
    not_deployed = DeploymentOutcome(deployed=False, fate=Fate.FINE)
    assert labels(HELD, after={OLD: not_deployed}) == [("hold", Truth.UNKNOWN, Ground.TOO_EARLY)]
    back = decided(OLD, ROLLBACK, 1, STOP)
    assert labels(back, after={OLD: FINE}) == [("rollback", Truth.WRONG, Ground.OVERRIDDEN)]


def test_a_gate_that_looked_many_times_counts_once() -> None:
    holds = [decided(OLD, HOLD, at, STOP) for at in range(1, 9)]
    assert len(labels(*holds, decided(NEW, PROCEED, 9), after={NEW: FINE})) == 2


MISSING = Factor("coverage", State.MISSING, Band.MISSING, 20, 0)


@pytest.mark.parametrize(
    ("stop", "before", "after", "what"),
    [
        ("red-check", GREEN, GREEN, {"red-check"}),
        ("blocking-finding", GREEN, GREEN, {"blocking-finding"}),
        ("score", RED, GREEN, {"tests"}),
        ("score", RED, RED, set()),
        ("score", RED, MISSING, set()),
        ("score", MISSING, GREEN, set()),
        ("freeze", GREEN, GREEN, set()),
        ("pending-check", GREEN, GREEN, set()),
        ("unreviewed", GREEN, GREEN, set()),
        ("incident", GREEN, GREEN, set()),
        ("fault-tests", GREEN, GREEN, set()),
    ],
)
def test_only_what_a_commit_can_mend_was_mended_by_one(
    stop: str, before: Factor, after: Factor, what: set[str]
) -> None:
    held = decided(OLD, HOLD, 1, Hold(stop, "", LiftedBy.APPROVAL), factors=[before])
    passed = decided(NEW, PROCEED, 2, factors=[after])
    assert fixed_causes(held.gated, passed.gated) == what
    assert labels(held, passed)[0][1] is (Truth.RIGHT if what else Truth.UNKNOWN)
    again = decided(NEW, PROCEED, 2, Hold(stop, "", LiftedBy.APPROVAL, lifted="x"), factors=[before])
    assert fixed_causes(held.gated, again.gated) == set(), "what a person lifted still stands"
