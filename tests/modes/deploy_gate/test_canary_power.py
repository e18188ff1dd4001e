from math import comb

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.modes.deploy_gate.advice import ALPHA, POWER, canary_power, minutes_to_double

PERCENT = st.integers(1, 100)
TRAFFIC = st.floats(0.1, 1e7)
MINUTES = st.integers(1, 600)
BASE = st.floats(1e-6, 0.2)


def detectable(percentage: int, per_minute: float, baseline: float, minutes: int) -> float:
    found = canary_power(percentage, per_minute, baseline, minutes)
    assert found is not None
    return found.detectable


def test_the_documents_example() -> None:
    """5 % of 120 requests a minute show a rise from 0.1 to some percent within half an hour."""
    found = canary_power(5, 120, 0.001, 30)
    assert found is not None
    assert 0.015 < found.detectable < 0.02
    assert (found.percentage, found.minutes) == (5, 30)


@pytest.mark.parametrize(("n", "baseline"), [(200, 0.001), (1_000, 0.01), (3_000, 0.02)])
def test_the_binomial_keeps_both_promises(n: int, baseline: float) -> None:
    """With the count that is looked for, a normal day raises no alarm more often than it may, and the rise is seen."""

    def at_least(least: int, chance: float) -> float:
        return 1 - sum(comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(least))

    least = next(k for k in range(1, n) if at_least(k, baseline) <= ALPHA)
    found = detectable(100, n, baseline, 1)
    assert at_least(least, found) >= POWER - 0.02
    assert at_least(least, found * 0.75) < POWER


@examples(max_examples=60)
@given(PERCENT, TRAFFIC, BASE, MINUTES, st.floats(1, 50))
def test_more_traffic_or_time_never_sees_less(
    percentage: int, traffic: float, baseline: float, minutes: int, factor: float
) -> None:
    now = detectable(percentage, traffic, baseline, minutes)
    assert baseline < now <= 1
    assert detectable(percentage, traffic * factor, baseline, minutes) <= now * (1 + 1e-9)
    assert detectable(percentage, traffic, baseline, minutes + int(factor)) <= now * (1 + 1e-9)
    assert detectable(min(100, percentage + 1), traffic, baseline, minutes) <= now * (1 + 1e-9)


@examples(max_examples=40)
@given(PERCENT, TRAFFIC, BASE)
def test_a_doubling_is_seen_when_it_is_said_and_not_long_before(
    percentage: int, traffic: float, baseline: float
) -> None:
    minutes = minutes_to_double(percentage, traffic, baseline)
    assert minutes is not None
    assert detectable(percentage, traffic, baseline, minutes) <= 2 * baseline * (1 + 1e-9)
    if minutes > 1:
        assert detectable(percentage, traffic, baseline, minutes - 1) > 2 * baseline * (1 - 1e-9)


@pytest.mark.parametrize(("percentage", "traffic", "minutes"), [(0, 120, 30), (5, 0, 30), (5, -1, 30), (5, 120, 0)])
def test_no_requests_show_nothing(percentage: int, traffic: float, minutes: int) -> None:
    assert canary_power(percentage, traffic, 0.001, minutes) is None


def test_a_handful_of_requests_sees_no_rise_at_all() -> None:
    assert detectable(1, 1, 0.001, 1) == 1
