from dataclasses import replace
from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.analysis.risk.assessment import FEWEST, Floor, assess
from cicd_agent.analysis.risk.features import features
from cicd_agent.analysis.risk.model import SHIPPED_THRESHOLDS, score
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.history import Experience, History, Measures, PastChange, Trouble
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.verdict import Ground, Reason, RiskLevel
from tests.support.samples.changes import change_of

SEASONED = Experience(developers=4, age=10, last_changes=2, commits=7, recent_commits=3, subsystem_commits=1)
OWN = RiskFile(intercept=-2.0, weights={"la": 0.5, "rexp": -0.3}, slope=1.0, offset=0.0, matured=200)
NOTHING = History()


def adding(lines: int, path: str = "src/a.py") -> Change:
    return change_of((path, "", "".join(f"run_{number}()\n" for number in range(lines))))


def past(added: int, floor: RiskLevel = RiskLevel.LOW) -> PastChange:
    return PastChange("a" * 40, 1, Measures(1, 1, 1, added=added), floor)


def before(*added: int) -> History:
    return History(commits=len(added), recent=tuple(map(past, added)))


def test_a_change_is_measured_as_those_before_it() -> None:
    assert features(adding(12), SEASONED).measures == replace(past(12).measures, experience=SEASONED)


def test_without_a_past_there_is_no_percentile_no_mix_and_no_probability() -> None:
    for risk in (assess(adding(12)), assess(adding(12), (), NOTHING)):
        assert (risk.percentile, risk.among, risk.mix, risk.probability) == (None, 0, (), None)
    assert assess(adding(12), (), NOTHING) == assess(adding(12))


def test_the_percentile_is_the_share_of_the_changes_before_that_score_lower() -> None:
    risk = assess(adding(50), (), before(*[1, 2, 50, 400] * 5))
    assert (risk.percentile, risk.among) == (50, 20)
    assert assess(adding(1), (), before(*[1, 2, 3] * 7)).percentile == 0
    assert assess(adding(900), (), before(*[1, 2, 3] * 7)).percentile == 100


def test_with_fewer_than_twenty_changes_before_there_is_neither_rank_nor_mix() -> None:
    few, enough = assess(adding(5), (), before(*[9] * 19)), assess(adding(5), (), before(*[9] * 20))
    assert (few.percentile, few.mix, few.among) == (None, (), 19)
    assert (enough.percentile, enough.mix, enough.among) == (0, (20, 0, 0, 0), 20)


def test_a_floor_counts_for_the_change_and_for_those_before_it() -> None:
    migrations = History(recent=(past(1, RiskLevel.HIGH), past(2, RiskLevel.HIGH), past(3), past(4)) * 5)
    assert assess(adding(5), (), migrations).percentile == 50
    assert assess(adding(5), [Floor(RiskLevel.HIGH, "it drops a column")], migrations).percentile == 50
    assert assess(adding(5), [Floor(RiskLevel.CRITICAL, "a secret is committed")], migrations).percentile == 100


def test_only_the_last_five_hundred_are_ranked_and_the_last_hundred_mixed() -> None:
    risk = assess(adding(50), (), before(*[1] * 500, *[900] * 500))
    assert (risk.percentile, risk.among) == (100, 500)
    assert sum(risk.mix) == 100


def test_a_hundred_changes_say_where_the_levels_begin_and_fewer_do_not() -> None:
    sizes = [round(1.1**number) for number in range(100)]
    assert assess(adding(100), (), before(*sizes[:99])).level is RiskLevel.MEDIUM
    assert assess(adding(100), (), before(*sizes)).level is RiskLevel.LOW
    assert assess(adding(12_000), (), before(*sizes)).level is RiskLevel.CRITICAL
    low, medium, high, critical = assess(adding(100), (), before(*sizes)).mix
    assert (low >= 50, medium > 30, high > 8, critical <= 3) == (True, True, True, True)


def test_in_a_repository_of_large_changes_not_everything_is_high() -> None:
    sizes = [1_000 + 50 * number for number in range(200)]
    low, medium, high, critical = assess(adding(1_000), (), before(*sizes)).mix
    assert low >= 50
    assert high + critical <= 15
    assert medium <= 50


def test_what_is_learnt_says_where_the_levels_begin_before_the_past_does() -> None:
    learnt = RiskFile(thresholds=(1, 2, 3))
    assert assess(adding(5), (), before(*range(300)), learnt).level is RiskLevel.CRITICAL
    assert assess(adding(5), (), None, RiskFile(thresholds=(90, 20, 10))).level is RiskLevel.LOW


def test_a_floor_begins_where_its_level_does() -> None:
    floor = Floor(RiskLevel.HIGH, "it drops a column")
    assert assess(adding(1), [floor], None, RiskFile(thresholds=(10, 20, 30))).score == 20
    assert assess(adding(1), [floor]).score == SHIPPED_THRESHOLDS[1]


