from math import exp, log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.logistic import Fitted, fit, probability

RULES = [(0.0,), (1.0,)]


def drawn(weights: tuple[float, ...], intercept: float, count: int) -> tuple[list[tuple[float, ...]], list[bool]]:
    """Rows of standard normal columns, and labels as these weights would have them."""
    random = Random(7)
    rows = [tuple(random.gauss(0, 1) for _ in weights) for _ in range(count)]
    odds = [intercept + sum(weight * value for weight, value in zip(weights, row, strict=True)) for row in rows]
    return rows, [random.random() < probability(each) for each in odds]


def test_the_log_odds_of_a_table_of_four_are_found_exactly() -> None:
    rows = [(0.0,)] * 40 + [(1.0,)] * 40
    labels = [True] * 10 + [False] * 30 + [True] * 30 + [False] * 10
    found = fit(rows, labels, ridge=1e-9)
    assert found.intercept == pytest.approx(log(1 / 3))
    assert found.weights == pytest.approx((2 * log(3),))


def test_the_weights_behind_drawn_labels_are_found_again() -> None:
    found = fit(*drawn((1.0, -0.5, 0.0), -1.0, 4_000))
    assert found.weights == pytest.approx((1.0, -0.5, 0.0), abs=0.1)
    assert found.intercept == pytest.approx(-1.0, abs=0.1)


def test_the_units_of_a_column_change_its_weight_and_nothing_else() -> None:
    rows, labels = drawn((1.0, -0.5), 0.3, 300)
    found = fit(rows, labels)
    scaled = fit([(1000 * one + 5, other) for one, other in rows], labels)
    assert scaled.weights == pytest.approx((found.weights[0] / 1000, found.weights[1]))
    assert scaled.intercept + 5 * scaled.weights[0] == pytest.approx(found.intercept)


def test_a_weight_that_may_not_be_negative_is_none() -> None:
    rows, labels = drawn((-1.0, 0.5), 0.0, 500)
    found = fit(rows, labels, nonnegative={0, 1})
    assert found.weights[0] == 0
    assert found.weights[1] == pytest.approx(fit([row[1:] for row in rows], labels).weights[0])


def test_a_ridge_keeps_separable_labels_finite_and_few_of_them_modest() -> None:
    rows = [(float(number),) for number in range(10)]
    labels = [number >= 5 for number in range(10)]
    assert 0 < fit(rows, labels, ridge=10).weights[0] < fit(rows, labels, ridge=0.01).weights[0] < 100


def test_few_labels_hardly_move_the_weights_they_start_from_and_many_do() -> None:
    rows, labels = drawn((1.0,), 0.0, 2_000)
    few = fit(rows[:20], labels[:20], ridge=100, towards=(-1.0,)).weights[0]
    many = fit(rows, labels, ridge=100, towards=(-1.0,)).weights[0]
    assert -1.0 < few < -0.5
    assert many > 0.2


def test_a_row_that_counts_twice_is_a_row_that_is_there_twice() -> None:
    rows, labels = drawn((1.0, 0.4), 0.0, 60)
    twice = fit([*rows, rows[3]], [*labels, labels[3]])
    counted = fit(rows, labels, importance=[2.0 if number == 3 else 1.0 for number in range(60)])
    assert counted.weights == pytest.approx(twice.weights)
    assert counted.intercept == pytest.approx(twice.intercept)


def test_nothing_is_learnt_from_nothing() -> None:
    assert fit([], []) == Fitted(0.0, ())
    assert fit([(), ()], [True, False]) == Fitted(0.0, ())


@pytest.mark.parametrize("label", [True, False])
def test_one_class_alone_gives_its_rate_and_no_weight(label: bool) -> None:  # noqa: FBT001  the two classes
    found = fit([(1.0, 2.0), (3.0, 4.0)], [label, label], towards=(0.5, 0.1))
    assert found.weights == (0.5, 0.1)
    assert found.intercept + 2 * 0.5 + 3 * 0.1 == pytest.approx(log(5) if label else -log(5))


def test_a_column_that_is_constant_has_no_weight() -> None:
    found = fit([(7.0, 0.0), (7.0, 1.0), (7.0, 1.0)], [False, True, False])
    assert found.weights[0] == 0
    assert found.weights[1] > 0


@pytest.mark.parametrize(
    ("rows", "labels", "options"),
    [
        (RULES, [True], {}),
        ([(0.0,), (1.0, 2.0)], [True, False], {}),
        ([(0.0,), (float("nan"),)], [True, False], {}),
        ([(0.0,), (float("inf"),)], [True, False], {}),
        ([(0.0,), (1e200,)], [True, False], {}),
        (RULES, [True, False], {"ridge": 0.0}),
        (RULES, [True, False], {"importance": [1.0]}),
        (RULES, [True, False], {"importance": [1.0, -1.0]}),
        (RULES, [True, False], {"towards": [1.0, 1.0]}),
    ],
)
def test_what_is_no_problem_to_be_solved_is_refused(
    rows: list[tuple[float, ...]], labels: list[bool], options: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        fit(rows, labels, **options)  # type: ignore[arg-type]


NUMBERS = st.floats(-1e6, 1e6)
CASES = st.lists(st.tuples(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.booleans()), max_size=12)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_any_finite_numbers_give_finite_weights_the_same_twice(
    cases: list[tuple[tuple[float, float, float], bool]],
) -> None:
    rows, labels = [row for row, _ in cases], [label for _, label in cases]
    found = fit(rows, labels, nonnegative=(0,))
    assert all(abs(weight) < float("inf") for weight in (found.intercept, *found.weights))
    assert not found.weights or found.weights[0] >= 0
    assert fit(rows, labels, nonnegative=(0,)) == found


def test_a_chance_is_one_however_far_out() -> None:
    assert probability(0) == 0.5
    assert probability(1) == pytest.approx(1 / (1 + exp(-1)))
    assert probability(1e6) == 1.0
    assert probability(-1e6) == pytest.approx(0)
