from dataclasses import replace
from random import Random

import pytest

from cicd_agent.analysis.risk.calibration import MIN_OF_EACH, Calibration, calibrate_on, level_shares
from cicd_agent.analysis.risk.model import log_odds, score
from cicd_agent.analysis.risk.outcome_labels import DAY, Label, Source
from cicd_agent.domain.repository.history import Experience, Measures, PastChange
from cicd_agent.domain.repository.risk_file import RiskFile
from cicd_agent.domain.verdict import RiskLevel

START = 1_700_000_000
ABOUT = RiskFile(tool="cicd-agent 1", commit="c" * 40, made="2026-01-01")

Outcome = tuple[PastChange, Label]


def outcome(number: int, measures: Measures, *, bad: bool, matured: bool = True) -> Outcome:
    sha, when = f"{number:040x}", START + number * DAY
    return PastChange(sha, when, measures), Label(sha, when, (Source.REVERT,) if bad else (), matured)


def history(n: int, *, seed: int = 1, because: str = "lines", matured: bool = True) -> list[Outcome]:
    """`n` changes, oldest first: which are bad hangs on their lines, on their author's inexperience, or on nothing."""
    random = Random(seed)
    told = []
    for number in range(n):
        added, done = int(random.lognormvariate(3, 1.5)), random.randint(0, 300)
        measures = Measures(
            1, 1, 1 + added // 50, 0.0, added, added // 3, experience=Experience(2, 3, 2, done, done, done)
        )
        likely = {"lines": added > 40, "newcomers": done < 60, "nothing": random.random() < 0.3}[because]
        told.append(outcome(number, measures, bad=random.random() < (0.8 if likely else 0.05), matured=matured))
    return told


def learnt(told: list[Outcome]) -> Calibration:
    return calibrate_on([change for change, _ in told[::-1]], [label for _, label in told[::-1]], ABOUT)


def test_own_outcomes_make_own_weights_where_these_are_better() -> None:
    told = learnt(history(600, because="newcomers"))
    file = told.file
    assert (told.fitted, told.judged, file.matured, file.labels) == (480, 120, 600, 600)
    assert file.weights["rexp"] < 0, "who has done little here breaks more"
    assert (file.before.auc or 0) < 0.6
    assert (file.after.auc or 0) > 0.75
    assert (file.after.calibration_error or 1) < (file.before.calibration_error or 0)
    assert (file.slope or 0) > 0
    assert told.notes == ()
    assert "lt" not in file.weights, "nobody knows how long the files were"


def test_the_shipped_weights_stay_where_own_ones_are_no_better() -> None:
    """A probability comes of the shipped ones all the same: it is the scale that was learnt."""
    told = next(
        found
        for seed in range(20)
        for found in [learnt(history(250, seed=seed))]
        if "the shipped weights stay" in str(found.notes)
    )
    assert (told.file.weights, told.file.intercept) == ({}, None)
    assert (told.own_auc or 0) <= (told.file.before.auc or 0)
    assert told.file.after.auc == told.file.before.auc
    assert (told.file.slope or 0) > 0
    assert told.file.after.calibration_error is not None


def test_own_weights_that_chance_may_have_made_better_are_not_taken() -> None:
    """Those that did better on the newest fifth, and no better before: this alone let them in once."""
    lucky = 0
    for seed in range(12):
        found = learnt(history(400, seed=seed, because="nothing"))
        assert found.file.weights == {}
        lucky += (found.own_auc or 0) > (found.file.before.auc or 0)
    assert lucky >= 3


def test_own_weights_are_not_taken_once_the_newest_changes_turn_against_them() -> None:
    told = history(600, because="newcomers")
    turned = [
        outcome(600 + number, change.measures, bad=change.measures.added > 40)
        for number, (change, _) in enumerate(history(100, seed=2))
    ]
    assert learnt(told).file.weights
    assert learnt([*told, *turned]).notes[0] == "the shipped weights stay: own ones order the newest changes no better"


def test_with_too_few_labels_there_are_thresholds_and_what_is_missing() -> None:
    told = learnt(history(150))
    (note,) = told.notes
    assert note.startswith("no probability: there are 150 changes of which the outcome is known for 90 days")
    assert note.endswith("it takes 200: 50 are missing")
    assert (told.file.slope, told.file.weights, told.fitted) == (None, {}, 0)
    medium, high, critical = told.file.thresholds or (0, 0, 0)
    assert 0 < medium < high < critical <= 100


