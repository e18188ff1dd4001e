from dataclasses import replace
from math import exp, log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.model import (
    FEATURES,
    INTERCEPT,
    WEIGHTS,
    ascending,
    chance,
    log_odds,
    logs,
    score,
    terms,
    thresholds_of,
    unknown,
)
from cicd_agent.domain.repository.history import Experience, Measures, entropy
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.verdict import RiskLevel

SMALL = Measures(subsystems=1, directories=1, files=1, added=3)
KNOWN = Experience(developers=4, age=10, last_changes=2, commits=7, recent_commits=3, subsystem_commits=1)
OWN = RiskFile(intercept=-2.0, weights={"la": 0.5, "rexp": -0.3, "ndev": 0.2})
CALIBRATED = OWN.model_copy(update={"slope": 1.2, "offset": -0.1, "matured": 200})


def test_the_shipped_log_odds_are_the_weighted_logs() -> None:
    change = Measures(subsystems=2, directories=3, files=4, entropy=1.5, added=10, deleted=5, is_fix=True)
    features = {"la": 10, "ld": 5, "nf": 4, "nd": 3, "ns": 2, "entropy": 1.5, "fix": 1, "adds": 1}
    assert features.keys() == WEIGHTS.keys()
    expected = INTERCEPT + sum(WEIGHTS[name] * log(1 + value) for name, value in features.items())
    assert log_odds(change) == pytest.approx(expected)


def test_the_past_says_nothing_to_the_shipped_weights_and_something_to_own_ones() -> None:
    seasoned = replace(SMALL, experience=KNOWN)
    assert log_odds(seasoned) == log_odds(SMALL)
    assert log_odds(seasoned, OWN) == pytest.approx(-2.0 + 0.5 * log(4) - 0.3 * log(4) + 0.2 * log(5))
    assert log_odds(SMALL, OWN) == pytest.approx(-2.0 + 0.5 * log(4))
    assert (unknown(SMALL), unknown(seasoned, OWN), unknown(SMALL, OWN)) == ((), (), ("ndev", "rexp"))


@pytest.mark.parametrize("halves", [RiskFile(intercept=1.0), RiskFile(weights={"la": 3.0}), RiskFile()])
def test_half_a_model_is_none(halves: RiskFile) -> None:
    assert log_odds(SMALL, halves) == log_odds(SMALL)


def test_weights_of_unheard_features_are_left_out() -> None:
    file = OWN.model_copy(update={"weights": {**OWN.weights, "moon": 50.0}})
    assert log_odds(SMALL, file) == log_odds(SMALL, OWN)


def test_the_terms_say_in_words_what_sets_a_change_apart_from_the_smallest() -> None:
    change = replace(SMALL, experience=KNOWN)
    assert [term.text for term in terms(change, OWN)] == [
        "3 lines added",
        "4 people have changed its files before, they last changed 10 days ago on average",
        "its author has made 7 commits here before",
    ]
    smallest = Measures(subsystems=1, directories=1, files=1)
    assert sum(term.value for term in terms(change, OWN)) == pytest.approx(
        log_odds(change, OWN) - log_odds(smallest, OWN)
    )


def test_a_clock_that_went_wrong_gives_no_age_below_nothing() -> None:
    assert logs(replace(SMALL, experience=Experience(age=-5)))["age"] == 0


def test_there_is_a_probability_only_after_a_calibration_on_enough_outcomes_and_of_what_is_known() -> None:
    change = replace(SMALL, experience=KNOWN)
    assert chance(change, CALIBRATED) == pytest.approx(1 / (1 + exp(-1.2 * log_odds(change, OWN) + 0.1)))
    assert chance(change, None) is None
    assert chance(change, OWN) is None
    assert chance(SMALL, CALIBRATED) is None
    for without in ({"slope": None}, {"offset": None}, {"matured": 199}):
        assert chance(change, CALIBRATED.model_copy(update=without)) is None


def test_no_more_than_their_share_reaches_each_level() -> None:
    assert thresholds_of(range(100)) == (50, 85, 97)
    assert thresholds_of([5] * 60 + [40] * 40) == (6, 41, 42)
    assert thresholds_of([0] * 100) == (1, 2, 3)
    assert thresholds_of([100] * 100) == (98, 99, 100)
    assert thresholds_of([]) == (1, 2, 3)


