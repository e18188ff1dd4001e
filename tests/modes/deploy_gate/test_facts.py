"""What earlier runs have left: it may hold a deployment and slow it; it speaks for one from a guarded store alone."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.app.serialization import dump, load
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind, FactSet
from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.facts import more_careful
from cicd_agent.modes.deploy_gate.gather import gather
from cicd_agent.modes.deploy_gate.page import page
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult
from cicd_agent.modes.shared.rollout import Rollout, Strategy
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.evidences import AT, BASE, HEAD, SHA, decide, evidence, generated, stops, word
from tests.modes.deploy_gate.gate_world import BASE as RUNNING
from tests.modes.deploy_gate.gate_world import EVENT, NOW, GateWorld
from tests.modes.deploy_gate.gate_world import HEAD as REVIEWED
from tests.modes.deploy_gate.gate_world import SHA as DEPLOYED
from tests.support.fakes.state import FakeState
from tests.support.pages import markdown

CARE = ("direct", "rolling", "blue_green", "canary")
DELTA = {"delta": "1.5", "base": RUNNING}


def fact(kind: FactKind, values: dict[str, str], sha: str = SHA, **fields: Any) -> Fact:
    known = {"mode": "review", "sha": sha, "event_id": "9.1", "at": AT - 600, "repository": "o/r"}
    return Fact(**{"kind": kind, "subject": sha, **known, "values": values, **fields})


def coverage(values: dict[str, str] = DELTA, sha: str = DEPLOYED, **fields: Any) -> Fact:
    known = {"mode": "deploy-gate", "repository": "acme/app", "at": NOW - 600}
    return fact(FactKind.COVERAGE, values, sha, **{**known, **fields})


def gathered(*facts: Fact, trusted: bool = True, world: GateWorld | None = None, **settings: Any) -> Evidence:
    seen = (world or GateWorld()).world(state=FakeState(facts, trusted=trusted))
    return gather(EVENT, seen, Settings(**{"environment": "production", **settings}))


def gained(seen: Evidence) -> Reading:
    assert seen.get(GATE) is not None
    return seen[GATE].reading("coverage")


def test_coverage_that_this_job_has_not_measured_counts_from_a_guarded_store_with_source_and_age() -> None:
    found = gained(gathered(coverage()))
    assert (found.state, found.value, found.words) == (State.KNOWN, 1.5, "+1.5 points")
    assert (found.source, found.measured) == ("the audit log, run 9.1", NOW - 600)


def test_it_is_as_old_as_its_measurement() -> None:
    measured = str(NOW - 8 * 86_400)
    seen = gathered(coverage(DELTA | {"measured": measured}))
    assert gained(seen).state is State.MISSING
    assert "more than 168 hours ago" in " ".join(gap.why for gap in seen.gaps)
    assert gained(gathered(coverage(DELTA | {"measured": measured}), signal_max_age_hours=400)).value == 1.5


def test_beside_another_commit_only_the_difference_of_both_shares_counts_less_what_was_rounded() -> None:
    elsewhere = {"delta": "9", "base": "e" * 40, "after": "82.0"}
    assert gained(gathered(coverage(elsewhere))).state is State.MISSING
    before = coverage({"after": "81.0"}, RUNNING, at=NOW - 90 * 86_400)
    assert gained(gathered(coverage(elsewhere), before)).value == pytest.approx(0.9)


@pytest.mark.parametrize(
    "other",
    [
        {"sha": REVIEWED, "subject": REVIEWED},
        {"sha": REVIEWED},
        {"repository": "acme/other"},
        {"at": NOW + 7_200},
        {"mode": "gen-tests"},
        {"values": {"delta": "1e999", "base": RUNNING}},
        {"values": {"delta": "NaN", "base": RUNNING}},
        {"values": {"delta": "101", "base": RUNNING}},
        {"values": {"delta": "1"}},
        {"values": {"after": "<b>99</b>"}},
    ],
)
def test_coverage_of_something_else_or_of_no_value_is_none(other: dict[str, Any]) -> None:
    assert gained(gathered(replace(coverage(), **other))).state in {State.MISSING, State.ABSENT}


def test_coverage_that_others_could_have_written_says_nothing_and_that_is_told() -> None:
    seen = gathered(coverage(), trusted=False)
    # It shows that there was coverage, and nothing else.
    assert gained(seen).state is State.MISSING
    assert "an earlier run (9.1) had coverage" in gained(seen).problem
    assert "only where no step of a job can write" in " ".join(gap.why for gap in seen.gaps)


def test_what_this_job_has_measured_stands() -> None:
    world = GateWorld(files={"s.json": b'{"coverage_delta": -2}'})
    assert gained(gathered(coverage(), world=world, signals_file="s.json")).value == -2


def test_a_store_that_cannot_be_read_is_a_gap_and_no_fault() -> None:
    plain = gathered()
    state = FakeState(refuses="state.db is locked.")
    seen = gather(EVENT, GateWorld().world(state=state), Settings(environment="production"))
    assert seen.get(GATE) == plain.get(GATE)
    assert [gap.why for gap in seen.gaps if gap not in plain.gaps] == [
        "what earlier runs have left was not read: state.db is locked"
    ]
    assert decide(seen) == decide(plain)


def test_without_a_store_nothing_is_read() -> None:
    seen = gather(EVENT, GateWorld().world(), Settings(environment="production"))
    assert seen.known == FactSet()
    nameless = FakeState((coverage(),))
    gather(replace(EVENT, repo=""), GateWorld().world(state=nameless), Settings(environment="production"))
    assert nameless.asked == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"decision": "request_changes"}, "our own review of ccccccc asked for changes"),
        ({"decision": "comment", "risk_level": "critical"}, "our own review of ccccccc found its risk critical"),
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_our_own_review_that_said_no_holds_until_somebody_approves(
    values: dict[str, str],
    words: str,
    trusted: bool,  # noqa: FBT001  it is the case
) -> None:
    review = fact(FactKind.REVIEW, values, HEAD)
    seen = replace(evidence(), known=FactSet((review,), trusted))
    held = decide(seen)
    assert (held.decision, stops(held), held.stops[0].text) == (GateDecision.HOLD, {"own-review"}, words)
    assert seen.get(GATE) is not None
    approved = seen.put(GATE, replace(seen[GATE], words=(word(held.hash),)))
    assert decide(approved).decision is GateDecision.PROCEED
    # An approval is of what was seen: another review that says no is none of it.
    more = replace(approved, known=FactSet((review, fact(FactKind.REVIEW, values)), trusted))
    assert decide(more).decision is GateDecision.HOLD
    assert decide(seen, not_applicable=("review",)).decision is GateDecision.PROCEED


@pytest.mark.parametrize(
    "values", [{"decision": "approve", "risk_level": "low"}, {"decision": "comment"}, {"risk_level": "CRITICAL"}, {}]
)
def test_a_review_that_did_not_say_no_changes_nothing(values: dict[str, str]) -> None:
    seen = evidence()
    assert decide(replace(seen, known=FactSet((fact(FactKind.REVIEW, values),), trusted=True))) == decide(seen)


WAYS = [
    (Rollout("rolling", 0, 5), {"strategy": "canary", "canary_percentage": "5"}, Rollout("canary", 5, 5)),
    (Rollout("rolling", 0, 5), {"strategy": "canary", "canary_percentage": "0"}, Rollout("canary", 10, 5)),
    (Rollout("canary", 10, 30), {"strategy": "canary", "canary_percentage": "25", "monitor_minutes": "60"},
     Rollout("canary", 10, 60)),
    (Rollout("canary", 10, 30), {"strategy": "rolling", "monitor_minutes": "5"}, Rollout("canary", 10, 30)),
    (Rollout("direct", 0, 5), {"strategy": "blue_green", "canary_percentage": "5"}, Rollout("blue_green", 0, 5)),
    (Rollout("rolling", 0, 5), {"strategy": "none", "monitor_minutes": "1e9"}, Rollout("rolling", 0, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("way", "values", "expected"), WAYS)
def test_of_two_ways_out_the_more_careful_is_taken(way: Rollout, values: dict[str, str], expected: Rollout) -> None:
    seen = replace(evidence(), known=FactSet((fact(FactKind.ROUTE, values, HEAD),)))
    assert seen.get(GATE) is not None
    assert more_careful(way, seen, seen[GATE]) == expected


def test_the_page_says_whose_route_was_followed() -> None:
    from cicd_agent.modes.protocol import Account  # noqa: PLC0415

    seen = replace(evidence(), known=FactSet((fact(FactKind.ROUTE, {"strategy": "canary"}, HEAD),)))
    gated = decide(seen)
    assert (gated.decision, gated.strategy) == (GateDecision.PROCEED, "canary")
    assert "as careful as planned by route for `ccccccc`" in markdown(page)(gated, seen, Account(), Settings())


def test_what_was_known_comes_back_from_a_file_and_decides_the_same() -> None:
    left = (coverage(), fact(FactKind.REVIEW, {"decision": "request_changes"}, REVIEWED, repository="acme/app"))
    seen = gathered(*left)
    again = load(Evidence, dump(seen).encode(), "x")
    assert again == seen
    assert decide(again) == decide(seen)
    assert "own-review" in stops(decide(seen))


TEXTS = st.sampled_from(
    ["1e999", "NaN", "-3", "100", "0", "50", "<b>x</b>", "::error::x", "approve", "request_changes", "low", "critical",
     "canary", "direct", "rolling", "none", "extended", "proceed", SHA, BASE, "9" * 30, ""]
)  # fmt: skip
NAMES = ("delta", "base", "after", "before", "measured", "decision", "risk_level", "risk_score", "strategy",
         "canary_percentage", "monitor_minutes", "tests", "percent", "passed", "failed", "words")  # fmt: skip
FACTS = st.builds(
    Fact,
    repository=st.sampled_from(["o/r", "O/R", "o/x", ""]),
    kind=st.sampled_from(FactKind),
    subject=st.sampled_from([SHA, HEAD, BASE, "production", ""]),
    at=st.sampled_from([0, 1, AT - 60, AT, AT + 60, AT + 10**9]),
    mode=st.sampled_from(["deploy-gate", "review", "route", "gen-tests", ""]),
    sha=st.sampled_from([SHA, HEAD, BASE, ""]),
    values=st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=5),
)


def is_no_better(after: GateResult, before: GateResult) -> bool:
    """Whether nothing of the decision is better than the other."""
    ways: tuple[tuple[Strategy, int], ...] = tuple((each.strategy, each.canary_percentage) for each in (after, before))
    (how, share), (was, had) = ways
    slower = how == was and (share <= had or not had) if how == "hotfix" or was == "hotfix" else (
        CARE.index(how) > CARE.index(was) or (how == was and share <= had)
    )  # fmt: skip
    return (
        after.score <= before.score
        and after.score_without <= before.score_without
        and (before.decision is GateDecision.PROCEED or after.decision is not GateDecision.PROCEED)
        and {each.id for each in before.stops} <= {each.id for each in after.stops}
        and after.risk.score >= before.risk.score
        and slower
    )


@examples(max_examples=120)
@given(st.integers(0, 10_000), st.lists(FACTS, max_size=5), st.integers(0, 1))
def test_no_fact_makes_a_decision_on_the_same_signals_better(seed: int, facts: list[Fact], guarded: int) -> None:
    seen = generated(Random(seed))
    settings = Settings()
    before = decide(seen, settings=settings)
    after = decide(replace(seen, known=FactSet(tuple(facts), bool(guarded))), settings=settings)
    assert is_no_better(after, before)


@examples(max_examples=60, deadline=None)
@given(st.lists(FACTS, max_size=6))
def test_no_untrusted_fact_makes_what_is_gathered_better(facts: list[Fact]) -> None:
    told = [
        replace(
            each,
            repository={"o/r": "acme/app"}.get(each.repository, each.repository),
            at=each.at - AT + NOW,
            **{
                name: {SHA: DEPLOYED, HEAD: REVIEWED, BASE: RUNNING}.get(getattr(each, name), getattr(each, name))
                for name in ("subject", "sha")
            },
        )
        for each in facts
    ]
    plain, seen = gathered(), gathered(*told, trusted=False)
    assert seen.get(GATE) == plain.get(GATE)
    assert is_no_better(decide(seen), decide(plain))