def test_young_labels_are_counted_and_not_learnt_from() -> None:
    old, young = history(199), history(300, matured=False)
    told = learnt(
        [
            *old,
            *(
                outcome(1000 + number, change.measures, bad=label.bad, matured=False)
                for number, (change, label) in enumerate(young)
            ),
        ]
    )
    assert (told.file.matured, told.file.labels) == (199, 499)
    assert "1 are missing" in told.notes[0]
    assert told.file.slope is None


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_kind_alone_teaches_nothing(share: float) -> None:
    told = learnt(
        [(change, replace(label, sources=(Source.HOTFIX,) if share else ())) for change, label in history(300)]
    )
    assert f"only 0 of 300 changes were {'good' if share else 'bad'}, and it takes {MIN_OF_EACH}" in told.notes[0]
    assert (told.file.slope, told.file.weights) == (None, {})


def test_where_the_newest_changes_are_all_good_nothing_can_be_judged() -> None:
    told = learnt(
        [
            (change, label if number < 240 else replace(label, sources=()))
            for number, (change, label) in enumerate(history(300))
        ]
    )
    assert "all of the newest fifth of the changes are good" in told.notes[0]
    assert told.file.slope is None


def test_what_orders_no_better_than_chance_is_no_probability() -> None:
    """The newest changes turn round what the older ones taught."""
    turned = [
        (change, label if number < 240 else replace(label, sources=() if label.bad else (Source.REVERT,)))
        for number, (change, label) in enumerate(history(300))
    ]
    told = learnt(turned)
    assert "no better than chance" in told.notes[-1]
    assert (told.file.slope, told.file.offset, told.file.after.calibration_error) == (None, None, None)


@pytest.mark.parametrize("because", ["lines", "newcomers", "nothing"])
def test_the_same_outcomes_make_the_same_file_and_more_lines_never_lower_it(because: str) -> None:
    told = history(300, because=because)
    file = learnt(told).file
    assert file == learnt(told).file
    assert RiskFile.model_validate_json(file.model_dump_json()) == file
    measures = told[0][0].measures
    odds = [log_odds(replace(measures, added=lines), file) for lines in range(0, 500, 50)]
    assert odds == sorted(odds)


def test_the_levels_of_the_last_changes_are_told_before_and_after() -> None:
    told = history(700)
    floored = [(replace(change, floor=RiskLevel.HIGH), label) for change, label in told[-10:]]
    file = learnt([*told[:-10], *floored]).file
    assert file.shares_before is not None
    assert file.shares_before[2] >= 10 / 500
    for shares in (file.shares_before, file.shares_after):
        assert shares is not None
        assert sum(shares) == pytest.approx(1, abs=1e-3)
    low, *_, critical = file.shares_after or (0.0, 0.0)
    assert 0.45 <= low <= 0.6
    assert critical <= 0.04
    assert level_shares([], None) is None


def test_own_weights_spread_the_changes_over_the_levels() -> None:
    """Weights by which experience lowers the risk must not make everything low: the scale begins at a usual past."""
    file = learnt(history(600, because="newcomers")).file
    assert file.weights["rexp"] < 0
    low, medium, high, critical = file.shares_after or (0.0,) * 4
    assert 0.45 <= low <= 0.6
    assert min(medium, high, critical) > 0.01
    newcomer, unknown = (
        Measures(1, 1, 1, 0.0, 30, 0, experience=past) for past in (Experience(2, 3, 2, 0, 0, 0), Experience())
    )
    assert score(newcomer, file) >= score(unknown, file) > 0
    assert score(replace(unknown, added=3_000), file) > score(unknown, file)


def test_changes_that_are_all_alike_have_thresholds_that_most_do_not_reach() -> None:
    told = learnt([outcome(number, Measures(1, 1, 1, 0.0, 10, 0), bad=number % 3 == 0) for number in range(300)])
    assert told.file.shares_after == (1.0, 0.0, 0.0, 0.0)
    assert told.file.slope is None