def test_a_line_of_a_test_counts_a_quarter_of_one_of_the_product() -> None:
    tests = replace(SMALL, added=200, added_in_tests=200)
    assert log_odds(tests) == pytest.approx(log_odds(replace(SMALL, added=50)))
    mixed = replace(SMALL, added=200, added_in_tests=150)
    assert log_odds(SMALL) < log_odds(tests) < log_odds(mixed) < log_odds(replace(SMALL, added=200))
    assert [terms(each)[0].text for each in (tests, mixed)] == [
        "200 lines added, all in tests",
        "200 lines added, 150 in tests",
    ]


def test_files_that_rest_for_long_say_something_else_than_those_that_rest_for_a_month() -> None:
    def old(days: float | None) -> float | None:
        return logs(replace(SMALL, experience=Experience(age=days)))["old"]

    assert (old(None), old(0), old(30)) == (None, 0, 0)
    assert old(61) == pytest.approx(log(62 / 31))


@pytest.mark.parametrize(("floored", "most"), [(0, 15), (10, 15), (26, 28), (50, 51), (90, 90), (100, 100)])
def test_what_floors_lift_takes_of_the_share_of_its_level(floored: int, most: int) -> None:
    """It was 37 of 100 where floors lift 26: as many of the others as if there were no floors."""
    random = Random(floored)
    scores = random.sample(range(100), 100)
    floors = [RiskLevel.HIGH] * floored + [RiskLevel.LOW] * (100 - floored)
    medium, high, critical = thresholds_of(scores, floors)
    is_high = [score >= high or level is RiskLevel.HIGH for score, level in zip(scores, floors, strict=True)]
    assert most - 1 <= sum(is_high) <= most
    assert sum(score >= critical for score in scores) <= 3
    left = [score for score, level in zip(scores, floors, strict=True) if level is RiskLevel.LOW]
    assert len(left) * 0.5 <= sum(score < medium for score in left)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 97), min_size=1, max_size=300))
def test_a_half_is_low_and_three_in_a_hundred_critical_whatever_the_scores(scores: list[int]) -> None:
    medium, high, critical = thresholds_of(scores)
    assert 1 <= medium < high < critical <= 100
    for begin, share in ((medium, 0.5), (high, 0.15), (critical, 0.03)):
        assert sum(each >= begin for each in scores) <= share * len(scores) + 1e-9


@given(st.tuples(*[st.integers(-1000, 1000)] * 3))
def test_thresholds_rise_whatever_somebody_wrote(written: tuple[int, int, int]) -> None:
    medium, high, critical = ascending(written)
    assert 1 <= medium < high < critical <= 100


def test_thresholds_that_are_in_order_stay() -> None:
    assert ascending((37, 68, 84)) == (37, 68, 84)


WEIGHT = st.floats(-100, 100)
FILES = st.builds(
    RiskFile, intercept=WEIGHT, weights=st.dictionaries(st.sampled_from([*FEATURES, "other"]), WEIGHT, max_size=8)
)
LINES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=6)


def measured(lines: list[tuple[int, int]]) -> Measures:
    return Measures(
        subsystems=1,
        directories=1,
        files=len(lines),
        entropy=entropy([plus + minus for plus, minus in lines]),
        added=sum(plus for plus, _ in lines),
        deleted=sum(minus for _, minus in lines),
        experience=KNOWN,
    )


@settings(max_examples=150, deadline=None)
@given(LINES, st.integers(1, 500), st.one_of(st.none(), FILES), st.data())
def test_more_added_lines_never_lower_anything_whoever_wrote_the_weights(
    lines: list[tuple[int, int]], more: int, learnt: RiskFile | None, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(lines) - 1))
    plus, minus = lines[index]
    grown = measured([*lines[:index], (plus + more, minus), *lines[index + 1 :]])
    before = measured(lines)
    assert log_odds(grown, learnt) >= log_odds(before, learnt) - 1e-9
    assert 0 <= score(before, learnt) <= score(grown, learnt) <= 100


def test_the_shipped_weights_keep_the_rule_that_others_are_held_to() -> None:
    assert 0 <= WEIGHTS["entropy"] <= WEIGHTS["la"]
    assert log_odds(SMALL, RiskFile(intercept=INTERCEPT, weights=dict(WEIGHTS))) == log_odds(SMALL)
