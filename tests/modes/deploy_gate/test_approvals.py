from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.event import Actor, Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import Deployed, Incident, State
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.settings.schema import Band, Freeze
from tests.modes.deploy_gate.evidences import (
    AT,
    COMMIT,
    EVENT,
    PULL,
    check,
    decide,
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

HELD = evidence(readings=readings(reading("tests", 96.0), reading("coverage", -4.0), reading("failures", 12.0)))
"""Its score is below the threshold: a person may lift that."""
OVERRIDABLE = with_gate(HELD, checks=(check("unit", "failure"),))
REASON = "the check itself is broken"


def hash_of(seen: Evidence, **knobs: Any) -> str:
    return decide(seen, **knobs).hash


def test_an_approval_of_what_was_shown_lifts_it_and_the_stop_stays_listed() -> None:
    held = decide(HELD)
    assert (held.decision, held.requires_approval) == (GateDecision.HOLD, True)
    approved = decide(with_gate(HELD, words=(word(held.hash),)))
    assert (approved.decision, approved.requires_approval) == (GateDecision.PROCEED, False)
    assert {each.id: each.lifted for each in approved.stops} == {"score": "approved by rita"}
    assert [each.refused for each in approved.heard] == [""]
    assert approved.hash == held.hash


def test_an_approval_does_not_reach_what_takes_an_override() -> None:
    held = decide(OVERRIDABLE)
    assert not held.requires_approval
    approved = decide(with_gate(OVERRIDABLE, words=(word(held.hash),)))
    assert (approved.decision, stops(approved)) == (GateDecision.HOLD, {"red-check"})
    overridden = decide(with_gate(OVERRIDABLE, words=(word(held.hash, "override", reason=REASON),)))
    assert overridden.decision is GateDecision.PROCEED
    assert {each.lifted for each in overridden.stops} == {f"overridden by rita: {REASON}"}


@pytest.mark.parametrize("gate", [{"policy": ("broken",)}, {"unserved": "no such event"}, {"environment": ""}])
def test_nobody_lifts_what_only_the_thing_itself_can(gate: dict[str, Any]) -> None:
    seen = with_gate(HELD, **gate)
    said = word(hash_of(seen), "override", reason=REASON)
    assert decide(with_gate(seen, words=(said,))).decision is GateDecision.HOLD


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"hash": "0" * 16}, "something else"),
        ({"hash": ""}, "something else"),
        ({"hash": "\udcff\x00é"}, "something else"),
        ({"is_person": False}, "not a person"),
        ({"author": ""}, "not a person"),
        ({"permission": "triage"}, "no write access"),
        ({"permission": ""}, "not whether rita may write"),
        ({"author": "Ada"}, "an author of the change"),
        ({"author": "pair"}, "an author of the change"),
        ({"edited": True}, "edited"),
        ({"created": AT + 301}, "future"),
        ({"created": AT - 24 * 3600}, "older than 24 hours"),
        ({"kind": "override", "reason": "  short  "}, "10 characters"),
    ],
)
def test_a_word_that_does_not_count_is_heard_with_the_reason(fields: dict[str, Any], why: str) -> None:
    seen = with_gate(HELD, pulls=(replace(PULL, authors=("ada", "pair")),))
    said = word(**{"hash_": hash_of(seen), **{("hash_" if key == "hash" else key): fields[key] for key in fields}})
    gated = decide(with_gate(seen, words=(said,)))
    assert gated.decision is GateDecision.HOLD
    assert why in gated.heard[0].refused


def test_a_prefix_of_the_hash_is_not_enough() -> None:
    seen = with_gate(HELD, words=(word(hash_of(HELD)[:12]),))
    assert decide(seen).decision is GateDecision.HOLD


def test_one_word_that_counts_is_enough_beside_others_that_do_not() -> None:
    right = hash_of(HELD)
    seen = with_gate(HELD, words=(word(right, permission="read"), word(right, author="tom"), word("0" * 16)))
    gated = decide(seen)
    assert gated.decision is GateDecision.PROCEED
    assert [bool(each.refused) for each in gated.heard] == [True, False, True]


@pytest.mark.parametrize("kind", [EventKind.PUSH, EventKind.WORKFLOW_RUN])
def test_who_pushed_past_the_pull_requests_does_not_approve_that(kind: EventKind) -> None:
    pushed = Deployed("e" * 40, "Quick fix")
    event = Event(kind, repo="o/r", actor=Actor("rita"))
    seen = replace(with_gate(HELD, commits=(COMMIT, pushed)), event=event)
    said = word(hash_of(seen), "override", reason=REASON)
    gated = decide(with_gate(seen, words=(said,)))
    assert gated.decision is GateDecision.HOLD
    assert "author" in gated.heard[0].refused
    assert decide(with_gate(seen, words=(replace(said, author="tom"),))).decision is GateDecision.PROCEED


CHANGED = {
    "commit": lambda: with_gate(HELD, sha="f" * 40),
    "environment": lambda: with_gate(HELD, environment="staging"),
    "band of tests": lambda: with_reading(HELD, reading("tests", 95.0)),
    "band of failures": lambda: with_reading(HELD, reading("failures", 2.0)),
    "missing": lambda: with_reading(HELD, reading("coverage", None, State.MISSING)),
    "fault": lambda: with_reading(HELD, reading("coverage", None, State.ERROR)),
    "review": lambda: with_gate(HELD, pulls=(replace(PULL, reviews=()),)),
    "red check": lambda: with_gate(HELD, checks=(check("unit", "failure"),)),
    "incident": lambda: with_gate(HELD, incidents=(Incident(5, "down", AT - 9_999),)),
    "budget": lambda: with_gate(HELD, error_budget=0.0),
}


