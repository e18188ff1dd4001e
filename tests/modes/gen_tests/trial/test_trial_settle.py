from dataclasses import replace

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Hurdle, Label, Origin
from cicd_agent.domain.trials.test_run import Fate, MutantOutcome, PytestRun, TestOutcome
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, known
from cicd_agent.modes.gen_tests.trial.assembly import by_value, useful
from cicd_agent.modes.gen_tests.trial.suite_run import settle
from tests.support.trial_world import HOME, TESTS, Project, candidate, evidence, failed

BEST = candidate()
HALF = candidate("test_half", "assert half(4) == 2", function="half")
KILLS = {"test_best": {"m1": "AssertionError", "m2": "AssertionError"}, "test_half": {"m3": "AssertionError"}}
GOOD = Project(executes={"test_best": {2, 3}, "test_half": {8}}, kills=KILLS)


def stands(proposed: Candidate, *kills: str, lines: tuple[int, ...] = ()) -> CandidateReport:
    return CandidateReport(proposed, lines=lines, kills=kills, runs=1, passed=1)


REPORTS = (stands(BEST, "m1", "m2", lines=(3,)), stands(HALF, "m3", lines=(8,)))


def taking(seconds: float) -> Evidence:
    """The evidence of a suite that takes so long."""
    tests = known(evidence())
    return evidence().put(TEST_EVIDENCE, replace(tests, suite=replace(tests.suite, seconds=seconds)))


def test_the_tests_that_may_use_the_same_fixtures_are_near() -> None:
    proposed = replace(BEST, code="def test_best(points):\n    assert grade(points) == 'A'\n")
    conftest = "import pytest\n\n@pytest.fixture\ndef points():\n    return 90\n"
    tests = known(evidence())
    held = evidence().put(TEST_EVIDENCE, replace(tests, modules={**tests.modules, "tests/conftest.py": conftest}))
    for report, folders in ((stands(proposed, "m1", lines=(3,)), ("tests",)), (REPORTS[0], ())):
        pytest_runner = GOOD.pytest_runner()
        settle([report], held, pytest_runner)
        [before] = [run for run in pytest_runner.runs if run.name.startswith("before the tests near")]
        assert before.select[1:] == (*folders, HOME)


def test_good_tests_are_kept_in_their_place_with_what_they_are() -> None:
    pytest_runner = GOOD.pytest_runner()
    settled = settle(REPORTS, evidence(), pytest_runner)
    assert [report.candidate for report in settled.kept] == [BEST, HALF]
    assert all((report.settled, report.label, report.passed) == (True, Label.PINS, 6) for report in settled.kept)
    assert settled.files == {
        HOME: TESTS.replace("import grade", "import grade, half")
        + "\n\ndef test_best():\n    assert grade(90) == 'A'\n\n\ndef test_half():\n    assert half(4) == 2\n"
    }
    assert settled.fresh == ()
    assert {outcome.fate for outcome in settled.outcomes} == {Fate.KILLED}
    assert settled.coverage[0].executed == (2, 3, 8)


def test_it_takes_two_batches_and_seven_runs_and_three_where_the_suite_is_long() -> None:
    pytest_runner = GOOD.pytest_runner()
    assert settle(REPORTS, evidence(), pytest_runner).runs == 7
    assert [len(runs) for runs, _, _ in pytest_runner.batches] == [1, 6]
    pytest_runner = GOOD.pytest_runner()
    assert settle(REPORTS, taking(60.0), pytest_runner).runs == 7
    assert [len(runs) for runs, _, _ in pytest_runner.batches] == [1, 5, 1]


def test_the_processes_differ_in_all_that_a_test_may_not_depend_on_and_run_first_last_and_alone() -> None:
    pytest_runner = GOOD.pytest_runner()
    settle(REPORTS, evidence(), pytest_runner)
    runs = pytest_runner.runs[1:]
    seen = [run.perturbation for run in runs]
    assert len({one.hash_seed for one in seen}) == 3, "an interpreter has to start for each"
    assert len({one.random_seed for one in seen}) == 6
    alone = [run for run in runs if run.name.startswith("alone")]
    assert len({run.perturbation.time_zone for run in alone}) == len({run.perturbation.order for run in alone}) == 3
    assert {run.perturbation.elsewhere for run in alone} == {True, False}
    assert {run.perturbation.other_machine for run in alone} == {True, False}
    assert any(run.perturbation.forward_seconds > 31_000_000 for run in alone)
    new = tuple(f"{HOME}::{name}" for name in ("test_best", "test_half"))
    assert [run.select for run in runs] == [new, new, (*new, HOME), (HOME, *new), new, ()]
    assert [run.in_order for run in runs] == [False, False, True, True, False, False]


