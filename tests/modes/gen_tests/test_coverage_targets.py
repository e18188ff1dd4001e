from dataclasses import replace

import pytest

from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle
from cicd_agent.domain.trials.test_run import Fate, FileCoverage, MutantOutcome
from cicd_agent.modes.gen_tests.coverage_targets import Subject, covered, gaps, left, targets
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState
from cicd_agent.modes.gen_tests.result import Share
from tests.support.trial_world import BOUNDARY, CONSTANT, DIVISION, NEW, candidate

GRADE = Subject("calc.py", NEW, (2, 3, 7, 8))
COVERAGE = FileCoverage("calc.py", (1, 2, 3, 4, 7, 8), (1, 2, 4, 7), ((2, 3), (2, 4)), ((2, 4),))
OUTCOMES = (
    MutantOutcome(BOUNDARY.id, Fate.SURVIVED),
    MutantOutcome(CONSTANT.id, Fate.NOT_RUN),
    MutantOutcome(DIVISION.id, Fate.NOT_RUN),
)
SUITE = Suite(
    SuiteState.GREEN, coverage=(COVERAGE,), mutants=(BOUNDARY, CONSTANT, DIVISION), outcomes=OUTCOMES, tests=1
)


def test_goals_are_changed_lines_and_branches_never_taken_and_faults_that_survive() -> None:
    grade, half = targets([GRADE], SUITE)
    assert (grade.function.name, grade.lines, grade.branches) == ("grade", (3,), ((2, 3),))
    assert [mutant.id for mutant in grade.survivors] == [BOUNDARY.id]
    assert (half.function.name, half.lines, half.branches, half.survivors) == ("half", (8,), (), ())


def test_what_the_change_did_not_touch_is_no_goal() -> None:
    assert [each.function.name for each in targets([replace(GRADE, lines=(8,))], SUITE)] == ["half", "grade"]
    quiet = replace(SUITE, outcomes=())
    assert [each.function.name for each in targets([replace(GRADE, lines=(8,))], quiet)] == ["half"]
    assert targets([replace(GRADE, lines=())], quiet) == ()


def test_the_most_valuable_function_comes_first_and_a_private_one_counts_less() -> None:
    text = NEW.replace("grade", "_grade")
    first, second = targets([replace(GRADE, text=text)], replace(SUITE, outcomes=()))
    assert [first.function.name, second.function.name] == ["half", "_grade"]


def test_tests_that_stand_close_goals_and_others_do_not() -> None:
    grade, _ = targets([GRADE], SUITE)
    report = CandidateReport(candidate(), lines=(3,), branches=((2, 3),), kills=(BOUNDARY.id,))
    assert left(grade, [report]).gap_count == 0
    assert left(grade, [replace(report, stopped=Hurdle.STABLE)]) == grade
    elsewhere = replace(report, candidate=replace(report.candidate, path="other.py"))
    assert left(grade, [elsewhere]) == grade


def test_what_new_tests_alone_execute_and_let_live_is_a_goal_then() -> None:
    grade, _ = targets([GRADE], SUITE)
    assert [mutant.id for mutant in grade.dormant] == [CONSTANT.id]
    report = CandidateReport(candidate(), lines=(3,), branches=((2, 3),), survived=(CONSTANT.id,))
    assert [mutant.id for mutant in left(grade, [report]).survivors] == [BOUNDARY.id, CONSTANT.id]
    killer = CandidateReport(candidate("test_other"), kills=(BOUNDARY.id, CONSTANT.id))
    assert left(grade, [report, killer]).gap_count == 0


def test_what_a_model_holds_unreachable_stays_open_and_is_told_so() -> None:
    held = {("calc.py", "grade"): {"line 3": "It only logs.", "fault m1": "It only logs.", "line 99": "Gone."}}
    first, second = gaps([GRADE], SUITE, SUITE.coverage, OUTCOMES, held)
    assert (first.lines, len(first.survivors)) == ((3,), 1)
    assert first.advice == (
        "Find input for `grade` with which line 2 goes on to line 3. "
        "The model holds it unreachable (line 3, `>=` → `>`, line 2): It only logs."
    )
    assert "unreachable" not in second.advice


def test_coverage_is_told_of_the_files_and_of_the_changed_lines() -> None:
    found = covered([GRADE], SUITE.coverage)
    assert found is not None
    assert (found.files, found.changed) == (Share(4, 6), Share(2, 4))
    assert found.changed.percent == 50
    assert covered([GRADE], ()) is None
    assert Share(0, 0).percent is None


def test_what_is_open_is_told_with_what_would_close_it_also_outside_of_functions() -> None:
    text = "LIMIT = 3\n\n\ndef go(n):\n    return n\n"
    subject = Subject("calc.py", text, (1, 5))
    suite = Suite(SuiteState.RED, coverage=(FileCoverage("calc.py", (1, 4, 5), (4,)),))
    inside, outside = gaps([subject], suite, suite.coverage, ())
    assert (inside.function, inside.lines, outside.function, outside.lines) == ("go", (5,), "", (1,))
    assert inside.advice.startswith("Call `go` from a test")
    assert "import" in outside.advice


@pytest.mark.parametrize("text", ["def broken(:\n", "\0", "", "x = (" * 500])
def test_a_file_that_nobody_can_parse_has_no_gap_lines(text: str) -> None:
    assert targets([Subject("calc.py", text, (1,))], replace(SUITE, outcomes=())) == ()
