import pytest

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.prices import PRICES, Price, price_of
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import BudgetExhausted, Exit
from cicd_agent.modes.protocol import Account

UNKNOWN = Usage(requests=1, input=None, output=None, cached=None, reasoning=None)
PER_TOKEN = {"known": Price(input=1e6, cached=1e5, output=1e6)}  # a dollar a token: sums can be read off


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def budget(
    *,
    requests: int = 10,
    input_tokens: int = 1_000_000,
    seconds: float = 60,
    usd: float | None = None,
    clock: Clock | None = None,
) -> Budget:
    return Budget(
        requests=requests,
        input_tokens=input_tokens,
        seconds=seconds,
        usd=usd,
        prices=PER_TOKEN,
        clock=clock or Clock(),
    )


def test_a_request_within_all_ceilings_gets_the_output_it_wants() -> None:
    assert budget().allow("any", input_tokens=500, output_tokens=16_000) == 16_000


def test_requests_are_counted() -> None:
    spent = budget(requests=2)
    spent.charge("any", Usage(requests=2, input=1, output=1), input_tokens=1, output_tokens=1)
    with pytest.raises(BudgetExhausted, match=r"2 requests.*max-rounds"):
        spent.allow("any", input_tokens=1, output_tokens=1)


def test_input_tokens_are_checked_before_and_charged_after() -> None:
    spent = budget(input_tokens=1_000)
    spent.charge("any", Usage(requests=1, input=600, output=1), input_tokens=900, output_tokens=1)
    assert spent.allow("any", input_tokens=400, output_tokens=10) == 10
    with pytest.raises(BudgetExhausted, match=r"400 are left, the next request needs about 401.*max-input-tokens"):
        spent.allow("any", input_tokens=401, output_tokens=10)


def test_time_runs_out() -> None:
    clock = Clock()
    spent = budget(seconds=60, clock=clock)
    clock.now += 45
    assert spent.seconds_left == 15
    clock.now += 45
    assert spent.seconds_left == 0
    with pytest.raises(BudgetExhausted, match=r"60 seconds.*timeout-minutes"):
        spent.allow("any", input_tokens=1, output_tokens=1)


def test_money_buys_the_input_first_and_the_output_from_what_remains() -> None:
    spent = budget(usd=5_000)
    assert spent.allow("known", input_tokens=1_000, output_tokens=16_000) == 4_000
    with pytest.raises(BudgetExhausted, match=r"\$5000\.00.*max-cost-usd"):
        spent.allow("known", input_tokens=4_500, output_tokens=16_000)


def test_money_is_charged_by_what_was_used_and_cached_input_is_cheaper() -> None:
    spent = budget(usd=5_000)
    spent.charge("known", Usage(requests=1, input=1_000, output=50, cached=800), input_tokens=1, output_tokens=1)
    assert spent.cost_usd == pytest.approx(200 + 80 + 50)
    assert spent.allow("known", input_tokens=0, output_tokens=16_000) == 4_670


def test_unknown_usage_is_charged_by_estimate_and_its_cost_stays_unknown() -> None:
    spent = budget(requests=5, input_tokens=1_000, usd=5_000)
    spent.charge("known", UNKNOWN, input_tokens=700, output_tokens=300)
    assert spent.cost_usd is None
    assert spent.usage == UNKNOWN
    assert spent.allow("known", input_tokens=300, output_tokens=16_000) == 3_700
    with pytest.raises(BudgetExhausted, match="300 are left"):
        spent.allow("known", input_tokens=301, output_tokens=1)


def test_a_cost_once_unknown_is_never_known_again() -> None:
    spent = budget()
    spent.charge("known", UNKNOWN, input_tokens=1, output_tokens=1)
    spent.charge("known", Usage(requests=1, input=5, output=5), input_tokens=1, output_tokens=1)
    assert spent.cost_usd is None


def test_a_model_without_a_price_costs_unknown_and_is_held_by_tokens() -> None:
    spent = budget(input_tokens=1_000, usd=0.01)
    assert spent.allow("local", input_tokens=900, output_tokens=16_000) == 16_000
    spent.charge("local", Usage(requests=1, input=900, output=10), input_tokens=1, output_tokens=1)
    assert spent.cost_usd is None
    with pytest.raises(BudgetExhausted, match="input tokens"):
        spent.allow("local", input_tokens=101, output_tokens=1)


