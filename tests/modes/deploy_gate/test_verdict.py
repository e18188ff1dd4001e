from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.event import Deployment
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import Incident, Match, ReviewState, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import Band, GateDecision, GateResult
from cicd_agent.settings.risk import RiskPolicy
from cicd_agent.settings.schema import Route
from tests.modes.deploy_gate.evidences import (
    APPROVED,
    AT,
    BASE,
    CHANGE,
    COMMIT,
    EVENT,
    HEAD,
    OLDER,
    PULL,
    SHA,
    check,
    decide,
    deployment,
    draft,
    evidence,
    finding,
    reading,
    readings,
    stops,
    with_gate,
    with_reading,
    word,
)
from tests.support.samples.changes import change_of

CLEAN = evidence()
OBJECTS = ("it raises a limit that the peer does not allow", "limit = 5")
UNPROVED = ("it drops a table", "DROP TABLE users")


def points(gated: GateResult) -> dict[str, float]:
    return {each.name: each.points for each in gated.factors}


def value_of_review(*reviews: ReviewState, **pull: Any) -> float | None:
    gated = decide(evidence(pulls=(replace(PULL, reviews=reviews, **pull),)))
    return next(each.value for each in gated.factors if each.name == "review")


def test_what_is_green_proceeds() -> None:
    gated = decide(CLEAN)
    assert (gated.decision, gated.conclusion, gated.stops) == (GateDecision.PROCEED, Conclusion.SUCCESS, ())
    assert (gated.score, gated.score_without, gated.reachable, gated.threshold) == (100, 100, 100, 75)
    assert (gated.sha, gated.environment) == (SHA, "production")
    assert (gated.would_proceed, gated.escalate, gated.confidence) == ((), (), None)


def test_the_gate_of_the_documents_example_holds() -> None:
    """Coverage fell, ours asks for changes, runs fail, and the model is not confident."""
    ours = ReviewState("ours", "CHANGES_REQUESTED", HEAD, is_person=False, is_ours=True)
    seen = evidence(
        readings=readings(reading("coverage", -3.0), reading("failures", 11.0)),
        pulls=(replace(PULL, reviews=(APPROVED, ours)),),
    )
    gated = decide(seen, draft(confidence_in_proceeding=0.4))
    assert gated.decision is GateDecision.HOLD
    assert points(gated) == {"tests": 35, "coverage": 8, "review": 12.5, "failures": 6, "model": 0}
    assert (gated.score, gated.confidence) == (61.5, 0.4)
    assert stops(gated) == {"score", "model"}
    assert gated.requires_approval


LOW_RISK, HIGH_RISK = CHANGE, change_of(("src/auth/login.py", "a = 1\n", "a = 2\n"))


@pytest.mark.parametrize(
    ("change", "brought", "settings", "expected"),
    [
        (LOW_RISK, {}, {}, ("proceed", False)),
        (HIGH_RISK, {}, {}, ("proceed", True)),
        (LOW_RISK, {"pulls": (replace(PULL, reviews=()),)}, {}, ("hold", True)),
        (HIGH_RISK, {"commits": (replace(COMMIT, match=Match.NONE),)}, {}, ("hold", False)),
        (HIGH_RISK, {"commits": (replace(COMMIT, match=Match.NONE),)}, {"enforce": "shadow"}, ("hold", True)),
        (LOW_RISK, {"pulls": (replace(PULL, reviews=()),)}, {"enforce": "shadow"}, ("hold", False)),
    ],
)
def test_whether_a_change_takes_an_approval_is_said_of_every_one(
    change: Change, brought: dict[str, Any], settings: dict[str, Any], expected: tuple[str, bool]
) -> None:
    """By its risk; of what is held, an approval has to be what lifts that, or a job would deploy what takes more."""
    risk = RiskPolicy(floors={"src/auth/**": "high"})
    gated = decide(evidence(change=change, **brought), risk=risk, **settings)
    assert (gated.decision, gated.requires_approval) == expected


