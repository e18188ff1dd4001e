from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, Hurdle
from cicd_agent.domain.trials.test_run import Mutant, Outcome, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE
from cicd_agent.modes.gen_tests.questions import prompt
from cicd_agent.modes.gen_tests.trial.single_trial import NO_MUTANTS, ZONES, screen
from tests.support.fakes.test_runner import FakePytestRunner
from tests.support.trial_world import BOUNDARY, CONSTANT, DIVISION, HOME, TESTS, Project, candidate, evidence, failed

GOOD = Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m1": "AssertionError", "m2": "AssertionError"}})


def one(project: Project, proposed: Candidate | None = None, *mutants: Mutant) -> CandidateReport:
    (report,) = screen([proposed or candidate()], evidence(*mutants), project.pytest_runner())
    return report


def test_a_good_test_stands_with_what_it_is_good_for() -> None:
    report = one(GOOD)
    assert report.stands
    assert (report.lines, report.kills, report.passed, report.runs) == ((3,), ("m1", "m2"), 1, 1)


def test_each_runs_in_a_module_of_its_own_beside_its_home_all_in_one_batch() -> None:
    pytest_runner = GOOD.pytest_runner()
    first, second = candidate(), candidate("test_half", "assert half(4) == 2", function="half")
    screen([first, second], evidence(), pytest_runner)
    ((runs, files, at_base),) = pytest_runner.batches
    path = f"tests/test_calc__{first.key[:8]}.py"
    assert runs[0].select == (f"{path}::test_best",)
    assert files[path] == TESTS + "\n\ndef test_best():\n    assert grade(90) == 'A'\n"
    assert [mutant.id for mutant in runs[0].mutants][-1] == "m3", "those of its own function come first"
    assert next(mutant.id for mutant in runs[1].mutants) == "m3"
    assert len(runs) == 2
    assert not at_base


def test_what_its_text_says_against_it_is_never_run() -> None:
    pytest_runner = GOOD.pytest_runner()
    bad = [candidate(code="assert True"), candidate(code="def test_best(:"), candidate("test_b", "pytest.skip()")]
    reports = screen(bad, evidence(), pytest_runner)
    assert [report.stopped for report in reports] == [Hurdle.STATIC, Hurdle.PARSES, Hurdle.STATIC]
    assert all(report.reason for report in reports)
    assert pytest_runner.batches == []


def test_the_same_candidate_twice_is_tried_once() -> None:
    pytest_runner = GOOD.pytest_runner()
    reports = screen([candidate(), candidate()], evidence(), pytest_runner)
    assert [report.stopped for report in reports] == [None, Hurdle.ADDS]
    assert len(pytest_runner.runs) == 1


def test_what_executes_nothing_new_is_stopped() -> None:
    report = one(Project(executes={"test_best": {1, 4}}))
    assert report.stopped is Hurdle.COVERS


def test_what_would_pass_with_faults_is_stopped_and_told_which() -> None:
    report = one(Project(executes={"test_best": {2, 3}}))
    assert report.stopped is Hurdle.KILLS
    assert "line 2: `>=` → `>`" in report.reason