def test_more_runs_are_made_when_more_are_asked_for() -> None:
    assert settle(REPORTS, evidence(), GOOD.pytest_runner(), runs=20).kept[0].passed == 20


def test_what_adds_nothing_to_those_before_it_is_stopped_and_the_order_of_proposals_does_not_matter() -> None:
    again = candidate("test_again", "assert grade(91) == 'A'")
    reports = (stands(again, "m2", lines=(3,)), *REPORTS)
    for order in (reports, reports[::-1]):
        settled = settle(order, evidence(), GOOD.pytest_runner())
        assert [report.candidate.name for report in settled.kept] == ["test_best", "test_half"]
        assert [report.stopped for report in settled.reports if report.candidate == again] == [Hurdle.ADDS]


def test_the_least_set_is_kept_that_shows_everything() -> None:
    both, one, other = (candidate(f"test_{name}", f"assert grade({name!r}) == 'A'") for name in ("both", "one", "two"))
    reports = (stands(both, "m1", "m2"), stands(one, "m1", lines=(3,)), stands(other, "m2", lines=(8,)))
    third = stands(candidate("test_all", "assert grade(0) == 'A'"), "m1", "m2", lines=(3, 8))
    seen = replace(third, candidate=replace(third.candidate, origin=Origin.OBSERVED))
    # What shows most alone is no more than the two others; what somebody meant goes before what was only seen.
    for proposed, names in ((reports, "one two"), ((*reports, third), "all"), ((*reports, seen), "one two")):
        kept = {report.candidate.name.removeprefix("test_") for report in useful(by_value(proposed))}
        assert kept == set(names.split())


def test_what_fails_once_is_stopped_and_one_that_it_made_superfluous_takes_its_place() -> None:
    again = candidate("test_again", "assert grade(91) == 'A'")

    def ending(run: PytestRun, tree: str) -> TestOutcome | None:
        return failed("assert 'a' == 'b'") if tree == "base" or not run.select else None

    flaky = replace(GOOD, endings={"test_best": ending})
    settled = settle((*REPORTS, stands(again, "m2", lines=(3,))), evidence(), flaky.pytest_runner())
    assert {report.candidate.name for report in settled.kept} == {"test_again", "test_half"}
    (stopped,) = [report for report in settled.reports if report.candidate == BEST]
    assert stopped.stopped is Hurdle.STABLE
    assert "among all others (hash seed 1," in stopped.reason
    assert "assert 'a' == 'b'" in stopped.reason
    assert "test_best" not in settled.files[HOME]


def test_what_passes_before_the_change_is_dropped_unless_it_is_wanted() -> None:
    old = replace(GOOD, endings={"test_best": lambda *_: None})
    settled = settle(REPORTS, evidence(), old.pytest_runner())
    assert [(report.stopped, report.label) for report in settled.reports] == [
        (Hurdle.BASE, Label.CHARACTERISES),
        (None, Label.PINS),
    ]
    kept = settle(REPORTS, evidence(), old.pytest_runner(), keep_unchanged=True).kept
    assert [report.label for report in kept] == [Label.CHARACTERISES, Label.PINS]


def test_a_fault_that_lived_in_executed_lines_is_worth_a_test_that_passes_before_the_change_too() -> None:
    known = evidence()
    tests = known[TEST_EVIDENCE]
    suite = replace(tests.suite, outcomes=(MutantOutcome("m1", Fate.SURVIVED),))
    seen = known.put(TEST_EVIDENCE, replace(tests, suite=suite))
    old = replace(GOOD, endings={"test_best": lambda *_: None, "test_half": lambda *_: None})
    settled = settle(REPORTS, seen, old.pytest_runner())
    assert [report.candidate for report in settled.kept] == [BEST]
    observed = tuple(replace(one, candidate=replace(one.candidate, origin=Origin.OBSERVED)) for one in REPORTS)
    assert settle(observed, seen, old.pytest_runner()).kept == (), "which only says how it is"


def test_who_makes_a_test_of_the_project_fail_is_found_and_stopped() -> None:
    settled = settle(REPORTS, evidence(), replace(GOOD, spoils={"test_half": "test_other"}).pytest_runner())
    assert [report.stopped for report in settled.reports] == [None, Hurdle.SUITE]
    assert "test_other fails with it" in settled.reports[1].reason
    assert [report.candidate for report in settled.kept] == [BEST]


def test_a_test_of_the_project_that_fails_without_the_new_ones_too_is_nobodys_fault() -> None:
    def ending(run: PytestRun, _: str) -> TestOutcome | None:
        return failed("flaky") if not run.select else None

    settled = settle(REPORTS, evidence(), replace(GOOD, endings={"test_other": ending}).pytest_runner())
    assert len(settled.kept) == 2
    assert any("without new ones" in note for note in settled.notes)