def test_the_threshold_is_needed_with_the_model_and_without_it() -> None:
    seen = with_reading(CLEAN, reading("coverage", -5.0))
    assert decide(seen).score_without == 77.78
    unsure = decide(seen, draft(confidence_in_proceeding=0.6))
    assert (unsure.score, unsure.score_without, stops(unsure)) == (70, 77.78, {"score"})
    # The other way round a model that is sure does not help over what the rules do not reach.
    low = with_reading(CLEAN, reading("coverage", -5.0), reading("failures", 9.0))
    sure = decide(low, draft(confidence_in_proceeding=1.0))
    assert (sure.score, sure.score_without) == (77.33, 74.81)
    assert (sure.decision, stops(sure)) == (GateDecision.HOLD, {"score"})


@pytest.mark.parametrize(
    ("knobs", "conclusion"),
    [
        ({}, Conclusion.FAILURE),
        ({"enforce": "shadow"}, Conclusion.NEUTRAL),
        ({"enforce": "output"}, Conclusion.NEUTRAL),
    ],
)
def test_what_a_hold_does_is_a_setting(knobs: dict[str, Any], conclusion: Conclusion) -> None:
    gated = decide(evidence(checks=()), **knobs)
    assert (gated.decision, gated.conclusion) == (GateDecision.HOLD, conclusion)
    assert gated.enforced is (knobs.get("enforce") != "shadow")
    assert gated.effective == ("proceed" if knobs.get("enforce") == "shadow" else "hold")


@pytest.mark.parametrize(
    ("review", "value"),
    [
        (APPROVED, 1),
        (replace(APPROVED, commit=BASE), 0),
        (replace(APPROVED, state="DISMISSED"), 0),
        (replace(APPROVED, state="COMMENTED"), 0),
        (replace(APPROVED, author="ADA"), 0),
        (replace(APPROVED, author=""), 0),
        (replace(APPROVED, can_write=False), 0),
        (replace(APPROVED, is_person=False), 0),
        (replace(APPROVED, is_ours=True), 0),
    ],
)
def test_an_approval_counts_when_a_person_gave_it_to_what_is_deployed(review: ReviewState, value: float) -> None:
    assert value_of_review(review) == value


def test_whoever_wrote_a_commit_of_it_does_not_approve_it() -> None:
    assert value_of_review(APPROVED, authors=("ada", "Rita")) == 0


def test_requests_for_changes_count_against() -> None:
    asks = replace(APPROVED, author="rob", state="CHANGES_REQUESTED", commit=BASE)
    assert value_of_review(APPROVED, asks) == 0
    assert value_of_review(APPROVED, replace(asks, is_ours=True, is_person=False)) == 0.5
    assert value_of_review(APPROVED, replace(asks, is_person=False)) == 0.5
    assert value_of_review(replace(asks, is_ours=True)) == 0


def test_whoever_may_not_write_keeps_nobody_from_deploying() -> None:
    asks = replace(APPROVED, author="passer-by", state="CHANGES_REQUESTED", can_write=False)
    gated = decide(evidence(pulls=(replace(PULL, reviews=(APPROVED, asks)),)))
    review = next(each for each in gated.factors if each.name == "review")
    assert (gated.decision, review.value) == (GateDecision.PROCEED, 1)
    assert review.words == "approved by 1, somebody without write access asks for changes"


def test_one_commit_that_nobody_approved_is_not_made_up_for_by_the_others() -> None:
    other = replace(PULL, number=13, reviews=())
    commits = (COMMIT, COMMIT, COMMIT, replace(COMMIT, pull=13))
    gated = decide(evidence(commits=commits, pulls=(PULL, other)))
    review = next(each for each in gated.factors if each.name == "review")
    assert (review.value, review.words) == (0, "nobody but the author has approved #13")
    # However good the rest is: 40 commits that were approved would carry it otherwise.
    many = decide(
        evidence(commits=(*[COMMIT] * 40, replace(COMMIT, pull=13)), pulls=(PULL, other)), not_applicable=["coverage"]
    )
    assert (many.decision, many.score) == (
        GateDecision.HOLD,
        decide(evidence(pulls=(other,), commits=(replace(COMMIT, pull=13),)), not_applicable=["coverage"]).score,
    )


