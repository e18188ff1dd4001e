"""Labels rest on facts, what is not known is said, and a few labels never raise an alarm."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.analysis.risk.outcome_labels import DAY
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.repository.diff import Side
from cicd_agent.insights.accuracy.decisions import DecidedFailure, ReportedFinding
from cicd_agent.insights.accuracy.failures import failure_cases
from cicd_agent.insights.accuracy.findings import (
    feedback_of,
    label_finding,
    latest_reports,
    merge_threads,
)
from cicd_agent.insights.accuracy.labels import (
    MIN_LABELS,
    THRESHOLDS,
    Case,
    Ground,
    ModeAccuracy,
    Tally,
    Truth,
    measure,
)
from cicd_agent.insights.accuracy.line_tracker import LaterState, LineFate

NOW = 100 * DAY
TOLD = ReportedFinding(
    "o/r", 5, "a" * 40, NOW - 10 * DAY, "f" * 16, "a.py", 3, 4, rule="py-shell", origin="rule", severity="high"
)
THREAD = OurThread("f" * 16, "a.py", 3, 4, Side.RIGHT, "a" * 40, NOW - 10 * DAY, url="https://github.test/1")
MERGED = Discussed(5, PullEnd.MERGED, "b" * 40, NOW)
SAME, CHANGED = LaterState(LineFate.SAME), LaterState(LineFate.CHANGED)
COMMITTED = LaterState(LineFate.CHANGED, suggestion=True)


def label(
    became: LaterState, pull: Discussed | None = MERGED, thread: OurThread | None = THREAD, told: ReportedFinding = TOLD
) -> tuple[Truth, Ground]:
    case = label_finding(told, became, pull, feedback_of(thread, lambda login: login == "maintainer"), NOW)
    return case.truth, case.ground


@pytest.mark.parametrize(
    ("became", "thread", "truth", "ground"),
    [
        (COMMITTED, THREAD, Truth.RIGHT, Ground.SUGGESTION),
        (LaterState(LineFate.REWRITTEN, suggestion=True), THREAD, Truth.RIGHT, Ground.SUGGESTION),
        (CHANGED, THREAD, Truth.RIGHT, Ground.CHANGED),
        (CHANGED, None, Truth.RIGHT, Ground.CHANGED),
        (LaterState(LineFate.CHANGED, gone=True), THREAD, Truth.RIGHT, Ground.FILE_GONE),
        (LaterState(LineFate.CHANGED, restored=True), THREAD, Truth.RIGHT, Ground.RESTORED),
        (LaterState(LineFate.REWRITTEN), THREAD, Truth.UNKNOWN, Ground.REWRITTEN),
        (LaterState(), THREAD, Truth.UNKNOWN, Ground.UNSEEN),
        (SAME, THREAD, Truth.UNKNOWN, Ground.IGNORED),
        (SAME, None, Truth.UNKNOWN, Ground.IGNORED),
        (SAME, replace(THREAD, thumbs_up=3), Truth.UNKNOWN, Ground.IGNORED),
        (SAME, replace(THREAD, resolved_by="maintainer"), Truth.WRONG, Ground.RESOLVED),
        (SAME, replace(THREAD, resolved_by="outsider"), Truth.UNKNOWN, Ground.IGNORED),
        (SAME, replace(THREAD, dismissed_by="maintainer"), Truth.WRONG, Ground.DISMISSED),
        (LaterState(LineFate.BESIDE), replace(THREAD, resolved_by="maintainer"), Truth.UNKNOWN, Ground.BESIDE),
        (LaterState(LineFate.BESIDE), THREAD, Truth.UNKNOWN, Ground.IGNORED),
        (LaterState(), replace(THREAD, resolved_by="maintainer"), Truth.UNKNOWN, Ground.UNSEEN),
        (CHANGED, replace(THREAD, resolved_by="maintainer"), Truth.RIGHT, Ground.CHANGED),
        (CHANGED, replace(THREAD, thumbs_down=("maintainer",)), Truth.WRONG, Ground.THUMBED_DOWN),
        (SAME, replace(THREAD, thumbs_down=("outsider", "maintainer")), Truth.WRONG, Ground.THUMBED_DOWN),
        (SAME, replace(THREAD, thumbs_down=("outsider",)), Truth.UNKNOWN, Ground.IGNORED),
        (COMMITTED, replace(THREAD, thumbs_down=("maintainer",)), Truth.UNKNOWN, Ground.CONTRADICTORY),
        (SAME, replace(THREAD, hidden="off-topic"), Truth.WRONG, Ground.HIDDEN),
        (SAME, replace(THREAD, hidden="outdated"), Truth.UNKNOWN, Ground.IGNORED),
        (SAME, replace(THREAD, hidden="resolved"), Truth.UNKNOWN, Ground.IGNORED),
    ],
)
def test_a_finding_is_accepted_or_rejected_by_facts_alone(
    became: LaterState, thread: OurThread | None, truth: Truth, ground: Ground
) -> None:
    assert label(became, thread=thread) == (truth, ground)


@pytest.mark.parametrize(
    ("pull", "days", "ground"),
    [
        (None, 10, Ground.UNSEEN),
        (replace(MERGED, end=PullEnd.CLOSED), 10, Ground.ABANDONED),
        (replace(MERGED, end=PullEnd.OPEN), 3, Ground.OPEN),
    ],
)
def test_what_is_not_over_or_came_to_nothing_says_nothing(pull: Discussed | None, days: int, ground: Ground) -> None:
    told = replace(TOLD, at=NOW - days * DAY)
    for became in (SAME, CHANGED, COMMITTED):
        assert label(became, pull, told=told) == (Truth.UNKNOWN, ground)
    no = replace(THREAD, thumbs_down=("maintainer",))
    assert label(CHANGED, pull, no, told)[0] is Truth.WRONG, "a person's word needs no end of the pull request"


def test_of_a_pull_request_that_is_open_for_long_a_change_counts_and_silence_does_not() -> None:
    waiting = replace(MERGED, end=PullEnd.OPEN)
    assert label(CHANGED, waiting) == (Truth.RIGHT, Ground.CHANGED)
    assert label(SAME, waiting) == (Truth.UNKNOWN, Ground.OPEN)


def test_a_pull_request_that_was_merged_is_over_however_young_the_finding_is() -> None:
    assert label(CHANGED, told=replace(TOLD, at=NOW - 60)) == (Truth.RIGHT, Ground.CHANGED)


def test_a_finding_that_was_said_again_counts_once_from_where_it_was_said_last() -> None:
    later, other = replace(TOLD, sha="c" * 40, at=TOLD.at + 5), replace(TOLD, pull=6)
    assert latest_reports([later, TOLD, other]) == (later, other)
    down = replace(THREAD, at=THREAD.at - 5, thumbs_down=("x",), resolved_by="x")
    assert merge_threads([THREAD, down]) == {THREAD.fingerprint: replace(THREAD, thumbs_down=("x",))}


def case(truth: Truth, mode: str = "review", rule: str = "r", ground: Ground = Ground.CHANGED) -> Case:
    return Case(mode, truth, ground, rule=rule, origin="rule", severity="high")


def test_the_record_counts_by_mode_rule_origin_and_severity() -> None:
    told = measure(
        [
            case(Truth.RIGHT),
            case(Truth.RIGHT, rule="model"),
            case(Truth.WRONG, ground=Ground.HIDDEN),
            case(Truth.UNKNOWN, rule="model", ground=Ground.IGNORED),
            case(Truth.RIGHT, "deploy-gate", ""),
        ],
        {},
    )
    review = told.modes["review"]
    assert review == ModeAccuracy(
        Tally(2, 1, 1), ((Ground.CHANGED, 2), (Ground.HIDDEN, 1), (Ground.IGNORED, 1)), THRESHOLDS["review"]
    )
    assert (review.tally.n, review.tally.share.times, review.tally.share.n) == (4, 2, 3)
    assert review.tally.unknown_share == 0.25
    assert told.rules == {"model": Tally(1, 0, 1), "r": Tally(1, 1, 0)}
    assert told.origins == {"rule": Tally(2, 1, 1)}
    assert told.severities == {"high": Tally(2, 1, 1)}
    assert told.modes["deploy-gate"].tally == Tally(1, 0, 0)
    assert Tally().unknown_share is None
    assert Tally().share.low is None


@pytest.mark.parametrize(("right", "wrong", "threshold"), [(1, 9, 0.5), (40, 60, 0.5), (0, 10, 0.1 + 0.2), (5, 7, 0.9)])
def test_an_alarm_is_raised_when_the_whole_interval_lies_below_the_threshold(
    right: int, wrong: int, threshold: float
) -> None:
    told = measure([case(Truth.RIGHT)] * right + [case(Truth.WRONG)] * wrong, {"review": threshold})
    assert told.below == ("review",)


@pytest.mark.parametrize(
    ("right", "wrong", "threshold"),
    [(0, 9, 0.5), (0, 1, 0.9), (4, 6, 0.5), (0, 100, 0.0), (0, 0, 0.9), (30, 0, 1.0), (50, 50, 0.5)],
    ids=["few", "one", "could be more", "nothing is asked", "none", "all right", "as asked"],
)
def test_no_alarm_is_raised_over_a_few_or_in_doubt(right: int, wrong: int, threshold: float) -> None:
    cases = [case(Truth.RIGHT)] * right + [case(Truth.WRONG)] * wrong + [case(Truth.UNKNOWN)] * 50
    assert measure(cases, {"review": threshold}).below == ()


FAILED = DecidedFailure("o/r", "a" * 40, NOW, "flaky", "print", run=9, attempt=1)


@pytest.mark.parametrize(
    ("state", "label"),
    [
        (None, (Truth.UNKNOWN, Ground.TOO_EARLY)),
        (RunState(9, 1, conclusion="failure"), (Truth.UNKNOWN, Ground.TOO_EARLY)),
        (RunState(9, 2, conclusion=""), (Truth.UNKNOWN, Ground.TOO_EARLY)),
        (RunState(9, 2, conclusion="failure"), (Truth.UNKNOWN, Ground.TOO_EARLY)),
        (RunState(9, 2, conclusion="success"), (Truth.RIGHT, Ground.RERUN_PASSED)),
    ],
)
def test_a_failure_was_rightly_excused_when_it_went_away_by_itself(
    state: RunState | None, label: tuple[Truth, Ground]
) -> None:
    (found,) = failure_cases([FAILED, replace(FAILED, run=8, cause="change")], lambda _: state)
    assert (found.truth, found.ground, found.mode) == (*label, "analyse-failure")


def test_a_failure_that_came_again_in_the_same_way_was_wrongly_excused() -> None:
    again = replace(FAILED, attempt=2, cause="change")
    (found,) = failure_cases([FAILED, again, replace(FAILED)], lambda _: RunState(9, 3, conclusion="success"))
    assert (found.truth, found.ground) == (Truth.WRONG, Ground.RERUN_FAILED)
    (found,) = failure_cases([FAILED, replace(again, fingerprint="other")], lambda _: None)
    assert found.truth is Truth.UNKNOWN


def test_every_ground_and_threshold_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/accuracy.md").read_text("utf-8")
    assert [ground for ground in Ground if f"`{ground}`" not in page] == []
    assert [mode for mode, least in THRESHOLDS.items() if f"{mode}: {least}\n" not in page] == []
    assert f"there are {MIN_LABELS} labels or more" in page