def test_who_leaves_files_is_found_by_single_runs() -> None:
    settled = settle(REPORTS, evidence(), replace(GOOD, leaves={"test_half": ("x.txt",)}).pytest_runner())
    assert [report.stopped for report in settled.reports] == [None, Hurdle.CLEAN]


def test_who_ends_the_process_is_found_by_single_runs() -> None:
    project = replace(GOOD, ends={"test_half": "it did not end"})
    settled = settle(REPORTS, evidence(), project.pytest_runner())
    assert [report.stopped for report in settled.reports] == [None, Hurdle.STABLE]
    assert "it did not end" in settled.reports[1].reason


def test_new_tests_need_not_do_what_those_of_the_project_cannot_do_either() -> None:
    def ending(run: PytestRun, tree: str) -> TestOutcome | None:
        return failed("no such file", "FileNotFoundError") if tree == "base" or run.perturbation.elsewhere else None

    project = replace(GOOD, endings={"test_best": ending})
    assert [report.candidate for report in settle(REPORTS, evidence(), project.pytest_runner()).kept] == [HALF]
    settled = settle(REPORTS, evidence(), replace(project, needs_place=True).pytest_runner())
    assert len(settled.kept) == 2
    assert any("another directory" in note for note in settled.notes)


def test_what_depends_on_the_machine_is_stopped() -> None:
    def ending(run: PytestRun, tree: str) -> TestOutcome | None:
        return failed("assert 3 == 2") if tree == "base" or run.perturbation.other_machine else None

    settled = settle(REPORTS, evidence(), replace(GOOD, endings={"test_best": ending}).pytest_runner())
    assert [report.stopped for report in settled.reports] == [Hurdle.STABLE, None]
    assert "another machine, random seed 101): assert 3 == 2" in settled.reports[0].reason


def test_whose_style_is_complained_about_is_stopped_and_old_complaints_do_not_count() -> None:
    pytest_runner = GOOD.pytest_runner()
    pytest_runner.complaints = lambda files: {path: "E999" for path, text in files.items() if "test_half" in text}
    settled = settle(REPORTS, evidence(), pytest_runner)
    assert [report.stopped for report in settled.reports] == [None, Hurdle.STYLE]
    assert settled.reports[1].reason.endswith("E999")
    pytest_runner = GOOD.pytest_runner()
    pytest_runner.complaints = lambda files: dict.fromkeys(files, "E501")
    assert len(settle(REPORTS, evidence(), pytest_runner).kept) == 2


def test_the_formatter_has_its_way_with_what_it_left_alone_before_and_nowhere_else() -> None:
    pytest_runner = GOOD.pytest_runner()
    pytest_runner.layout = lambda text: text.replace("== 2", "==  2")
    assert "==  2" in settle(REPORTS, evidence(), pytest_runner).files[HOME]
    pytest_runner.layout = lambda text: text.replace("'", '"')
    assert settle(REPORTS, evidence(), pytest_runner).files[HOME].count("'A'") == 1
    pytest_runner.layout = lambda text: text.replace("== 2", "== 3")
    assert "== 3" not in settle(REPORTS, evidence(), pytest_runner).files[HOME], "what says something else is no layout"


def test_without_time_or_runner_nothing_is_lost() -> None:
    for batches in range(2):
        pytest_runner = GOOD.pytest_runner()
        pytest_runner.left = lambda made, most=batches: 600.0 if made < most else 1.0  # type: ignore[misc]
        settled = settle(REPORTS, evidence(), pytest_runner)
        assert [report.stopped for report in settled.reports] == [Hurdle.TRIED, Hurdle.TRIED]
        assert settled.files == {}
    pytest_runner = GOOD.pytest_runner()
    pytest_runner.unavailable_after = 1
    assert settle(REPORTS, evidence(), pytest_runner).reports[0].reason.startswith("There is no pytest here")


def test_with_nothing_that_stands_nothing_is_run() -> None:
    pytest_runner = GOOD.pytest_runner()
    settled = settle([replace(REPORTS[0], stopped=Hurdle.KILLS)], evidence(), pytest_runner)
    assert settled.reports == ()
    assert pytest_runner.batches == []
    assert settled.coverage == evidence().get(TEST_EVIDENCE).suite.coverage  # type: ignore[union-attr]


def test_the_same_answers_give_the_same_bytes() -> None:
    assert settle(REPORTS, evidence(), GOOD.pytest_runner()) == settle(REPORTS[::-1], evidence(), GOOD.pytest_runner())