def test_an_approval_of_something_else_than_what_is_deployed_is_worth_nothing() -> None:
    gated = decide(evidence(commits=(COMMIT, replace(COMMIT, match=Match.NONE))))
    assert next(each.value for each in gated.factors if each.name == "review") == 0


def test_without_a_pull_request_the_review_is_missing() -> None:
    gated = decide(evidence(commits=(replace(COMMIT, pull=0),), pulls=()))
    assert next(each.band for each in gated.factors if each.name == "review") is Band.MISSING


DOWN = Incident(5, "down", AT - 60)


@pytest.mark.parametrize("state", ["failure", "error"])
def test_another_attempt_after_a_deployment_that_merely_failed_is_no_rollback(state: str) -> None:
    """The network was lost under the script, and all jobs are run again."""
    past = (deployment(SHA, state, id=9), deployment(BASE, id=8))
    assert decide(evidence(deployments=past)).decision is GateDecision.PROCEED
    red = decide(evidence(deployments=past, checks=(check("unit", "failure"),)))
    assert (red.decision, stops(red)) == (GateDecision.HOLD, {"red-check"})


def test_it_rolls_back_what_failed_and_did_harm() -> None:
    for state in ("failure", "error"):
        past = (deployment(SHA, state, id=9), deployment(BASE, "failure", id=8), deployment(OLDER, id=7))
        gated = decide(evidence(deployments=past, incidents=(DOWN,)))
        assert (gated.decision, gated.rollback_to) == (GateDecision.ROLLBACK, OLDER)
        assert (gated.conclusion, gated.requires_approval) == (Conclusion.FAILURE, False)


def test_a_deployment_that_nobody_told_anything_of_is_not_what_runs_there() -> None:
    past = (deployment(OLDER, "", id=9), deployment(SHA, "failure", id=8), deployment(BASE))
    gated = decide(evidence(deployments=past, incidents=(DOWN,)))
    assert (gated.decision, gated.rollback_to) == (GateDecision.ROLLBACK, BASE)


def test_it_rolls_back_what_an_incident_or_a_red_check_came_after() -> None:
    past = (deployment(SHA, id=9), deployment(OLDER, id=7))
    after, before = (Incident(5, "down", when) for when in (AT - 60, AT - 86_400))
    assert decide(evidence(deployments=past, incidents=(after,))).decision is GateDecision.ROLLBACK
    assert decide(evidence(deployments=past, incidents=(before,))).decision is GateDecision.HOLD
    red = evidence(deployments=past, checks=(check("unit", "failure"),))
    assert decide(red).decision is GateDecision.ROLLBACK


def test_it_goes_back_to_what_was_replaced_and_not_to_what_failed_after_it_had_succeeded() -> None:
    replaced = deployment(OLDER, "inactive", id=3, succeeded=AT - 9_000)
    broke = deployment(BASE, "failure", id=4, succeeded=AT - 9_000)
    past = (deployment(SHA, "failure"), broke, replaced)
    gated = decide(evidence(deployments=past, incidents=(DOWN,)))
    assert (gated.decision, gated.rollback_to) == (GateDecision.ROLLBACK, OLDER)


def test_without_a_place_to_go_back_to_it_holds_and_says_so() -> None:
    past = (deployment(SHA, "failure"), deployment(SHA, id=6), deployment(OLDER, "error", id=5))
    gated = decide(evidence(deployments=past, incidents=(DOWN,)))
    assert (gated.decision, gated.rollback_to) == (GateDecision.HOLD, "")
    assert any("no earlier deployment is known to have succeeded" in each.remedy for each in gated.stops)