def test_nothing_asked_costs_nothing() -> None:
    assert budget().cost_usd == 0
    refused = budget()
    refused.charge("local", Usage(requests=1), input_tokens=0, output_tokens=0)
    assert refused.cost_usd == 0


def test_evidence_gets_a_share_of_the_tokens_and_of_the_money() -> None:
    assert budget(input_tokens=100_000).evidence_tokens("known") == 40_000
    assert budget(input_tokens=100_000, usd=10_000).evidence_tokens("known") == 4_000
    assert budget(input_tokens=100_000, usd=10_000).evidence_tokens("local") == 40_000


def test_a_dated_snapshot_has_the_price_of_its_model() -> None:
    assert price_of("gpt-5-mini-2025-08-07", PRICES) is PRICES["gpt-5-mini"]
    assert price_of("gpt-5-mini-turbo", PRICES) is None


def test_prices_are_plausible_and_long_requests_are_dearer() -> None:
    assert all(0 < price.cached < price.input < price.output for price in PRICES.values())
    price = PRICES["gpt-5.5"]
    assert price.of(Usage(1, 100_000, 10_000, 50_000)) == pytest.approx(0.25 + 0.025 + 0.30)
    assert price.of(Usage(1, 300_000, 10_000)) == pytest.approx(3.0 + 0.45)
    assert price.of(UNKNOWN) is None


def test_the_failure_maps_to_its_exit_code() -> None:
    with pytest.raises(BudgetExhausted) as failure:
        budget(requests=0).allow("any", input_tokens=1, output_tokens=1)
    assert failure.value.exit is Exit.BUDGET


def test_a_request_that_is_to_be_followed_by_another_leaves_it_enough() -> None:
    spent = budget(requests=2, input_tokens=3_000, usd=12_000)
    assert spent.allow("known", input_tokens=1_000, output_tokens=16_000, follow_up=1_500) == 5_500
    assert spent.allow("local", input_tokens=1_000, output_tokens=16_000, follow_up=1_500) == 16_000
    for follow_up in (2_001, 5_000):
        with pytest.raises(BudgetExhausted, match="input tokens"):
            spent.allow("local", input_tokens=1_000, output_tokens=16_000, follow_up=follow_up)
    with pytest.raises(BudgetExhausted, match="1 requests"):
        budget(requests=1).allow("local", input_tokens=1, output_tokens=10, follow_up=1)
    with pytest.raises(BudgetExhausted, match="max-cost-usd"):
        budget(usd=9_000).allow("known", input_tokens=1_000, output_tokens=16_000, follow_up=1_000)
    assert budget(usd=9_000).allow("known", input_tokens=1_000, output_tokens=16_000) == 8_000


def test_a_price_of_zero_is_a_price() -> None:
    free = Budget(requests=2, input_tokens=1_000, seconds=60, clock=Clock(), usd=0.0, prices={"free": Price(0, 0, 0)})
    assert free.allow("free", input_tokens=500, output_tokens=9_000) == 9_000
    free.charge("free", Usage(1, 500, 100), input_tokens=1, output_tokens=1)
    assert free.cost_usd == 0


def test_what_the_vendor_adds_to_long_requests_is_not_added_to_others() -> None:
    assert Price(1, 1, 1, dearer_above=None).of(Usage(1, 1_000_000, 0)) == pytest.approx(1.0)


def test_of_an_unknown_cost_the_most_that_it_probably_was_is_known() -> None:
    spent = Budget(requests=9, input_tokens=100_000, seconds=60, clock=Clock(), prices={"m": Price(2.0, 1.0, 10.0)})
    spent.charge("m", Usage(1, 1_000, 100), input_tokens=900, output_tokens=500)
    assert spent.cost_usd == spent.at_most_usd == pytest.approx(0.003)
    spent.charge("m", Usage(1, None, None), input_tokens=10_000, output_tokens=4_000)
    assert spent.cost_usd is None
    assert spent.at_most_usd == pytest.approx(0.063)
    assert Account(cost_usd=None, at_most_usd=spent.at_most_usd).price == "cost unknown, probably at most $0.06"
    spent.charge("another", Usage(1, 10, 10), input_tokens=10, output_tokens=10)
    assert spent.at_most_usd is None
    assert Account(cost_usd=None, at_most_usd=None).price == "cost unknown"
