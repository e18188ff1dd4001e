from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import FACTS, SIGNALS, CheckState, Deployed, Incident, Match, State
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult, Hold, LiftedBy
from cicd_agent.settings.schema import Freeze
from tests.modes.deploy_gate.evidences import (
    AT,
    BASE,
    COMMIT,
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
)

CLEAN = evidence()


def stop(gated: GateResult, name: str) -> Hold:
    (found,) = [each for each in gated.stops if each.id == name]
    return found


ONE_STOP: dict[str, tuple[Evidence, str, LiftedBy]] = {
    "a required check failed": (evidence(checks=(check("unit", "failure"),)), "red-check", LiftedBy.OVERRIDE),
    "a required check was cancelled": (evidence(checks=(check("unit", "cancelled"),)), "red-check", LiftedBy.OVERRIDE),
    "a required check has no word": (evidence(checks=(check("unit", ""),)), "red-check", LiftedBy.OVERRIDE),
    "one of two of a name failed": (
        evidence(checks=(check("unit"), check("unit", "failure", app="other"))), "red-check", LiftedBy.OVERRIDE,
    ),
    "a required check goes on": (
        evidence(checks=(CheckState("unit", "in_progress"),)), "pending-check", LiftedBy.NOBODY,
    ),
    "a required check of our own run": (
        evidence(checks=(CheckState("unit", "queued", own=True),)), "pending-check", LiftedBy.OVERRIDE,
    ),
    "a required check is not there": (evidence(checks=()), "missing-check", LiftedBy.OVERRIDE),
    "nobody knows what is required": (evidence(required=None), "fault-required", LiftedBy.APPROVAL),
    "an incident is open": (evidence(incidents=(Incident(5, "Down", AT - 60),)), "incident", LiftedBy.APPROVAL),
    "no budget is left": (evidence(error_budget=0.0), "budget", LiftedBy.OVERRIDE),
    "the budget is no number": (evidence(error_budget=float("nan")), "fault-budget", LiftedBy.APPROVAL),
    "the configuration is broken": (evidence(policy=("`treshold` is no key",)), "policy", LiftedBy.NOBODY),
    "the event is none of ours": (evidence(unserved="it does not serve `schedule`"), "event", LiftedBy.NOBODY),
    "nobody knows the commit": (evidence(sha=""), "no-commit", LiftedBy.NOBODY),
    "nobody knows the environment": (evidence(environment=""), "no-environment", LiftedBy.NOBODY),
    "the change could not be read": (evidence(change=None), "fault-change", LiftedBy.APPROVAL),
    "the tests are old": (
        with_reading(CLEAN, reading("tests", 100.0, measured=AT - 169 * 3600)), "fault-tests", LiftedBy.APPROVAL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ONE_STOP)
def test_each_of_these_holds_and_says_who_may_lift_it(what: str) -> None:
    seen, name, lift = ONE_STOP[what]
    gated = decide(seen)
    assert gated.decision is GateDecision.HOLD
    assert stop(gated, name).lift is lift
    assert stop(gated, name).text
    assert gated.requires_approval is (lift is LiftedBy.APPROVAL)


@pytest.mark.parametrize("state", [each for each in State if each not in {State.KNOWN, State.MISSING, State.ABSENT}])
@pytest.mark.parametrize("name", [*SIGNALS, *FACTS])
def test_every_single_fault_holds_with_its_name(name: str, state: State) -> None:
    value = {"tests": 100.0, "coverage": 1.0, "review": 1.0, "failures": 0.0, "model": 1.0}.get(name)
    said = [draft(confidence_in_proceeding=1.0)] if name == "model" else []
    gated = decide(with_reading(CLEAN, reading(name, value, state, problem="502 from the server")), *said)
    assert gated.decision is GateDecision.HOLD
    assert name in stop(gated, f"fault-{name}").text
    assert "502 from the server" in stop(gated, f"fault-{name}").text
    assert state in stop(gated, f"fault-{name}").text


@pytest.mark.parametrize("name", ["checks", "required", "origins", "deployments", "incidents"])
def test_what_nobody_looked_for_holds(name: str) -> None:
    gated = decide(evidence(readings=tuple(each for each in readings() if each.name != name)))
    assert stops(gated) == {f"fault-{name}"}


def test_a_fault_of_what_has_no_name_of_ours_holds_as_well() -> None:
    seen = with_reading(CLEAN, reading("traffic", state=State.NONSENSE, problem="-3 is no number of requests"))
    assert stops(decide(seen)) == {"fault-traffic"}


def test_a_fact_that_is_not_there_is_no_fault() -> None:
    seen = with_reading(CLEAN, *(reading(name, state=State.MISSING) for name in ("deployments", "budget", "history")))
    assert decide(seen).decision is GateDecision.PROCEED


def test_the_fault_of_a_signal_that_is_not_applicable_is_nobodys() -> None:
    seen = with_reading(CLEAN, reading("coverage", state=State.ERROR))
    assert decide(seen, not_applicable=("coverage",)).decision is GateDecision.PROCEED


def test_checks_that_the_config_requires_count_beside_those_of_the_rulesets() -> None:
    gated = decide(CLEAN, required_checks=("unit", "scan", "lint"))
    assert stop(gated, "missing-check").about == ("scan",)


@pytest.mark.parametrize("conclusion", ["success", "neutral", "skipped"])
def test_what_satisfies_github_satisfies_the_gate(conclusion: str) -> None:
    assert decide(evidence(checks=(check("unit", conclusion),))).decision is GateDecision.PROCEED


def test_a_check_that_is_not_required_holds_nothing() -> None:
    assert decide(evidence(checks=(check("unit"), check("lint", "failure")))).decision is GateDecision.PROCEED


@pytest.mark.parametrize(
    ("severity", "confidence", "knobs", "held"),
    [
        (Severity.HIGH, 1.0, {}, True),
        (Severity.CRITICAL, 0.7, {}, True),
        (Severity.CRITICAL, 0.69, {}, False),
        (Severity.MEDIUM, 1.0, {}, False),
        (Severity.MEDIUM, 1.0, {"fail_on": "medium"}, True),
        (Severity.HIGH, 1.0, {"fail_on": "critical"}, False),
        (Severity.HIGH, 1.0, {"rules": {"sql-injection": "off"}}, False),
        (Severity.LOW, 1.0, {"rules": {"sql-injection": "critical"}}, True),
        (Severity.HIGH, 1.0, {"paths_ignore": ("src/",)}, False),
    ],
)
def test_findings_of_rules_block_from_high_on_or_as_it_is_set(
    severity: Severity, confidence: float, knobs: dict[str, Any], *, held: bool
) -> None:
    found = finding(severity, confidence=confidence)
    gated = decide(CLEAN, found=[found], **knobs)
    assert ("blocking-finding" in stops(gated)) is held
    assert gated.blocking == ((found.fingerprint,) if held else ())


def test_what_nobody_reviewed_holds() -> None:
    seen = evidence(commits=(COMMIT, Deployed("e" * 40, "Quick fix")))
    gated = decide(seen)
    assert {"unreviewed"} <= stops(gated)
    assert gated.review_match is Match.NONE
    assert "1 commit of 2 was not reviewed" in stop(gated, "unreviewed").text


def test_where_nobody_reviews_by_policy_nothing_waits_for_it() -> None:
    gated = decide(evidence(commits=(replace(COMMIT, match=Match.NONE, pull=0),), pulls=()), not_applicable=("review",))
    assert (gated.decision, gated.review_match) == (GateDecision.PROCEED, Match.NONE)
    assert gated.not_applicable == ("review",)


def test_where_it_is_not_known_what_comes_it_is_not_reviewed() -> None:
    for past in ((), (deployment(BASE, "failure"),), (deployment(OLDER),)):
        gated = decide(evidence(commits=(), deployments=past))
        assert "it is not known which commits" in stop(gated, "unreviewed").text


def test_what_was_deployed_before_needs_no_review_again() -> None:
    gated = decide(evidence(commits=(), pulls=(), deployments=(deployment(SHA),)))
    assert (gated.decision, gated.review_match) == (GateDecision.PROCEED, Match.EXACT)


def test_what_runs_there_already_needs_no_review_again_and_no_budget() -> None:
    """A commit that what runs there contains: somebody goes back by hand."""
    gated = decide(evidence(commits=(), pulls=(), error_budget=-1.0))
    assert (gated.decision, gated.review_match) == (GateDecision.PROCEED, Match.EXACT)
    assert gated.exempt == "it brings no commit that does not run here already"


@pytest.mark.parametrize("state", ["failure", "", "inactive", "in_progress"])
def test_only_what_succeeded_was_deployed_before(state: str) -> None:
    seen = evidence(commits=(), pulls=(), deployments=(deployment(OLDER), deployment(SHA, state, id=2)))
    assert decide(seen).decision is GateDecision.HOLD


def test_a_freeze_holds_and_names_itself_its_owner_and_its_end() -> None:
    freeze = Freeze(ends="2026-12-31", owner="the shop")
    gated = decide(CLEAN, freezes={"year end": freeze})
    assert stop(gated, "freeze").lift is LiftedBy.OVERRIDE
    for part in ("year end", "the shop", "2027-01-01 00:00 UTC"):
        assert part in stop(gated, "freeze").text
    assert decide(CLEAN, freezes={"staging": replace_environments(freeze)}).decision is GateDecision.PROCEED


def replace_environments(freeze: Freeze) -> Freeze:
    return freeze.model_copy(update={"environments": ("staging",)})


def test_a_freeze_that_nobody_understands_holds_until_it_is_mended() -> None:
    gated = decide(CLEAN, freezes={"xmas": Freeze(cron="whenever", hours=3)})
    assert stop(gated, "policy").lift is LiftedBy.NOBODY
    assert "`xmas`" in stop(gated, "policy").text


@pytest.mark.parametrize(
    ("commits", "labels", "exempt"),
    [
        ((replace(COMMIT, subject='Revert "Raise the limit"'),), (), True),
        ((replace(COMMIT, subject="revert(api): raise the limit"),), (), True),
        ((replace(COMMIT, subject="Reverted expectations"),), (), False),
        ((COMMIT,), ("Hotfix",), True),
        ((COMMIT,), ("security",), True),
        ((COMMIT,), ("feature",), False),
        ((replace(COMMIT, subject="Revert it", pull=0), replace(COMMIT, subject="Add it", pull=0)), (), False),
    ],
)
def test_what_repairs_is_exempt_from_the_budget(
    commits: tuple[Deployed, ...], labels: tuple[str, ...], *, exempt: bool
) -> None:
    gated = decide(evidence(error_budget=-0.2, commits=commits, pulls=(replace(PULL, labels=labels),)))
    assert ("budget" not in stops(gated)) is exempt
    assert bool(gated.exempt) is exempt


def test_a_policy_that_cannot_be_reached_says_so_with_the_remedy() -> None:
    seen = with_reading(CLEAN, reading("coverage", state=State.MISSING), reading("failures", state=State.MISSING))
    gated = decide(seen, threshold=75)
    told = stop(gated, "unreachable")
    assert told.text == (
        "this policy cannot reach 75: coverage is missing (22.2 points) and failures is missing (11.1 points);"
        " the best is 66.67"
    )
    assert "not-applicable: [coverage, failures]" in told.remedy
    assert "unreachable" not in stops(decide(seen, not_applicable=("coverage",)))


def test_a_policy_without_any_weight_never_proceeds() -> None:
    for knobs in (
        {"weights": dict.fromkeys(SIGNALS, 0.0)},
        {"not_applicable": SIGNALS},
        {"weights": {**dict.fromkeys(SIGNALS, 0.0), "model": 10.0}},
    ):
        gated = decide(CLEAN, draft(confidence_in_proceeding=1.0), threshold=0, **knobs)
        assert gated.decision is GateDecision.HOLD
        assert "can never proceed" in stop(gated, "unreachable").text


def test_a_model_is_required_only_where_the_policy_says_so() -> None:
    assert decide(CLEAN).decision is GateDecision.PROCEED
    assert stop(decide(CLEAN, require_model="on"), "no-model").lift is LiftedBy.APPROVAL
    assert decide(CLEAN, draft(), require_model="on").decision is GateDecision.PROCEED


def test_a_required_check_of_many_is_named_and_the_rest_counted() -> None:
    names = tuple(f"job {number}" for number in range(7))
    text = stop(decide(with_gate(CLEAN, required=names)), "missing-check").text
    assert "`job 4` and 2 more were not run" in text