@pytest.mark.parametrize(
    ("trouble", "level"),
    [
        (Trouble("src/a.py", "reverted", 2), RiskLevel.HIGH),
        (Trouble("src/a.py", "reverted", 1), RiskLevel.MEDIUM),
        (Trouble("src/a.py", "repaired", 3), RiskLevel.MEDIUM),
        (Trouble("src/a.py", "repaired", 2), RiskLevel.LOW),
    ],
)
def test_what_befell_a_file_lately_sets_a_floor(trouble: Trouble, level: RiskLevel) -> None:
    assert assess(adding(1), (), History(troubles=(trouble,))).level is level


def test_troubles_are_told_by_the_file_that_had_most_of_them() -> None:
    troubles = (
        Trouble("src/a.py", "reverted", 1),
        Trouble("src/b.py", "reverted", 2),
        Trouble("src/c.py", "repaired", 4),
    )
    reasons = assess(adding(1), (), History(troubles=troubles)).reasons
    assert reasons[0] == Reason("`src/b.py` was reverted twice in 90 days, 1 other file as well", 41, Ground.AREA)
    assert Reason("`src/c.py` was repaired 4 times in 90 days", 0, Ground.AREA) in reasons


def test_experience_counts_where_the_weights_have_it_and_is_named_where_it_is_not_known() -> None:
    known = assess(adding(50), (), History(experience=SEASONED), OWN)
    assert [reason.text for reason in known.reasons] == [
        "50 lines added",
        "its author has made 7 commits here before",
    ]
    assert known.reasons[1].points < 0
    newcomer = assess(adding(50), (), NOTHING, OWN)
    assert newcomer.score > known.score
    assert newcomer.reasons[-1] == Reason("not known, and so taken for what is usual: rexp", 0)


def test_a_probability_is_spoken_of_only_after_a_calibration_and_of_what_runs() -> None:
    seasoned = History(experience=SEASONED)
    assert assess(adding(50), (), seasoned, OWN).probability == pytest.approx(
        1 / (1 + exp(2.0 - 0.5 * log(51) + 0.3 * log(4)))
    )
    assert assess(adding(50), (), seasoned).probability is None
    assert assess(adding(50), (), NOTHING, OWN).probability is None
    assert assess(adding(50, "docs/page.md"), (), seasoned, OWN).probability is None


SIZES = st.integers(0, 400)
PAST = st.lists(st.builds(past, SIZES, st.sampled_from(RiskLevel)), max_size=120).map(tuple)
WEIGHT = st.floats(-100, 100)
THRESHOLD = st.integers(1, 100)
LEARNT = st.one_of(
    st.none(),
    st.builds(
        RiskFile,
        intercept=st.one_of(st.none(), WEIGHT),
        weights=st.dictionaries(st.sampled_from(["la", "ld", "nf", "entropy", "rexp", "age"]), WEIGHT, max_size=4),
        thresholds=st.one_of(st.none(), st.tuples(THRESHOLD, THRESHOLD, THRESHOLD)),
    ),
)
TROUBLES = st.lists(
    st.builds(Trouble, st.sampled_from("abc"), st.sampled_from(["reverted", "repaired"]), st.integers(0, 5)), max_size=4
).map(tuple)
FLOORS = st.lists(st.builds(Floor, st.sampled_from(RiskLevel), st.sampled_from(["one", "two"])), max_size=3)
HISTORIES = st.builds(History, experience=st.sampled_from([Experience(), SEASONED]), recent=PAST, troubles=TROUBLES)


@settings(max_examples=80, deadline=None)
@given(SIZES, HISTORIES, LEARNT, FLOORS)
def test_whatever_is_known_the_risk_is_consistent(
    lines: int, history: History, learnt: RiskFile | None, floors: list[Floor]
) -> None:
    change = adding(lines)
    risk = assess(change, floors, history, learnt)
    assert assess(change, floors, history, learnt) == risk
    assert 0 <= risk.score <= 100
    assert sum(reason.points for reason in risk.reasons) == risk.score
    assert all(risk.level.rank >= floor.level.rank for floor in floors)
    without = assess(change, (), history, learnt)
    assert risk.score >= without.score
    assert risk.level.rank >= without.level.rank
    assert risk.among == len(history.recent)
    assert sum(risk.mix) == (min(100, len(history.recent)) if len(history.recent) >= FEWEST else 0)
    if risk.percentile is not None and without.percentile is not None:
        assert 0 <= without.percentile <= risk.percentile <= 100


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 400), HISTORIES, LEARNT)
def test_more_lines_never_lower_score_level_or_percentile(
    lines: int, more: int, history: History, learnt: RiskFile | None
) -> None:
    small, large = assess(adding(lines), (), history, learnt), assess(adding(lines + more), (), history, learnt)
    assert small.score <= large.score
    assert small.level.rank <= large.level.rank
    assert (small.percentile or 0) <= (large.percentile or 0)


def test_a_change_and_its_like_of_the_past_have_the_same_score() -> None:
    for learnt in (None, OWN):
        assert assess(adding(30), (), NOTHING, learnt).score == score(past(30).measures, learnt)
