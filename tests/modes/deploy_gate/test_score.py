from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.modes.deploy_gate.result import Band
from cicd_agent.modes.deploy_gate.score import BANDS, missing, policy, scored, share, sound, targets
from cicd_agent.settings.schema import Band as Limits
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.evidences import AT, WORSE, reading

POLICY = policy(Settings())
NUMBERS = st.floats(-1e9, 1e9)


def signals(**values: float | State | None) -> dict[str, Reading]:
    """Sound readings of all signals, green unless said otherwise; no model was used unless it is said."""
    green: dict[str, float | State | None] = {"tests": 100.0, "coverage": 0.0, "review": 1.0, "failures": 5.0}
    told = {**green, "model": State.MISSING, **values}
    return {
        name: reading(name, state=value) if isinstance(value, State) else reading(name, value)
        for name, value in told.items()
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tests", 100, 1),
        ("tests", 97.5, 0.5),
        ("tests", 95, 0),
        ("tests", 10, 0),
        ("coverage", 3, 1),
        ("coverage", -3, 0.4),
        ("coverage", -5, 0),
        ("review", 0.5, 0.5),
        ("failures", 5, 1),
        ("failures", 11, 0.6),
        ("failures", 20, 0),
        ("model", 0.85, 1),
        ("model", 0.6, 0),
    ],
)
def test_points_fall_evenly_from_green_to_red(name: str, value: float, expected: float) -> None:
    assert share(value, BANDS[name]) == pytest.approx(expected)


def test_where_green_is_red_it_is_one_or_the_other() -> None:
    line = Limits(green=10, red=10)
    assert [share(value, line) for value in (9, 10, 11)] == [0, 1, 1]
    assert [share(value, line, lower_is_better=True) for value in (9, 10, 11)] == [1, 1, 0]


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_a_share_is_within_its_bounds_and_never_falls_towards_green(
    a: float, b: float, green: float, red: float
) -> None:
    limits = Limits(green=green, red=red)
    low, high = sorted((a, b)) if green >= red else sorted((a, b), reverse=True)
    assert 0 <= share(low, limits) <= share(high, limits) <= 1


def test_the_model_counts_only_where_it_was_heard() -> None:
    without = scored(POLICY, signals(coverage=-5.0))
    assert (without.score, without.without) == (77.78, 77.78)
    heard = scored(POLICY, signals(coverage=-5.0, model=0.6))
    assert (heard.score, heard.without) == (70, 77.78)
    assert {each.name: each.weight for each in heard.factors}["model"] == 10
    assert {each.name: each.weight for each in without.factors}["model"] == 0


def test_what_is_missing_is_red() -> None:
    found = scored(POLICY, signals(coverage=State.MISSING))
    coverage = next(each for each in found.factors if each.name == "coverage")
    assert (coverage.points, coverage.band) == (0, Band.MISSING)
    assert coverage.weight == pytest.approx(22.22)
    assert found.without == found.reachable == 77.78


def test_what_is_not_applicable_takes_its_weight_away() -> None:
    judged = policy(Settings(not_applicable=("coverage",)))
    found = scored(judged, signals(coverage=State.MISSING))
    coverage = next(each for each in found.factors if each.name == "coverage")
    assert (coverage.points, coverage.weight, coverage.band) == (0, 0, Band.NOT_APPLICABLE)
    assert found.without == found.reachable == 100
    assert missing(judged, signals(coverage=State.MISSING)) == {}


def test_weights_are_made_a_hundred() -> None:
    judged = policy(Settings(weights={"tests": 1, "coverage": 1, "review": 0, "failures": 0, "model": 0}))
    found = scored(judged, signals(coverage=State.MISSING))
    assert [each.weight for each in found.factors] == [50, 50, 0, 0, 0]
    assert found.score == 50


def test_without_any_weight_the_score_is_nothing() -> None:
    judged = policy(Settings(not_applicable=("tests", "coverage", "review", "failures", "model")))
    assert (scored(judged, signals()).score, scored(judged, signals()).reachable) == (0, 0)


@pytest.mark.parametrize("state", [each for each in WORSE if each is not State.MISSING])
def test_a_fault_has_no_points_whatever_value_it_bears(state: State) -> None:
    found = scored(POLICY, {**signals(), "tests": reading("tests", 100.0, state)})
    assert (found.factors[0].points, found.factors[0].band) == (0, Band.FAULT)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -1.0, 100.1])
def test_a_value_that_is_none_is_nonsense(value: float | None) -> None:
    found = sound(reading("tests", value), POLICY, AT)
    assert found.state is State.NONSENSE
    assert found.problem


@pytest.mark.parametrize(
    ("measured", "state"),
    [
        (AT - 168 * 3600, State.KNOWN),
        (AT - 168 * 3600 - 1, State.STALE),
        (AT + 3_600, State.KNOWN),
        (AT + 3_601, State.NONSENSE),
        (0, State.KNOWN),
    ],
)
def test_a_signal_is_stale_when_it_is_older_than_the_policy_allows(measured: int, state: State) -> None:
    assert sound(reading("coverage", 0.0, measured=measured), POLICY, AT).state is state


@pytest.mark.parametrize("name", ["tests", "coverage", "review", "failures"])
def test_a_target_is_enough_and_a_little_less_is_not(name: str) -> None:
    judged = replace(POLICY, threshold=99.5)
    values = {"tests": 96.0, "coverage": -4.0, "review": 0.2, "failures": 19.0}
    seen = signals(**{name: values[name], "model": 1.0})
    target = targets(judged, seen)[name]
    step = -0.3 if judged.bands[name].green > judged.bands[name].red else 0.3
    assert scored(judged, {**seen, name: reading(name, target)}).without >= 99.5
    assert scored(judged, {**seen, name: reading(name, target + step)}).without < 99.5


def test_there_is_no_target_where_no_value_is_enough() -> None:
    assert targets(POLICY, signals(tests=95.0, review=0.0)) == {}
    assert (
        targets(policy(Settings(thresholds={"tests": Limits(green=1e308, red=-1e308)})), signals(review=0.0))
        is not None
    )
