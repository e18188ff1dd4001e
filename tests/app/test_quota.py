"""What a repository may ask of models in a day holds, also where costs are not known or no book is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.app.model_router import DAY, MAX_ENTRIES, Used, used, used_up
from cicd_agent.domain.audit_entry import Columns, Entry
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import StoreRefused
from cicd_agent.rendering.money import NANO
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings, TokenPrice
from tests.support.fakes.store import FakeStore
from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import AFTER, BEFORE, Job
from tests.support.jobs.recorded import DRAFT, KEPT, review, same
from tests.support.samples.spendings import raw, row, told, usage
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer

SHOP = "acme/shop"
NOW = 1_790_000_000 + 10 * DAY
MODELS = ("gpt-5.5",)


def entry(cost: str | None, *, ago: int = 60, repository: str = SHOP, **more: Any) -> Mapping[str, Any]:
    more = {"event_id": f"{ago}.1", **more}
    return told(("gpt-5.5", usage()), cost=cost, at=NOW - ago, repository=repository, **more)


def book(*said: Mapping[str, Any], refuses: str = "") -> FakeStore:
    store = FakeStore()
    for each in said:
        store.append(Entry.of(str(each["repository"]), each))
    store.refuses = refuses
    return store


def refused(store: Store | None, *models: str, **limits: Any) -> str:
    def lasting() -> Store:
        if store is None:
            raise StoreRefused("no audit log that lasts is kept")
        return store

    line = used_up(models or MODELS, Settings(**limits), lasting, SHOP, lambda: float(NOW))
    assert "\n" not in line
    return line


def test_without_a_limit_no_book_is_opened() -> None:
    assert refused(None) == ""


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        (0.51, ""),
        (0.5, "$0.50 of `daily-cost-usd` 0.5 in 24 hours"),
        (0.3, "$0.50 of `daily-cost-usd` 0.3 in 24 hours"),
        (0, "$0.50 of `daily-cost-usd` 0 in 24 hours"),
    ],
)
def test_at_the_limit_nobody_is_asked(limit: float, line: str) -> None:
    store = book(entry("0.2"), entry("0.3", ago=DAY - 1), entry("9", ago=DAY + 1), entry("9", repository="acme/other"))
    found = refused(store, daily_cost_usd=limit)
    assert found == (
        f"No model was asked: the day's limit of this repository is reached ({line})."
        " Wait for older runs to pass, or raise it."
        if line
        else ""
    )


def test_runs_that_asked_are_counted() -> None:
    nobody = told(cost="0.000000", at=NOW - 5, repository=SHOP)
    kept = told(("gpt-5.5", usage(0, 0, 0, from_cache=2)), cost="0", at=NOW - 5, repository=SHOP)
    store = book(entry("0.1"), nobody, kept, entry("0.1", ago=70))
    assert refused(store, daily_runs=3) == ""
    assert "(2 of `daily-runs` 2 in 24 hours)" in refused(store, daily_runs=2)
    assert "(2 of `daily-runs` 0 in 24 hours)" in refused(store, daily_runs=0)


def test_an_unknown_cost_counts_as_the_most_that_such_a_run_may_spend() -> None:
    store = book(entry("0.2"), entry(None), entry(None, ago=70, mode="deploy-gate"))
    assert refused(store, daily_cost_usd=0.81) == ""
    assert "$0.80 of `daily-cost-usd` 0.8 in 24 hours, 2 unknown costs at `max-cost-usd`" in refused(
        store, daily_cost_usd=0.8
    )
    assert refused(store, daily_cost_usd=1, max_cost_usd=0.3) == ""
    assert "$1.00" in refused(store, daily_cost_usd=1, max_cost_usd=0.4)


def test_a_run_that_failed_before_it_said_what_it_asked_counts_with_all_it_could_have_spent() -> None:
    failed = told(cost=None, at=NOW - 5, repository=SHOP, decision="failed", error="killed")
    assert "$0.50 of" in refused(book(failed), daily_cost_usd=0.5)
    assert "1 of `daily-runs`" in refused(book(failed), daily_runs=1)
    early = told(cost="0.000000", at=NOW - 5, repository=SHOP, decision="failed", error="an input is wrong")
    assert refused(book(early), daily_cost_usd=0.01, daily_runs=1) == ""


def test_what_cannot_be_read_counts_as_a_run_of_unknown_cost() -> None:
    strange = [raw("not JSON"), raw('{"kind": "run", "at": "x"}'), raw("[]")]
    assert used(strange, Settings()) == Used(3, 3 * NANO // 2, 3)
    gate = raw("{")
    assert used([type(gate)(SHOP, 1, "", "", "{", Columns(mode="deploy-gate"))], Settings()).nano == NANO // 10


def test_the_stages_of_one_run_are_counted_once() -> None:
    rows = [row(entry("0.2", stage=stage)) for stage in ("try", "deliver")]
    assert used(rows, Settings()) == Used(1, NANO // 5, 0)
    assert used([row(entry("0.2")), row(entry("0.2"))], Settings()).runs == 2


def test_more_than_can_be_counted_is_over_any_limit() -> None:
    found = used((raw("") for _ in range(MAX_ENTRIES)), Settings(max_cost_usd=0))
    assert (found.runs, found.nano) == (MAX_ENTRIES, MAX_ENTRIES * NANO)


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**6)), max_size=6), st.integers(0, 4 * 10**6))
def test_who_is_let_through_has_not_reached_the_limit(costs: list[int | None], limit: int) -> None:
    said = [None if cost is None else f"{cost / 10**6:.6f}" for cost in costs]
    store = book(*(entry(cost, ago=n + 1) for n, cost in enumerate(said)))
    spent = sum(500_000 if cost is None else cost for cost in costs)
    assert (refused(store, daily_cost_usd=limit / 10**6) == "") == (spent < limit)


@pytest.mark.parametrize("limits", [{"daily_cost_usd": 100}, {"daily_runs": 100}])
def test_without_a_book_that_lasts_nobody_is_asked(limits: dict[str, Any]) -> None:
    name = next(iter(limits)).replace("_", "-")
    assert refused(None, **limits) == (
        f"No model was asked: `{name}` cannot be counted (no audit log that lasts is kept)."
        " Set `state-dir` to a directory that is kept, or DATABASE_URL; or take the limit out."
    )
    assert "cannot be counted (locked)" in refused(book(refuses="locked"), **limits)


def test_what_nobody_knows_the_price_of_is_not_asked_where_money_is_counted() -> None:
    assert "nobody knows what `llama` costs (which `daily-cost-usd` counts). Give `prices`." in refused(
        book(), "gpt-5.5", "llama", daily_cost_usd=5
    )
    assert refused(book(), "llama", daily_runs=5) == ""
    free = {"llama": TokenPrice(input=0, output=0)}
    assert refused(book(), "llama", daily_cost_usd=5, prices=free) == ""


def test_a_lock_of_the_organisation_is_a_limit_too() -> None:
    text = "locked: {daily-runs: 1}"
    settings = load({"organisation-config": text}, "daily-runs: 1000\n").settings
    assert settings.daily_runs == 1


def test_the_second_run_of_the_day_goes_by_rules_and_its_replay_does_too(tmp_path: Path) -> None:
    job = Job(tmp_path, BEFORE | {".github/cicd-agent.yml": "daily-runs: 1\n"}, AFTER)
    kept = str(tmp_path / "book")
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        first = review(job, server, state_dir=kept, model="gpt-5.5", api="chat")
        asked = len(server.asked)
        second = review(job, server, state_dir=kept, model="gpt-5.5", api="chat")
        assert len(server.asked) == asked > 0
    assert (first.exit, first.outputs["degraded"]) == (0, "false"), first.log
    assert (second.exit, second.outputs["degraded"]) == (0, "true"), second.log
    assert "(1 of `daily-runs` 1 in 24 hours)" in second.summary
    assert same(job)


def test_a_job_whose_book_ends_with_it_asks_nobody(tmp_path: Path) -> None:
    job = Job(tmp_path, BEFORE | {".github/cicd-agent.yml": "daily-cost-usd: 50\n"}, AFTER)
    with OpenAIServer() as server:
        left = review(job, server, model="gpt-5.5", api="chat")
        assert server.asked == []
    assert "`daily-cost-usd` cannot be counted" in left.summary
    assert "Set `state-dir`" in left.summary


def test_a_gate_goes_by_its_own_rule_for_a_missing_model(tmp_path: Path) -> None:
    for name, policy, ends in (("may", "", (0, "proceed")), ("must", "require-model: on\n", (1, "hold"))):
        (tmp_path / name).mkdir()
        with FakeGitHub() as hub, OpenAIServer() as server:
            jobs = GateJobs(tmp_path / name, hub, config=f"daily-runs: 0\n{policy}")
            kept = str(tmp_path / name / "book")
            left = jobs.run(base_url=server.url, openai_api_key="k", api="chat", state_dir=kept)
            assert server.asked == []
        assert (left.exit, left.outputs["decision"]) == ends, left.log
        assert left.outputs["degraded"] == "true"