def test_what_was_only_held_or_asked_for_is_no_deployment_that_failed() -> None:
    """The deployment that the event is about, one without a status, and one that a gate held."""
    held = deployment(SHA, "failure", held=True)
    assert decide(evidence(deployments=(held, deployment(BASE, id=6)))).decision is GateDecision.PROCEED
    own = replace(EVENT, deployment=Deployment(7, "production", SHA))
    failed = (deployment(SHA, "failure"), deployment(BASE, id=6))
    assert decide(evidence(event=own, deployments=failed)).decision is GateDecision.PROCEED
    asked = (deployment(SHA, ""), deployment(BASE, id=6))
    assert decide(evidence(deployments=asked)).decision is GateDecision.PROCEED


def test_people_may_deploy_again_what_failed() -> None:
    seen = evidence(deployments=(deployment(SHA, "failure"), deployment(OLDER, id=6)), incidents=(DOWN,))
    said = word(decide(seen).hash, "override", reason="the runner was lost")
    assert decide(with_gate(seen, words=(said,))).decision is GateDecision.PROCEED


def test_a_proved_objection_to_a_grave_risk_holds_and_an_unproved_one_does_not() -> None:
    grave = decide(CLEAN, draft(OBJECTS, risk_level="high"))
    assert (grave.decision, stops(grave)) == (GateDecision.HOLD, {"model"})
    assert grave.risk.level is RiskLevel.HIGH
    mild = decide(CLEAN, draft(OBJECTS, risk_level="medium"))
    assert (mild.decision, mild.risk.level) == (GateDecision.PROCEED, RiskLevel.MEDIUM)
    made_up = decide(CLEAN, draft(UNPROVED, risk_level="critical"))
    assert (made_up.decision, made_up.risk.level) == (GateDecision.PROCEED, RiskLevel.LOW)
    assert len(made_up.dropped) == 1
    assert any("could not be proved" in each for each in made_up.escalate)


def test_too_little_confidence_needs_no_proof() -> None:
    assert stops(decide(CLEAN, draft(confidence_in_proceeding=0.59))) == {"model"}
    assert decide(CLEAN, draft(confidence_in_proceeding=0.6)).decision is GateDecision.PROCEED


def test_the_worst_of_several_answers_counts() -> None:
    gated = decide(CLEAN, draft(confidence_in_proceeding=0.99), draft(confidence_in_proceeding=0.3))
    assert (gated.decision, gated.confidence) == (GateDecision.HOLD, 0.3)


def test_a_model_never_lowers_the_risk() -> None:
    found = [finding(Severity.CRITICAL)]
    assert decide(CLEAN, draft(OBJECTS, risk_level="low"), found=found).risk.level is RiskLevel.CRITICAL


def test_a_finding_that_the_change_itself_silences_still_weighs() -> None:
    line = "limit = 5  # cicd-agent: ignore[sql-injection] it is fine\n"
    seen = evidence(change=change_of(("src/client.py", "limit = 3\n", line)))
    gated = decide(seen, found=[finding(Severity.HIGH)])
    assert gated.risk.level is RiskLevel.HIGH


def test_without_the_change_the_risk_is_critical() -> None:
    gated = decide(evidence(change=None))
    assert gated.risk.level is RiskLevel.CRITICAL
    assert "could not be read" in gated.risk.reasons[0].text
    assert stops(gated) == {"fault-change"}


def test_evidence_of_nothing_holds() -> None:
    gated = decide(CLEAN.put(GATE, None))
    assert gated.decision is GateDecision.HOLD
    assert stops(gated) == {"no-commit", "no-environment"}
    assert gated.would_proceed == ("no-commit: set `sha`; and no-environment: set `environment`",)
    assert not gated.requires_approval


