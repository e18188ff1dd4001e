from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.gate_evidence import FACTS, SIGNALS, ApprovalComment, Deployed, Incident, Reading, State
from cicd_agent.modes.deploy_gate.approvals import ModelStance
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.questions import GateDraft
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.evidences import (
    AT,
    WORSE,
    check,
    decide,
    draft,
    evidences,
    finding,
    generated,
    reading,
    with_gate,
    with_reading,
    word,
)
from tests.support.strategies import drafts

SETTINGS = Settings()
MODELS = st.one_of(
    drafts(GateDraft),
    st.builds(
        lambda confidence, level, text: draft(
            (text, "limit = 5"), confidence_in_proceeding=confidence, risk_level=level
        ),
        st.sampled_from([0.0, 0.59, 0.6, 0.7, 0.85, 1.0]),
        st.sampled_from(["low", "medium", "high", "critical"]),
        st.sampled_from(["it fails", "proceed", "</details>"]),
    ),
)


def test_a_thousand_evidences_decide_the_same_twice() -> None:
    random = Random(7)
    seen = [generated(random) for _ in range(1_000)]
    said = [[draft(confidence_in_proceeding=random.random())] if random.random() < 0.5 else [] for _ in seen]
    first = [decide(each, *models, settings=SETTINGS) for each, models in zip(seen, said, strict=True)]
    again = [decide(each, *models, settings=SETTINGS) for each, models in zip(seen, said, strict=True)]
    assert first == again
    decisions = [each.decision for each in first]
    assert {decision: decisions.count(decision) > 20 for decision in GateDecision} == dict.fromkeys(GateDecision, True)


def worsened(seen: Evidence, random: Random) -> Iterator[Evidence]:
    """The evidence with one thing in it worse, for each thing that there is."""
    gate = seen.get(GATE)
    assert gate is not None
    for name in SIGNALS:
        known = gate.reading(name)
        if name != "model":
            yield with_reading(seen, reading(name, known.value, random.choice(WORSE)))
        if known.value is not None and name != "review":
            drop = random.choice([0.1, 1, 5, 50])
            worse = known.value + drop if name == "failures" else known.value - drop
            yield with_reading(seen, replace(known, value=worse))
    for name in FACTS:
        fault = random.choice([each for each in WORSE if each is not State.MISSING])
        yield with_reading(seen, Reading(name, fault))
    yield with_gate(seen, checks=tuple(check(each.name, "failure") for each in gate.checks))
    yield with_gate(seen, checks=gate.checks[1:])
    yield with_gate(seen, required=(*(gate.required or ()), "another"))
    yield with_gate(seen, commits=(*gate.commits, Deployed("e" * 40, "Quick fix")))
    yield with_gate(seen, pulls=tuple(replace(each, reviews=()) for each in gate.pulls))
    yield with_gate(seen, pulls=tuple(replace(each, head="0" * 40) for each in gate.pulls))
    yield with_gate(seen, pulls=())
    yield with_gate(seen, incidents=(*gate.incidents, Incident(6, "down too", AT - 60)))
    yield with_gate(seen, error_budget=-1.0)
    yield with_gate(seen, policy=(*gate.policy, "broken"))
    yield with_gate(seen, unserved="no")
    yield replace(seen, change=None)


def test_a_worse_signal_never_raises_the_score_nor_turns_a_hold_into_proceed() -> None:
    random = Random(11)
    moved = 0
    for _ in range(60):
        seen = generated(random)
        models = [draft(confidence_in_proceeding=random.random())] if random.random() < 0.3 else []
        before = decide(seen, *models, settings=SETTINGS)
        for worse in worsened(seen, random):
            after = decide(worse, *models, settings=SETTINGS)
            assert after.score <= before.score
            assert after.score_without <= before.score_without
            assert before.decision is GateDecision.PROCEED or after.decision is not GateDecision.PROCEED
            moved += after.decision is not before.decision
    assert moved > 50


def test_a_finding_of_a_rule_never_helps() -> None:
    random = Random(13)
    for _ in range(50):
        seen = generated(random)
        before = decide(seen, settings=SETTINGS)
        after = decide(seen, found=[finding(random.choice(list(Severity)))], settings=SETTINGS)
        assert after.score == before.score
        assert after.risk.score >= before.risk.score
        assert before.decision is GateDecision.PROCEED or after.decision is not GateDecision.PROCEED


@examples(max_examples=150)
@given(evidences(), st.lists(MODELS, min_size=1, max_size=2))
def test_no_answer_of_a_model_turns_a_hold_into_proceed(seen: Evidence, said: list[GateDraft]) -> None:
    alone, heard = decide(seen, settings=SETTINGS), decide(seen, *said, settings=SETTINGS)
    assert alone.decision is GateDecision.PROCEED or heard.decision is not GateDecision.PROCEED
    assert heard.risk.level.rank >= alone.risk.level.rank
    assert heard.score_without == alone.score_without


@examples(max_examples=100)
@given(evidences(), MODELS, MODELS, st.sampled_from(["approve", "override"]))
def test_an_approval_of_one_answer_lets_no_other_answer_do_more_than_silence(
    seen: Evidence, shown: GateDraft, now: GateDraft, kind: str
) -> None:
    hash_ = decide(seen, shown, settings=SETTINGS).hash
    approved = with_gate(seen, words=(word(hash_, kind, reason="it has to go out", author="tom"),))
    alone, heard = decide(approved, settings=SETTINGS), decide(approved, now, settings=SETTINGS)
    assert alone.decision is GateDecision.PROCEED or heard.decision is not GateDecision.PROCEED


WORDS = st.lists(
    st.builds(
        ApprovalComment,
        id=st.integers(1, 3),
        kind=st.sampled_from(["approve", "override"]),
        hash=st.one_of(st.text(max_size=17), st.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
        reason=st.text(max_size=30),
        author=st.sampled_from(["rita", "ada", ""]),
        permission=st.sampled_from(["admin", "write", "read", ""]),
        created=st.integers(AT - 90_000, AT + 900),
    ),
    max_size=3,
)


@examples(max_examples=80)
@given(evidences(), WORDS)
def test_words_that_name_no_hash_change_nothing_but_what_is_heard(seen: Evidence, words: list[ApprovalComment]) -> None:
    before = decide(seen, settings=SETTINGS)
    assume(all(each.hash != before.hash for each in words))
    after = decide(with_gate(seen, words=tuple(words)), settings=SETTINGS)
    assert replace(after, heard=()) == before
    assert [bool(each.refused) for each in after.heard] == [True] * len(words)


@examples(max_examples=60)
@given(evidences())
def test_what_proceeds_has_nothing_standing_and_enough_points(seen: Evidence) -> None:
    gated = decide(seen, settings=SETTINGS)
    if gated.decision is GateDecision.PROCEED:
        assert gated.stops == ()
        assert min(gated.score, gated.score_without) >= gated.threshold
    else:
        assert gated.stops
    assert 0 <= gated.score_without <= gated.reachable <= 100


def test_a_voice_is_known_by_its_rank() -> None:
    assert sorted(ModelStance) == [ModelStance.SILENT, ModelStance.CONFIDENT, ModelStance.UNSURE, ModelStance.OBJECTS]


@pytest.mark.parametrize("name", FACTS)
def test_a_fault_is_not_outscored(name: str) -> None:
    random = Random(17)
    for _ in range(5):
        seen = with_reading(generated(random), reading(name, state=State.TIMEOUT))
        assert decide(seen, settings=SETTINGS).decision is not GateDecision.PROCEED