@pytest.mark.parametrize("exception", ["timeout", "", "SIGSEGV"])
def test_hanging_with_a_fault_is_not_noticing_it(exception: str) -> None:
    report = one(Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m1": exception}}))
    assert report.stopped is Hurdle.KILLS


def test_a_line_that_raises_is_tested_by_expecting_that() -> None:
    raises = Mutant("m8", "calc.py", 3, "grade", "raise", 0, 0, "pass", "without raise")
    unreached = Mutant("m7", "calc.py", 4, "grade", "constant", 0, 0, "", "")
    project = Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m8": "Failed"}}, unreached={"m7"})
    assert one(project, None, raises, unreached).stands
    assert one(replace(project, unreached=set()), None, raises, unreached).stopped is Hurdle.KILLS


def test_what_only_fails_because_the_code_raises_asserts_too_little_unless_that_is_all_there_is_to_notice() -> None:
    project = Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m1": "TypeError"}})
    weak = candidate(code="assert isinstance(grade(90), str)")
    report = one(project, weak)
    assert report.stopped is Hurdle.KILLS
    assert "line 3: `'A'` → `'x'`" in report.reason
    assert one(project, weak, BOUNDARY).stands


@pytest.mark.parametrize(
    ("code", "stands"),
    [
        ("assert grade(90) == 'A'", True),
        ("result = grade(90)\n    assert result == 'A'", True),
        ("def made(n):\n    return grade(n)\n\n\ndef test_best():\n    assert made(90) == 'A'\n", True),
        ("with pytest.raises(ValueError):\n        grade(-1)\n    assert grade(90) == 'A'", True),
        ("grade(90)\n    assert grade(1) == 'B'", False),
        ("first = grade(90)\n    assert grade(1) == 'B'", False),
        ("assert type(grade(90)) is str", False),
        ("assert grade(90) != 'B'", False),
    ],
)
def test_an_error_under_a_fault_is_noticed_where_the_value_of_the_very_call_is_asserted(
    code: str,
    stands: bool,  # noqa: FBT001  a column of the table
) -> None:
    project = Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m1": "TypeError"}})
    assert one(project, candidate("test_best", code, "import pytest", "from calc import grade")).stands is stands


def test_a_refusal_names_the_faults_that_the_test_was_meant_for() -> None:
    met = Mutant("m6", "calc.py", 3, "grade", "constant", 0, 0, "", "met and missed")
    project = Project(executes={"test_best": {2, 3}}, unreached={"m1", "m2"})
    report = one(project, None, BOUNDARY, CONSTANT, DIVISION, met)
    assert "(line 3: met and missed, line 2: `>=` → `>`, line 3: `'A'` → `'x'`)" in report.reason
    assert report.survived == ("m6", "m3")
    nothing = one(Project(executes={"test_half": {1}}), candidate("test_half", "assert half(4) == 2", function="half"))
    assert nothing.stopped is Hurdle.COVERS
    assert nothing.reason.endswith("covers nothing new (still open: line 8: `/` → `*`)")


def in_time(project: Project, **zones: Project) -> tuple[CandidateReport, FakePytestRunner]:
    """What comes of a test of code that tells the time, in a project that is another one in some zones."""
    known = evidence()
    assert known.change
    timely = replace(known.change, texts={"calc.py": f"import datetime\n{known.change.texts['calc.py']}"})
    pytest_runner = FakePytestRunner(
        lambda run, files, tree: zones.get(run.perturbation.time_zone, project).run(run, files, tree)
    )
    (report,) = screen([candidate()], replace(known, change=timely), pytest_runner)
    return report, pytest_runner


def test_code_that_tells_the_time_is_tried_with_its_faults_in_every_time_zone_of_the_trial() -> None:
    zones = ["UTC", *ZONES[:3]]
    project = replace(GOOD, kills={"test_best": {"m1": "AssertionError"}})
    report, pytest_runner = in_time(project, **{zones[2]: GOOD})
    assert [one.perturbation.time_zone for one in pytest_runner.runs] == zones
    assert [[each.id for each in one.mutants] for one in pytest_runner.runs[1:]] == [["m2", "m3"]] * 3
    assert report.kills == ("m1", "m2"), "local time is another one there"
    assert all(zone in prompt() for zone in zones)


def test_a_test_that_fails_in_a_time_zone_is_told_which() -> None:
    report, _ = in_time(GOOD, **{ZONES[1]: replace(GOOD, endings={"test_best": lambda *_: failed("x")})})
    assert report.stopped is Hurdle.STABLE
    assert f"fails in the time zone {ZONES[1]}: AssertionError: x" in report.reason


def test_a_trivial_fault_alone_is_not_enough_where_there_are_telling_ones() -> None:
    trivial = Mutant("m9", "calc.py", 3, "grade", "return", 0, 0, "", "dropped")
    project = Project(executes={"test_best": {2, 3}}, kills={"test_best": {"m9": "AssertionError"}})
    assert one(project, None, BOUNDARY, trivial).stopped is Hurdle.KILLS
    assert one(project, None, trivial).stands


def test_with_no_fault_to_notice_executing_is_enough_and_the_report_says_so() -> None:
    elsewhere = Mutant("m5", "other.py", 1, "f", "relational", 0, 1, "", "")
    report = one(Project(executes={"test_best": {3}}), None, elsewhere)
    assert report.stands
    assert report.reason == NO_MUTANTS


def test_what_does_not_pass_tells_with_what_and_whether_it_did_before_the_change() -> None:
    skipped = Project(endings={"test_best": lambda *_: TestOutcome("", Outcome.SKIPPED, message="not here")})
    assert one(skipped).stopped is Hurdle.PASSES
    project = Project(endings={"test_best": lambda _, tree: None if tree == "base" else failed("assert 1 == 2")})
    report = one(project, candidate(expectation=Expectation.DOCSTRING))
    assert report.stopped is Hurdle.PASSES
    assert (report.fails_with, report.exception) == ("AssertionError: assert 1 == 2", "AssertionError")
    assert report.where == "calc.py:3"
    assert report.passes_on_base is True


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_what_tries_to_leave_the_machine_falls_however_it_ends_and_is_no_sign_of_a_bug(outcome: Outcome) -> None:
    report = one(replace(GOOD, endings={"test_best": lambda *_: TestOutcome("", outcome, reached="example.org")}))
    assert (report.stopped, report.fails_with, report.passes_on_base) == (Hurdle.PASSES, "", None)
    assert report.reason.startswith("it tries to reach example.org, and there is no network here: patch the call")


def test_all_failing_ones_are_run_before_the_change_in_one_process() -> None:
    project = Project(endings={"test_a": lambda *_: failed("x"), "test_b": lambda *_: failed("y")})
    pytest_runner = project.pytest_runner()
    proposed = [candidate(name, expectation=Expectation.DOCSTRING) for name in ("test_a", "test_b")]
    reports = screen(proposed, evidence(), pytest_runner)
    assert [report.passes_on_base for report in reports] == [False, False]
    assert [(len(runs), at_base) for runs, _, at_base in pytest_runner.batches] == [(2, False), (1, True)]


def test_what_leaves_files_or_takes_the_process_down_is_stopped() -> None:
    assert one(replace(GOOD, leaves={"test_best": ("calc.py",)})).stopped is Hurdle.CLEAN
    report = one(replace(GOOD, ends={"test_best": "the process ended with 0"}))
    assert report.stopped is Hurdle.PASSES
    assert "ended with 0" in report.reason


def test_what_leaves_a_process_running_is_stopped() -> None:
    def run(*given: Any) -> RunResult:
        return replace(GOOD.run(*given), processes_left=1)

    pytest_runner = GOOD.pytest_runner()
    pytest_runner.script = run
    (report,) = screen([candidate()], evidence(), pytest_runner)
    assert (report.stopped, report.reason) == (Hurdle.CLEAN, "it leaves a process running")


def test_what_collects_something_else_is_stopped() -> None:
    def run(run: PytestRun, *_: object) -> RunResult:
        other = f"{run.select[0].split('::')[0]}::test_other_thing"
        return RunResult(run.name, True, "", (other,), (TestOutcome(other, Outcome.PASSED),))  # noqa: FBT003

    pytest_runner = GOOD.pytest_runner()
    pytest_runner.script = run
    (report,) = screen([candidate()], evidence(), pytest_runner)
    assert report.stopped is Hurdle.COLLECTS


def test_a_slow_test_is_stopped() -> None:
    slow = replace(GOOD, endings={"test_best": lambda *_: None})
    pytest_runner = slow.pytest_runner()

    def run(run: PytestRun, files: Mapping[str, str], tree: str) -> RunResult:
        result = slow.run(run, files, tree)
        return replace(result, tests=tuple(replace(test, seconds=1.5) for test in result.tests))

    pytest_runner.script = run
    (report,) = screen([candidate()], evidence(), pytest_runner)
    assert report.stopped is Hurdle.QUICK


def test_without_a_runner_or_time_everything_is_reported_untried() -> None:
    pytest_runner = GOOD.pytest_runner()
    pytest_runner.unavailable_after = 0
    (report,) = screen([candidate()], evidence(), pytest_runner)
    assert (report.stopped, report.reason) == (Hurdle.TRIED, "There is no pytest here. Install it.")
    hurried = GOOD.pytest_runner()
    hurried.left = lambda _: 4.0
    (report,) = screen([candidate()], evidence(), hurried)
    assert report.stopped is Hurdle.TRIED
    assert hurried.batches == []


def test_a_missing_import_is_added_and_the_repaired_form_stands_in_its_place() -> None:
    def ending(run: PytestRun, tree: str) -> TestOutcome | None:
        lacking = tree == "base" or run.name == f"alone {broken.key}"
        return failed("name 'half' is not defined", "NameError") if lacking else None

    broken = candidate("test_best", "assert grade(half(180)) == 'A'")
    (report,) = screen([broken], evidence(), replace(GOOD, endings={"test_best": ending}).pytest_runner())
    assert report.stands
    assert "from calc import half" in report.candidate.imports
    assert report.candidate.key != broken.key
    assert "repaired" in report.candidate.why.lower()


def test_a_text_that_nobody_has_read_is_not_written_over() -> None:
    pytest_runner = GOOD.pytest_runner()
    known = evidence()
    assert known.get(TEST_EVIDENCE)
    unread = known.put(TEST_EVIDENCE, replace(known[TEST_EVIDENCE], modules={}))
    screen([candidate()], unread, pytest_runner)
    assert HOME not in pytest_runner.batches[0][1]
    assert all(path.startswith("tests/test_calc_2__") for path in pytest_runner.batches[0][1])
