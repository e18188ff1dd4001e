"""Each estimate by its own rule, and what cannot be estimated is said, not taken for 0."""

from collections.abc import Mapping
from typing import Any

from cicd_agent.insights.cost.savings import Means, Saved
from cicd_agent.insights.cost.totals import cost_report
from cicd_agent.rendering.money import NANO
from tests.support.samples.spendings import PRICED, row, told, usage


def saved(means: Means, *said: Mapping[str, Any]) -> Saved:
    found = cost_report([row(each, seq) for seq, each in enumerate(said, 1)], PRICED.get)
    return next(each for each in found.saved if each.means is means)


def test_cached_tokens_saved_the_difference_of_their_prices() -> None:
    found = saved(Means.PROMPT_CACHE, told(("large", usage(1, 1_000_000, 1, cached=400_000)), cost="1"))
    assert (found.amount, found.times, found.unreported) == (NANO * 18 // 10, 400_000, 0), "0.4 million at 5 less 0.5"


def test_more_cached_tokens_than_there_were_are_not_believed() -> None:
    assert saved(Means.PROMPT_CACHE, told(("large", usage(1, 10, 1, cached=400_000)), cost="1")).times == 10


def test_kept_answers_saved_what_they_had_taken() -> None:
    kept = usage(0, 0, 0, from_cache=2, spared_input=100_000, spared_output=10_000)
    found = saved(Means.ANSWERS, told(("large", kept)))
    assert (found.amount, found.times) == (NANO * 8 // 10, 2)


def test_kept_answers_without_tokens_or_price_are_without_an_estimate() -> None:
    unknown = usage(0, 0, 0, from_cache=2, spared_input=None, spared_output=None)
    assert saved(Means.ANSWERS, told(("large", unknown))).amount is None
    priceless = usage(0, 0, 0, from_cache=3, spared_input=10, spared_output=10)
    found = saved(Means.ANSWERS, told(("of one's own", priceless)), told(("large", unknown)))
    assert (found.amount, found.times, found.unreported) == (None, 0, 5)


def test_a_fast_model_saved_the_difference_to_the_dearest_of_its_run() -> None:
    both = told(("large", usage(1, 10, 10)), ("small", usage(2, 1_000_000, 100_000)), cost="1")
    found = saved(Means.TIERS, both, told(("small", usage()), cost="1"))
    assert (found.amount, found.times) == (NANO * 755 // 100, 2), "5 + 3 less 0.25 + 0.2; alone it stands for nobody"


def test_a_model_that_stood_in_for_another_saved_nothing() -> None:
    both = told(("large", usage()), ("small", usage()), cost="1")
    both["output"]["account"]["notices"] = ["small was asked: the server is down"]
    assert saved(Means.TIERS, both).times == 0


def test_a_second_model_without_a_price_is_without_an_estimate() -> None:
    found = saved(Means.TIERS, told(("large", usage()), ("of one's own", usage(4)), cost="1"))
    assert (found.amount, found.unreported) == (None, 4)


def test_runs_that_asked_nobody_saved_what_others_of_their_mode_cost() -> None:
    asked = [told(("large", usage()), cost=cost) for cost in ("1", "2", "9")]
    found = saved(Means.NOBODY, *asked, told(cost=None), told(cost=None, mode="route"))
    assert (found.amount, found.times, found.unreported) == (2 * NANO, 1, 1), "no run of `route` ever asked"


def test_nothing_saved_is_nothing() -> None:
    found = cost_report([row(told(("large", usage()), cost="1"))], PRICED.get)
    assert [(each.amount, each.times, each.unreported) for each in found.saved] == [(0, 0, 0)] * 4
