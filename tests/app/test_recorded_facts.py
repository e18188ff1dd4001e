"""Of a decision the facts that are known for sure are left for later runs, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.app.recorder import MAX_VALUE, extract_facts
from cicd_agent.app.run_record import Decision
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause, Fact, FactKind
from cicd_agent.domain.gate_evidence import State
from cicd_agent.domain.repository.change import ChangeSource
from cicd_agent.domain.trials.patch_trial import Step, TrialReport
from cicd_agent.domain.trials.test_run import Outcome, TestOutcome
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner, Risk, RiskLevel, Verdict
from cicd_agent.modes import modes
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, Failure
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.route.result import Cells, RouteResult
from tests.modes.deploy_gate.evidences import AT, BASE, SHA, decide, evidence, reading, with_reading
from tests.support.samples.changes import change_of

HEAD = "d" * 40
EVENT = Event(EventKind.PULL_REQUEST, repo="o/r", sha=HEAD, head=Ref("topic", HEAD), base=Ref("main", BASE))
CHANGE = change_of(("a.py", "x\n", "y\n"))
RISK = Risk(RiskLevel.HIGH, 71, percentile=88)
VERDICT = Verdict(Conclusion.NEUTRAL, "request_changes", 0.914, RISK, blocking=("f1", "f2"))


def glean(mode: str, outputs: dict[str, str] | None = None, event: Event = EVENT, **judged: Any) -> tuple[Fact, ...]:
    found = judged.pop("evidence", Evidence(event, CHANGE))
    return extract_facts(
        modes()[mode],
        Decision(mode, event, Account(), Plan(), found, **judged),
        outputs or {},
        "o/r",
        event_id="12.1",
        at=AT,
    )


def values(facts: tuple[Fact, ...]) -> dict[str, dict[str, str]]:
    return {fact.kind.value: dict(fact.values) for fact in facts}


def test_a_review_leaves_what_it_came_to_by_commit() -> None:
    (fact,) = glean("review", result=VERDICT)
    assert fact == Fact(
        "o/r",
        FactKind.REVIEW,
        HEAD,
        AT,
        "review",
        HEAD,
        "topic",
        "12.1",
        {
            "decision": "request_changes",
            "risk_level": "high",
            "risk_score": "71",
            "blocking": "2",
            "findings": "0",
            "confidence": "0.914",
        },
    )


def test_what_declined_answered_somebody_or_looked_at_uncommitted_work_leaves_nothing() -> None:
    said = ChatReply(Conclusion.SUCCESS, Manner.ANSWER, "Yes.")
    local = Evidence(EVENT, replace(CHANGE, source=ChangeSource.WORKTREE, head=""))
    assert glean("review", result=said) == ()
    assert glean("review", result=VERDICT, declined="a draft") == ()
    assert glean("review", result=VERDICT, evidence=None) == ()
    assert glean("review", result=VERDICT, evidence=local) == ()
    assert glean("review", result=VERDICT, event=replace(EVENT, sha="")) == ()
    assert (
        extract_facts(
            modes()["review"],
            Decision("review", EVENT, Account(), evidence=Evidence(EVENT), result=VERDICT),
            {},
            "",
            event_id="",
            at=1,
        )
        == ()
    )


def generated(state: SuiteState, tests: int = 0, failed: int = 0) -> Generated:
    outcomes = tuple(TestOutcome(f"t{number}", Outcome.FAILED) for number in range(failed))
    return Generated(Conclusion.SUCCESS, Suite(state, tests=tests, failed=outcomes))


@pytest.mark.parametrize(
    ("suite", "left"),
    [
        (generated(SuiteState.GREEN, 9), {"state": "green", "passed": "9", "failed": "0"}),
        (generated(SuiteState.RED, 9, 2), {"state": "red", "passed": "7", "failed": "2"}),
        (generated(SuiteState.RED, 9), {"state": "red"}),
        (generated(SuiteState.BROKEN, 9), None),
        (generated(SuiteState.UNAVAILABLE), None),
        (generated(SuiteState.EMPTY), None),
    ],
)
def test_a_suite_leaves_how_it_went_where_that_is_known(suite: Generated, left: dict[str, str] | None) -> None:
    assert values(glean("gen-tests", result=suite)).get("tests") == left


def test_generated_tests_leave_coverage_as_far_as_it_was_measured() -> None:
    outputs = {"coverage_before": "70.0", "changed_coverage_before": "", "coverage_after": "81.5"}
    found = values(glean("gen-tests", outputs, result=generated(SuiteState.GREEN, 9)))
    assert found["coverage"] == {"before": "70.0", "after": "81.5"}
    assert "coverage" not in values(glean("gen-tests", result=generated(SuiteState.GREEN, 9)))


def diagnosed(cause: Cause = Cause.CHANGE, **fields: Any) -> Diagnosis:
    failure = Failure(Kind.TEST_FAILURE, "E assert", job="unit", strict="5" * 16)
    known = {"root_cause": "x" * 900, "failures": (failure,), "responsible": HEAD}
    return Diagnosis(Conclusion.SUCCESS, Kind.TEST_FAILURE, cause, CascadeStep.NONE, 0.5, **{**known, **fields})


RUN = RunState(7, 1, "CI", 3, branch="topic", sha="e" * 40, created=AT - 900)
FAILED = Evidence(EVENT, CHANGE).put(FAILED_RUN, FailedRun(RUN))


def test_a_failure_is_left_by_its_fingerprint_with_its_run() -> None:
    (fact,) = glean("analyse-failure", result=diagnosed(), evidence=FAILED)
    assert (fact.kind, fact.subject, fact.sha, fact.ref) == (FactKind.FAILURE, "5" * 16, HEAD, "topic")
    assert len(fact.values["root_cause"]) == MAX_VALUE
    assert dict(fact.values) | {"root_cause": ""} == {
        "failure_type": "test_failure",
        "cause": "change",
        "root_cause": "",
        "is_flaky": "false",
        "responsible_commit": HEAD,
        "workflow": "CI",
        "run": "7",
        "run_created": str(AT - 900),
        "job": "unit",
    }


def test_only_a_proved_patch_is_a_fix() -> None:
    proved = TrialReport("k", Step.VERIFIED, patch="diff", paths=("a.py",))
    found = glean("analyse-failure", result=diagnosed(trial=proved), evidence=FAILED)
    assert [fact.kind for fact in found] == [FactKind.FAILURE, FactKind.FIX]
    assert (found[1].values["verified"], len(found[1].values["patch"])) == ("true", 64)
    offered = replace(proved, step=Step.APPLIES)
    assert len(glean("analyse-failure", result=diagnosed(trial=offered), evidence=FAILED)) == 1


def test_a_failure_that_cannot_be_known_again_or_was_not_read_is_not_left() -> None:
    assert glean("analyse-failure", result=diagnosed(failures=()), evidence=FAILED) == ()
    nameless = (Failure(Kind.UNKNOWN, "x"),)
    assert glean("analyse-failure", result=diagnosed(failures=nameless), evidence=FAILED) == ()


def test_a_route_leaves_its_plan() -> None:
    routed = RouteResult(Conclusion.SUCCESS, RISK, Cells("extended", "full", "canary", 5, 60), "", "")
    assert values(glean("route", result=routed))["route"] == {
        "tests": "extended",
        "build": "full",
        "strategy": "canary",
        "canary_percentage": "5",
        "monitor_minutes": "60",
        "requires_approval": "false",
        "risk_level": "high",
        "risk_score": "71",
        "percentile": "88",
    }


def test_a_gate_leaves_its_decision_by_environment_and_what_it_has_read_by_commit() -> None:
    share = reading("coverage", 0.512345678, words="81.0 % → 81.5 % of lines")
    seen = with_reading(evidence(), share, reading("tests", 100.0, words="2 of 2 checks passed"))
    gated = decide(seen)
    found = glean("deploy-gate", event=seen.event, result=gated, evidence=seen)
    told = {fact.kind.value: fact for fact in found}
    assert (told["deployment"].subject, told["deployment"].sha, told["deployment"].ref) == ("production", SHA, "main")
    assert (gated.decision, told["deployment"].values["decision"]) == (GateDecision.PROCEED, "proceed")
    assert told["deployment"].values["review"] == "1"
    assert told["coverage"].values == {
        "delta": "0.512346",
        "base": BASE,
        "before": "81.0",
        "after": "81.5",
        "measured": str(AT - 60),
    }
    assert told["tests"].values == {"percent": "100", "measured": str(AT - 60), "words": "2 of 2 checks passed"}
    assert {fact.subject for fact in found} == {"production", SHA}


def test_what_was_not_read_or_came_from_the_account_book_is_no_fact_of_the_gate() -> None:
    book = reading("coverage", 0.5, source="the audit log, run 9.1")
    seen = with_reading(evidence(), book, reading("tests", None, State.ERROR))
    found = glean("deploy-gate", event=seen.event, result=decide(seen), evidence=seen)
    assert [fact.kind for fact in found] == [FactKind.DEPLOYMENT]


def test_a_gate_that_decided_on_nothing_leaves_nothing() -> None:
    seen = evidence(unserved="deploy-gate does not serve it")
    assert glean("deploy-gate", event=seen.event, result=decide(seen), evidence=seen) == ()
