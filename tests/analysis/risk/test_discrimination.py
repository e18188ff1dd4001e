import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.risk_model import recall_at
from cicd_agent.analysis.risk.discrimination import Advantage, advantage, auc, calibration_error, lower_bound


def test_a_perfect_order_an_even_and_a_wrong_one() -> None:
    labels = [False, False, True, True]
    assert auc([1, 2, 3, 4], labels) == 1
    assert auc([1, 1, 1, 1], labels) == 0.5
    assert auc([4, 3, 2, 1], labels) == 0
    assert auc([1, 3, 2, 3], labels) == pytest.approx((1 + 0 + 1 + 0.5) / 4)


def test_without_both_kinds_there_is_nothing_to_tell_apart() -> None:
    assert auc([], []) is None
    assert auc([1, 2], [True, True]) is None
    assert recall_at([1, 2], [False, False]) is None
    assert calibration_error([], []) is None


def test_an_advantage_is_the_difference_of_the_areas_and_as_sure_as_there_is_evidence() -> None:
    labels = [False, True] * 20
    good, poor = (
        [float(label) + index % 3 for index, label in enumerate(labels)],
        [float(index % 7) for index in range(40)],
    )
    found = advantage(good, poor, labels)
    assert found is not None
    assert found.difference == pytest.approx((auc(good, labels) or 0) - (auc(poor, labels) or 0))
    more = advantage(good * 4, poor * 4, labels * 4)
    assert more is not None
    assert more.difference == pytest.approx(found.difference)
    assert more.error_squared == pytest.approx(found.error_squared / 4, rel=0.05)
    assert advantage(good, good, labels) == Advantage(0, 0)
    assert advantage([1, 2, 3], [3, 2, 1], [True, False, False]) is None


def test_the_bound_counts_what_differs_within_periods_or_between_them() -> None:
    assert lower_bound([Advantage(0.1, 0.0004), Advantage(0.1, 0.0004)], 2) == pytest.approx(0.1 - 2 * 0.0002**0.5)
    assert lower_bound([Advantage(0.2, 0), Advantage(0, 0)], 2) == pytest.approx(0.1 - 2 * 0.1)
    assert lower_bound([Advantage(0.2, 0)], 2) is None


def test_a_promise_is_measured_against_what_came() -> None:
    assert calibration_error([0.25] * 4, [True, False, False, False]) == 0
    assert calibration_error([1.0, 1.0, 0.0, 0.0], [False, False, True, True]) == 1
    assert calibration_error([0.9] * 2 + [0.1] * 8, [True] * 2 + [False] * 8) == pytest.approx(0.1)


def test_the_highest_fifth_holds_a_share_of_what_is_looked_for() -> None:
    labels = [number in {9, 8, 1} for number in range(10)]
    assert recall_at(range(10), labels, 0.2) == pytest.approx(2 / 3)
    assert recall_at([1] * 10, labels, 0.2) == pytest.approx(0.2)
    assert recall_at([1], [True], 0.2) == 1


CASES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_the_area_is_that_of_all_pairs(cases: list[tuple[int, bool]]) -> None:
    scores, labels = [score for score, _ in cases], [label for _, label in cases]
    pairs = [
        (high > low) + (high == low) / 2
        for high, positive in cases
        for low, negative in cases
        if positive and not negative
    ]
    assert auc(scores, labels) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


@settings(max_examples=60, deadline=None)
@given(CASES, st.floats(0, 1))
def test_a_larger_share_finds_no_less(cases: list[tuple[int, bool]], share: float) -> None:
    scores, labels = [score for score, _ in cases], [label for _, label in cases]
    found, all_of_it = recall_at(scores, labels, share), recall_at(scores, labels, 1)
    assert (found is None) == (all_of_it is None)
    assert found is None or 0 <= found <= 1 == all_of_it