@pytest.mark.parametrize(
    ("severity", "knobs", "strategy", "percentage"),
    [
        (None, {}, "rolling", 0),
        (Severity.MEDIUM, {}, "rolling", 0),
        (Severity.HIGH, {}, "canary", 10),
        (Severity.CRITICAL, {}, "canary", 5),
        (Severity.HIGH, {"routes": {"high": Route(canary_percentage=25)}}, "canary", 25),
        (Severity.HIGH, {"routes": {"high": Route(strategy="blue_green")}}, "blue_green", 0),
        (None, {"routes": {"low": Route(strategy="direct", canary_percentage=25)}}, "direct", 0),
        (None, {"routes": {"low": Route(strategy="canary")}}, "canary", 25),
    ],
)
def test_the_strategy_is_as_careful_as_the_risk_asks_for(
    severity: Severity | None, knobs: dict[str, Any], strategy: str, percentage: int
) -> None:
    gated = decide(CLEAN, found=[finding(severity)] if severity else [], **knobs)
    assert (gated.strategy, gated.canary_percentage) == (strategy, percentage)


def test_what_takes_back_is_a_hotfix() -> None:
    seen = evidence(commits=(replace(COMMIT, subject='Revert "Raise the limit"'),))
    assert (decide(seen).strategy, decide(seen).canary_percentage) == ("hotfix", 0)


def test_with_traffic_it_says_what_the_canary_sees() -> None:
    gated = decide(with_gate(CLEAN, traffic=120.0), found=[finding(Severity.HIGH)])
    assert gated.sight is not None
    assert (gated.sight.percentage, gated.sight.per_minute, gated.sight.minutes) == (10, 120, 30)
    assert f"{100 * gated.sight.detectable:.1f} % of requests fail for 30 minutes" in gated.rollback_trigger
    assert any("twice the failures" in each for each in gated.monitoring_focus)
    assert decide(CLEAN, found=[finding(Severity.HIGH)], traffic_per_minute=120).sight == gated.sight
    assert decide(CLEAN, found=[finding(Severity.HIGH)]).sight is None


def test_advice_is_about_what_changed_and_names_the_models_own() -> None:
    change = change_of(
        ("app/migrations/0042_drop.sql", None, "DROP TABLE a;\n"), ("examples/Dockerfile", None, "FROM scratch\n")
    )
    said = draft(pre_deploy_checks=("ask\nthe shop",), monitoring_focus=("orders",), rollback_trigger="orders stop")
    gated = decide(evidence(change=change), said)
    assert gated.pre_deploy_checks == (
        "take a backup and try the migration, and its way back, on a copy of the data",
        "ask the shop (model)",
    )
    assert gated.monitoring_focus[-2:] == ("time and locks of database queries", "orders (model)")
    assert gated.rollback_trigger == (
        "roll back when more than 1.1 % of requests fail for 5 minutes (normal: 0.1 %); orders stop (model)"
    )


def test_it_says_what_would_make_it_proceed() -> None:
    gated = decide(with_reading(CLEAN, reading("coverage", -5.0), reading("failures", 11.0)))
    assert gated.would_proceed == (
        "coverage at −4.6 points or better",
        "failures at 8.7 % or better",
        f"an approval of {gated.hash}",
    )
    missing = decide(with_reading(CLEAN, reading("tests", state=State.MISSING)))
    assert "tests measured, at 96.8 % or better" in missing.would_proceed
    red = decide(evidence(checks=(check("unit", "failure"),)))
    assert red.would_proceed == ("red-check: fix what it shows", f"an override of {red.hash}, with a reason")
    both = decide(evidence(checks=(check("unit", "failure"),), pulls=(replace(PULL, reviews=()),)))
    review = "every commit approved by somebody who did not write it, and no changes requested"
    assert both.would_proceed[0].startswith(review)
    assert both.would_proceed[0].endswith("; and red-check: fix what it shows")
    assert both.would_proceed[1:] == (f"an override of {both.hash}, with a reason",)
    broken = decide(evidence(policy=("broken",)))
    assert not any(broken.hash in each for each in broken.would_proceed)
