"""Sums are exact, what is unknown is never 0, and what is no entry is counted as that."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.insights.cost.spending import COUNTED, NOBODY, UNKNOWN_MODEL, spent
from cicd_agent.insights.cost.totals import GROUPINGS, CostReport, Spending, cost_report, shares
from cicd_agent.rendering.money import NANO
from tests.support.samples.spendings import DAY, PRICED, START, raw, row, told, usage


def report(*said: Mapping[str, Any]) -> CostReport:
    return cost_report([row(each, seq) for seq, each in enumerate(said, 1)], PRICED.get)


def named(told: CostReport, grouping: str) -> dict[str, Spending]:
    return {each.name: each for each in told.by[grouping]}


def test_runs_are_added_up_by_mode_repository_model_and_day() -> None:
    found = report(
        told(("large", usage(2, 1_000, 50, cached=400, reasoning=20)), cost="0.1"),
        told(("small", usage()), cost="0.2", repository="acme/web", at=START + DAY),
        told(("large", usage()), cost="0.00000001", mode="gen-tests"),
    )
    assert (found.total.runs, found.total.cost) == (3, NANO * 3 // 10 + 10)
    assert [found.total.used[name] for name in COUNTED[:5]] == [4, 3_000, 250, 400, 20]
    assert {name: each.cost for name, each in named(found, "mode").items()} == {
        "review": NANO * 3 // 10,
        "gen-tests": 10,
    }
    assert {name: each.runs for name, each in named(found, "repository").items()} == {"acme/shop": 2, "acme/web": 1}
    assert [each.name for each in found.by["day"]] == ["2026-09-21", "2026-09-22"]
    assert [each.name for each in found.by["model"]] == ["small", "large"], "the dearest first"


def test_ten_dimes_are_a_dollar() -> None:
    assert report(*[told(("large", usage()), cost="0.1")] * 10).total.cost == NANO


def test_unknown_cost_is_counted_apart_with_its_reason_and_is_not_nothing() -> None:
    found = report(
        told(("large", usage()), cost="1"),
        told(("of one's own", usage()), cost=None),
        told(("large", usage(1, None, None)), cost=None),
        told(cost=None, decision="failed", error="no answer"),
    )
    assert (found.total.cost, found.total.unknown, found.total.median) == (NANO, 3, NANO)
    assert sorted(found.unknown) == [
        ("a model without a price", 1),
        ("the run failed before it said", 1),
        ("the server did not say how many tokens", 1),
    ]
    assert found.total.unreported["input"] == 2
    assert found.total.used["input"] == 2_000


def test_a_run_that_declined_cost_nothing_and_asked_nobody() -> None:
    found = report(told(cost=None, decision="declined"), told(("large", usage()), cost="1"))
    assert (found.total.unknown, found.total.asked, found.total.median) == (0, 1, NANO)
    assert set(named(found, "model")) == {NOBODY, "large"}


def test_an_answer_that_was_kept_was_asked_for() -> None:
    kept = usage(0, 0, 0, from_cache=1, spared_input=10, spared_output=1)
    found = report(told(("large", kept)))
    assert (found.total.asked, found.total.used["from_cache"], set(named(found, "model"))) == (1, 1, {"large"})


@pytest.mark.parametrize(
    ("costs", "median", "p95"),
    [([3], 3, 3), ([1, 3], 2, 3), ([5, 1, 3], 3, 5), (list(range(1, 101)), 50, 95), (list(range(1, 22)), 11, 20)],
)
def test_the_middle_and_the_dearest_twentieth_are_of_known_runs(costs: list[int], median: int, p95: int) -> None:
    found = report(*(told(("large", usage()), cost=f"0.{each:09}") for each in costs)).total
    assert (found.median, found.p95) == (median, p95)
    assert found.dearest is not None
    assert (found.dearest.seq, found.dearest.cost) == (costs.index(max(costs)) + 1, max(costs))


def test_the_cost_of_a_run_is_divided_by_what_its_models_tokens_cost() -> None:
    # 1,000 × 5 + 100 × 30 against 1,000 × 0.25 + 100 × 2 of a dollar per million: 8,000 to 450.
    run = spent(row(told(("large", usage()), ("small", usage()), cost="0.00000845")))
    assert run is not None
    assert shares(run, PRICED.get) == (8_000, 450)
    without = replace(run, parts=(replace(run.parts[0], model="of one's own"), run.parts[1]))
    assert shares(without, PRICED.get) == (4_225, 4_225), "by tokens where a price is missing"


def test_what_no_question_accounts_for_is_of_no_model_in_particular() -> None:
    said = told(("large", usage()), ("small", usage()), cost="1") | {"usage": usage(3, 2_500, 200)}
    found = named(report(said), "model")
    assert (found[UNKNOWN_MODEL].used["requests"], found[UNKNOWN_MODEL].used["input"]) == (1, 500)
    less = told(("large", usage()), ("small", usage()), cost="1") | {"usage": usage(1, 10, 1)}
    assert set(named(report(less), "model")) == {UNKNOWN_MODEL}, "parts larger than the whole are not believed"


def test_an_output_that_was_withheld_leaves_the_only_model() -> None:
    withheld = {"output": {"withheld": True, "sha256": "0" * 64}}
    assert set(named(report(told(("large", usage()), cost="1") | withheld), "model")) == {"large"}
    two = told(("large", usage()), ("small", usage()), cost="1") | withheld
    assert set(named(report(two), "model")) == {UNKNOWN_MODEL}


def test_later_jobs_of_a_split_workflow_tell_of_the_same_spending_once() -> None:
    one = told(("large", usage()), cost="1", stage="try")
    found = report(one, {**one, "stage": "deliver"}, {**one, "stage": "deliver", "event_id": "2.1"})
    assert (found.total.cost, found.total.runs, found.duplicates) == (2 * NANO, 2, 1)
    matrix = told(("large", usage()), cost="1")
    assert report(matrix, matrix).total.runs == 2, "jobs of one run that each asked are no repetition"


WRONG: tuple[dict[str, Any], ...] = (
    {"kind": "receipts"},
    {"at": -1},
    {"at": 10**17},
    {"at": "now"},
    {"at": True},
    {"mode": ["review"]},
    {"mode": "x" * 1_000},
    {"cost_usd": "-1"},
    {"cost_usd": -1},
    {"cost_usd": True},
    {"cost_usd": "1e400"},
    {"cost_usd": "NaN"},
    {"cost_usd": "Infinity"},
    {"cost_usd": "٣"},
    {"cost_usd": "1" * 5_000},
    {"cost_usd": 10**30},
    {"cost_usd": {}},
    {"usage": []},
    {"usage": "none"},
    {"usage": usage(-1)},
    {"usage": usage(10**30)},
    {"usage": usage(1, "1000")},  # type: ignore[arg-type]
    {"usage": usage(1, 0.5)},  # type: ignore[arg-type]
    {"usage": usage(requests=True)},
    {"models": "large"},
    {"models": [None]},
    {"output": 7},
    {"output": {"asked": {"model": "large"}}},
    {"output": {"asked": [[]]}},
    {"output": {"asked": [{"model": 7}]}},
    {"output": {"account": {"notices": "none"}}},
    {"error": 1},
)
HOSTILE = [
    "",
    "[]",
    "null",
    "\ud800",
    "[" * 100_000,
    '{"kind":"run"}',
    *(json.dumps({**told(("large", usage())), **wrong}) for wrong in WRONG),
    json.dumps(told()).replace('"cost_usd": "0"', '"cost_usd": 1e400'),
    json.dumps(told()).replace('"cost_usd": "0"', '"cost_usd": NaN'),
    json.dumps(told()).replace('"requests": 0', f'"requests": {"9" * 5_000}'),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_entry_of_a_run_is_counted_as_unreadable(text: str) -> None:
    sound = row(told(("large", usage()), cost="1"), 1)
    found = cost_report([sound, raw(text, 7), sound], PRICED.get)
    assert (found.total.cost, found.total.runs) == (2 * NANO, 2)
    assert (found.unreadable, found.first_unreadable) == (1, "acme/shop#7")


def test_what_is_missing_is_unknown() -> None:
    found = cost_report([raw('{"kind":"run","at":0}')], PRICED.get)
    assert (found.total.runs, found.total.unknown, found.unreadable) == (1, 1, 0)
    assert found.total.unreported["requests"] == 1
    assert set(named(found, "mode")) == {UNKNOWN_MODEL}


counts = st.one_of(st.none(), st.integers(0, 10**7))
names = st.sampled_from(["large", "small", "of one's own", ""])
questions = st.lists(
    st.tuples(
        names, st.builds(usage, st.integers(0, 9), counts, counts, cached=counts, from_cache=st.sampled_from([0, 2]))
    ),
    max_size=3,
)
runs = st.builds(
    lambda asked, **more: told(*asked, **more),
    questions,
    cost=st.one_of(st.none(), st.decimals(0, 1_000, places=9).map(str)),
    mode=st.sampled_from(["review", "route", ""]),
    repository=st.sampled_from(["a/b", "a/c"]),
    at=st.integers(START, START + 3 * DAY),
    decision=st.sampled_from(["approve", "failed"]),
)


@settings(max_examples=60)
@given(st.lists(runs, max_size=8))
def test_the_parts_of_every_grouping_are_the_whole(said: list[dict[str, Any]]) -> None:
    found = report(*said)
    assert found.unreadable == 0
    for grouping in GROUPINGS:
        parts = found.by[grouping]
        assert sum(each.cost for each in parts) == found.total.cost
        for name in COUNTED:
            assert sum(each.used[name] for each in parts) == found.total.used[name], (grouping, name)
        if grouping != "model":
            assert sum(each.runs for each in parts) == found.total.runs == len(said)
            assert sum(each.unknown for each in parts) == found.total.unknown
            assert sum(each.unreported.get("input", 0) for each in parts) == found.total.unreported.get("input", 0)


@settings(max_examples=60)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*told(), "asked"]), inner, max_size=4)
        ),
    ),
    st.sampled_from(sorted(told())),
)
def test_no_text_is_a_traceback(value: Any, name: str) -> None:
    found = cost_report([raw(json.dumps({**told(("large", usage())), name: value}))], PRICED.get)
    assert found.total.runs + found.unreadable == 1