@pytest.mark.parametrize("what", CHANGED)
def test_an_approval_is_void_when_what_was_shown_changes(what: str) -> None:
    seen = CHANGED[what]()
    assert hash_of(seen) != hash_of(HELD)
    assert decide(with_gate(seen, words=(word(hash_of(HELD)),))).decision is not GateDecision.PROCEED


def test_an_approval_is_void_when_the_policy_or_a_blocking_finding_changes() -> None:
    hashes = [
        hash_of(HELD),
        hash_of(HELD, threshold=80),
        hash_of(HELD, weights={"tests": 40}),
        hash_of(HELD, thresholds={"tests": Band(green=100, red=90)}),
        hash_of(HELD, freezes={"later": Freeze(begins="2040-01-01")}),
        decide(HELD, found=[finding()]).hash,
        decide(HELD, found=[finding(quote="another = 1")]).hash,
    ]
    assert len(set(hashes)) == len(hashes)


def test_an_approval_of_one_red_check_or_incident_is_none_of_another() -> None:
    one, other = (with_gate(HELD, incidents=(Incident(number, "down", AT - 9_999),)) for number in (5, 6))
    assert hash_of(one) != hash_of(other)
    checks = (check("unit", "failure"), check("lint"))
    first = with_gate(HELD, required=("unit", "lint"), checks=checks)
    second = with_gate(HELD, required=("unit", "lint"), checks=(check("unit"), check("lint", "failure")))
    assert hash_of(first) != hash_of(second)


def test_a_clock_that_ticks_and_a_number_that_moves_in_its_band_void_nothing() -> None:
    approval = (word(hash_of(HELD)),)
    later = with_gate(HELD, at=AT + 20 * 3600, words=approval)
    assert decide(later).decision is GateDecision.PROCEED
    moved = with_reading(HELD, reading("tests", 96.2, measured=AT - 5, words="481 of 500"), reading("failures", 12.5))
    assert decide(with_gate(moved, words=approval)).decision is GateDecision.PROCEED


def test_an_approval_expires() -> None:
    approval = (word(hash_of(HELD), created=AT),)
    times = [AT + 3_599, AT + 3_600]
    decisions = [decide(with_gate(HELD, at=when, words=approval), approval_hours=1).decision for when in times]
    assert decisions == [GateDecision.PROCEED, GateDecision.HOLD]


def test_who_approves_in_spite_of_an_objection_approves_it_without_one_as_well() -> None:
    objects, unsure, sure = (draft(confidence_in_proceeding=value) for value in (0.3, 0.7, 0.95))
    hashes = [decide(HELD, *said).hash for said in ([objects], [unsure], [sure], [])]
    assert len(set(hashes)) == 4
    approved = with_gate(HELD, words=(word(hashes[1]),))
    decisions = [decide(approved, *said).decision.value for said in ([objects], [unsure], [sure], [])]
    assert decisions == ["hold", "proceed", "proceed", "proceed"]


def test_who_only_starts_a_deployment_is_no_author() -> None:
    """Neither who merges what others wrote, nor who starts a workflow by hand."""
    seen = replace(HELD, event=replace(EVENT, actor=Actor("rita")))
    started = Event(EventKind.WORKFLOW_DISPATCH, repo="o/r", actor=Actor("rita"))
    fix = Deployed("e" * 40, "Quick fix", authors=("ada",))
    direct = replace(with_gate(HELD, commits=(COMMIT, fix)), event=started)
    said = word(hash_of(direct), "override", reason=REASON)
    assert decide(with_gate(direct, words=(said,))).decision is GateDecision.PROCEED
    assert decide(with_gate(seen, words=(word(hash_of(seen)),))).decision is GateDecision.PROCEED


def test_of_a_commit_whose_author_nobody_knows_it_may_be_who_starts_its_deployment() -> None:
    started = Event(EventKind.WORKFLOW_DISPATCH, repo="o/r", actor=Actor("rita"))
    direct = replace(with_gate(HELD, commits=(COMMIT, Deployed("e" * 40, "Quick fix"))), event=started)
    said = word(hash_of(direct), "override", reason=REASON)
    assert decide(with_gate(direct, words=(said,))).decision is GateDecision.HOLD


def test_who_wrote_a_commit_that_no_pull_request_brought_is_an_author() -> None:
    direct = with_gate(HELD, commits=(COMMIT, Deployed("e" * 40, "Quick fix", authors=("Rita",))))
    said = word(hash_of(direct), "override", reason=REASON)
    assert decide(with_gate(direct, words=(said,))).decision is GateDecision.HOLD


def test_nobody_approves_a_pull_request_whose_authors_are_not_all_known() -> None:
    """GitHub tells the newest hundred commits: whoever wrote an older one could approve what they wrote."""
    seen = evidence(checks=(check("unit", "failure"),))
    hash_ = decide(seen).hash
    said = word(hash_, "override", reason="the runner was lost")
    pulls = tuple(replace(pull, cut=True) for pull in seen[GATE].pulls)
    cut = with_gate(seen, pulls=pulls)
    again = replace(said, hash=decide(cut).hash)
    told = decide(with_gate(cut, words=(again,)))
    assert told.decision is GateDecision.HOLD
    assert "not all who wrote" in told.heard[0].refused
