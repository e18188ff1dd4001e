import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.audit_entry import Entry
from cicd_agent.domain.effects import Effect, ReceiptState
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.metric import OTHER, Sample, added
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.verdict import Conclusion, Manner, RiskLevel
from cicd_agent.errors import Exit
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.run_samples import Ended, of_entry, of_report
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.modes.route.result import TestScope

ASKED = {
    "model": "gpt-5.5",
    "draft": {},
    "usage": {"requests": 2, "input": 1200, "output": 300, "cached": 1000, "reasoning": None, "from_cache": 1},
}
RUN: dict[str, Any] = {
    "kind": "run",
    "event_id": "1234.1",
    "at": 1_790_000_000,
    "mode": "review",
    "conclusion": "success",
    "decision": "approve",
    "risk_level": "medium",
    "escalated": True,
    "degraded": "no model was used",
    "exit": 0,
    "models": ["gpt-5.5"],
    "usage": ASKED["usage"],
    "cost_usd": "0.0123",
    "seconds": "3.21",
    "stages": {"gather": "0.51", "ask": "2.10"},
    "output": {
        "asked": [ASKED],
        "verdict": {
            "findings": [{"origin": "model", "severity": "high"}],
            "rejected": [{"reason": "its path is not in the change"}],
        },
    },
}


def entry(**changed: Any) -> str:
    return Entry.of("acme/shop", {**RUN, **changed}).text


def values(found: Iterable[Sample]) -> Mapping[str, float]:
    """By the name of the metric and its labels, without those that are 0."""
    return {
        "/".join((each.metric.name.removeprefix("cicd_agent_"), *each.labels)): each.value
        for each in added((), found)
        if each.value
    }


def test_a_run_counts_what_it_decided_and_used() -> None:
    assert values(of_entry(entry())) == {
        "runs_total/acme/shop/review/success": 1,
        "decisions_total/review/approve": 1,
        "exits_total/review/0": 1,
        "risks_total/review/medium": 1,
        "escalations_total/review": 1,
        "degraded_runs_total/review": 1,
        "cost_usd_total/acme/shop/review": 0.0123,
        "findings_total/model/high": 1,
        "claims_rejected_total/review/not_in_the_change": 1,
        "questions_total/gpt-5.5/answered": 1,
        "model_requests_total/gpt-5.5": 2,
        "cached_answers_total/gpt-5.5": 1,
        "tokens_total/gpt-5.5/input": 1200,
        "tokens_total/gpt-5.5/output": 300,
        "tokens_total/gpt-5.5/cached": 1000,
        "audit_total/recorded": 1,
        "run_seconds/review": 3.21,
        "stage_seconds/review/gather": 0.51,
        "stage_seconds/review/ask": 2.1,
        "last_run_timestamp_seconds/acme/shop/review": 1_790_000_000,
    }


def test_what_is_not_known_is_not_counted_as_nothing() -> None:
    unknown = {"requests": 1, "input": None, "output": None, "cached": None, "reasoning": None}
    found = values(of_entry(entry(cost_usd=None, usage=unknown, output={"asked": [{**ASKED, "usage": unknown}]})))
    assert {name: found[name] for name in found if "cost" in name or "tokens" in name} == {}
    assert (found["unpriced_runs_total/review"], found["uncounted_questions_total/gpt-5.5"]) == (1, 1)


def test_a_failed_run_is_counted_as_one() -> None:
    found = values(of_entry(entry(decision="failed", conclusion="neutral", exit=70, error="a bug")))
    assert found["runs_total/acme/shop/review/failed"] == found["decisions_total/review/failed"] == 1
    assert found["exits_total/review/70"] == 1


def test_an_entry_without_its_output_is_counted_as_a_whole() -> None:
    found = values(of_entry(entry(output={"sha256": "0" * 64})))
    assert found["tokens_total/gpt-5.5/input"] == 1200


def test_receipts_count_what_became_of_effects_and_a_prune_counts_nothing() -> None:
    told = {
        "kind": "receipts",
        "of": 1,
        "receipts": [{"kind": "review", "state": "degraded"}] * 2 + [{"kind": "output", "state": "done"}],
    }
    assert values(of_entry(Entry.of("acme/shop", told).text)) == {"effects_total/review/degraded": 2}
    assert list(of_entry(Entry.of("acme/shop", {"kind": "prune", "first": 1}).text)) == []


@pytest.mark.parametrize(
    ("mode", "body", "word"),
    [
        ("review", {"verdict": {"decision": "approve"}}, "approve"),
        ("review", {"said": {"manner": "answer"}}, "answer"),
        ("review", {"declined": "a draft"}, "declined"),
        ("review", {"error": "no key", "declined": "a draft"}, "failed"),
        ("deploy-gate", {"gated": {"decision": "hold"}}, "hold"),
        ("analyse-failure", {"diagnosis": {"cause": "flaky"}}, "flaky"),
        ("route", {"routed": {"cells": {"tests": "affected"}}}, "affected"),
        ("gen-tests", {"generated": {"conclusion": "neutral"}}, "neutral"),
    ],
)
def test_each_mode_decides_in_words_of_its_own(mode: str, body: dict[str, Any], word: str) -> None:
    found = values(of_report(Node({"mode": mode, "exit": 0, **body}), Ended("acme/shop")))
    assert found[f"decisions_total/{mode}/{word}"] == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"diagnosis": {"dropped": [{"text": "the patch", "reason": "it was not tried"}]}}, "patch_refused"),
        ({"diagnosis": {"dropped": [{"text": "x", "reason": "it cites nothing"}]}}, "nothing_quoted"),
        ({"gated": {"dropped": ["“it cites nothing”: its quote is not in a.py"]}}, "quote_not_found"),
        ({"generated": {"reports": [{"stopped": "covers"}, {"stopped": None}]}}, "test_refused"),
    ],
)
def test_what_was_rejected_is_counted_in_every_mode(body: dict[str, Any], word: str) -> None:
    found = values(of_report(Node({"mode": "review", **body}), Ended()))
    assert found[f"claims_rejected_total/review/{word}"] == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RUN, *RUN["output"], "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["run", "receipts"])},
        optional=dict.fromkeys(RUN.keys() - {"kind"}, JSON) | {"receipts": JSON},
    )
)
def test_an_entry_of_any_shape_is_read_without_a_word(told: dict[str, Any]) -> None:
    for each in of_entry(json.dumps(told)):
        assert each.value >= 0
        assert all(
            label.bounded(value) == value or value == OTHER
            for label, value in zip(each.metric.labels, each.labels, strict=True)
        )


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "\0", '{"kind":"run"', "[" * 100_000, '{"kind":7}'])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(of_entry(text))


def test_the_labels_hold_every_word_that_the_types_have() -> None:
    decisions = registry.DECISIONS
    assert set(decisions) == set(MODES)
    assert set(decisions["deploy-gate"]) == set(GateDecision)
    assert set(decisions["analyse-failure"]) == set(Cause)
    assert set(decisions["route"]) == set(get_args(TestScope))
    assert (
        set(decisions["gen-tests"])
        == {*registry.label_values("runs_total", "conclusion")} - {"failed"}
        == set(Conclusion)
    )
    assert set(decisions["review"]) >= set(Manner)
    assert set(registry.label_values("exits_total", "code")) == {str(int(code)) for code in Exit}
    assert {*registry.label_values("effects_total", "kind"), "output"} == {
        get_args(each.__annotations__["kind"])[0] for each in get_args(Effect)
    }
    assert set(registry.label_values("risks_total", "level")) == set(RiskLevel)
    assert set(registry.label_values("effects_total", "state")) == set(ReceiptState)
