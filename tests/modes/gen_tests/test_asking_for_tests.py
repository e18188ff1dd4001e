from dataclasses import replace

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.python_tests.static.check import objection
from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.domain.events.event import Actor, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.trials.candidate import CandidateReport, Expectation, Hurdle, Origin, keyed
from cicd_agent.domain.trials.test_run import Fate, MutantOutcome
from cicd_agent.errors import Exit
from cicd_agent.modes.gen_tests.coverage_targets import Target, subjects, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, SuiteState, known
from cicd_agent.modes.gen_tests.questions import (
    Correction,
    ProposedTest,
    TestsDraft,
    Unreachable,
    bug_ground,
    candidates,
    complain,
    prompt,
    question,
    questions,
)
from cicd_agent.modes.gen_tests.result import BugGround
from cicd_agent.settings.schema import OFF, Settings
from tests.support.trial_world import BOUNDARY, CONSTANT, HOME, evidence

SETTINGS = Settings()
FINE = ProposedTest(
    name="test_best_is_an_a",
    imports=("from calc import grade",),
    code="def test_best_is_an_a():\n    assert grade(90) == 'A'\n",
    expected_from=Expectation.CODE,
    quote=None,
    why="the best",
)


def open_world() -> Evidence:
    seen = evidence()
    tests = known(seen)
    fates = tuple(MutantOutcome(each.id, Fate.SURVIVED) for each in tests.suite.mutants[:1])
    return seen.put(TEST_EVIDENCE, replace(tests, suite=replace(tests.suite, outcomes=fates)))


NOTHING = TestsDraft(tests=(), unreachable=(Unreachable(goal="all", reason="no"),))


def draft(*tests: ProposedTest, **unreachable: str) -> TestsDraft:
    """Tests, and goals ("line_3") with why they are unreachable."""
    held = tuple(Unreachable(goal=goal.replace("_", " "), reason=reason) for goal, reason in unreachable.items())
    return TestsDraft(tests=tests, unreachable=held)


def grade(seen: Evidence) -> Target:
    assert seen.change
    return targets(subjects(seen.change, SETTINGS), known(seen).suite)[0]


def asked(seen: Evidence) -> dict[str, str]:
    """What is shown to a model that is asked about the first function."""
    return {each.id: each.text for each in question(grade(seen), seen, SETTINGS).evidence}


def with_reports(seen: Evidence, *reports: CandidateReport) -> Evidence:
    return seen.put(TEST_EVIDENCE, replace(known(seen), screened=reports))


def test_one_function_is_asked_about_at_a_time_with_all_of_its_goals() -> None:
    seen = open_world()
    [first] = questions(seen, (), SETTINGS)
    assert first.name == "tests calc.py::grade"
    shown = {each.id: each.text for each in first.evidence}
    assert shown["GOALS"].splitlines() == [
        "line 3, never executed: return 'A'",
        "branch 2 → 3, never taken: if points >= 90:",
        "fault m1, that no test notices: `>=` → `>`, line 2: if points >= 90:",
    ]
    assert "def test_other" in shown["TESTS"]
    assert first.tools == ()
    assert not first.looks
    [second] = questions(seen, [Answer(first.name, NOTHING)], SETTINGS)
    assert second.name == "tests calc.py::half"
    both = [Answer(each, NOTHING) for each in (first.name, second.name)]
    assert questions(seen, both, SETTINGS) == ()


def test_nobody_is_asked_about_what_tests_that_stand_have_closed() -> None:
    seen = open_world()
    [first] = questions(seen, (), SETTINGS)
    [one] = candidates(draft(FINE), "calc.py", "half")
    closed = CandidateReport(one, lines=(8,), kills=("m3",))
    answers = [Answer(first.name, NOTHING), Answer("tests calc.py::other", draft(FINE))]
    assert [each.name for each in questions(with_reports(seen, closed), answers[:1], SETTINGS)] == [
        "tests calc.py::half"
    ], "a replay has all reports at once: only those of these answers count"
    by_rule = keyed(replace(one, origin=Origin.DOCUMENTED))
    proposed = replace(known(seen), proposed=(by_rule,), screened=(replace(closed, candidate=by_rule),))
    assert questions(seen.put(TEST_EVIDENCE, proposed), answers[:1], SETTINGS) == ()


def test_who_does_not_answer_once_is_not_asked_again() -> None:
    silent: Answer[TestsDraft] = Answer("tests calc.py::grade", None, failure="down", exit=Exit.MODEL)
    assert questions(open_world(), [silent], SETTINGS) == ()
    wordless: Answer[TestsDraft] = Answer("tests calc.py::grade", None, failure="gibberish", exit=Exit.MISBEHAVED)
    assert len(questions(open_world(), [wordless], SETTINGS)) == 1


def test_nobody_is_asked_for_a_bot_without_a_provider_or_where_nothing_can_be_judged() -> None:
    seen = open_world()
    pull = PullRequest(7, author=Actor("dependabot[bot]"))
    assert questions(replace(seen, event=replace(seen.event, pull=pull)), (), SETTINGS) == ()
    assert questions(seen, (), Settings(model=OFF)) == ()
    tests = known(seen)
    unusable = replace(tests, suite=replace(tests.suite, state=SuiteState.BROKEN))
    assert questions(seen.put(TEST_EVIDENCE, unusable), (), SETTINGS) == ()


def test_an_empty_answer_has_to_say_what_is_unreachable_and_why() -> None:
    target = grade(open_world())
    assert complain(draft(), target) is not None
    assert complain(draft(line_3=" "), target) == "`unreachable` does not say why line 3 is."
    assert "which is no goal: write it as GOALS does ('line 3')" in (complain(draft(line_4="no"), target) or "")
    assert complain(draft(line_3="it only logs"), target) is None
    assert complain(NOTHING, target) is None
    arrow = TestsDraft(tests=(), unreachable=(Unreachable(goal="branch 2 -> 3", reason="no"),))
    assert complain(arrow, target) is None


def test_what_the_trial_found_goes_back_while_something_is_open() -> None:
    seen = open_world()
    [one] = candidates(draft(FINE), "calc.py", "grade")
    failed = CandidateReport(one, Hurdle.PASSES, "it fails: <object at 0x7f00deadbeef>", fails_with="x")

    def weigh(report: CandidateReport, answer: TestsDraft | None = None) -> str | None:
        return Correction(grade(seen)).weigh(answer or draft(FINE), with_reports(seen, report))

    said = weigh(failed)
    assert said is not None
    assert "`test_best_is_an_a` (passes): it fails: <object at 0x…>" in said
    assert "line 3 (never executed); branch 2 → 3 (never taken); fault m1 (`>=` → `>`, line 2)" in said
    part = weigh(failed, draft(FINE, line_3="no", **{"branch_2_→_3": "no"})) or ""
    assert "Still open: fault m1 (`>=` → `>`, line 2)." in part, "what it holds unreachable is closed"
    assert weigh(failed, TestsDraft(tests=(FINE,), unreachable=NOTHING.unreachable)) is None
    assert weigh(CandidateReport(one, lines=(3,), branches=((2, 3),), kills=(BOUNDARY.id,))) is None
    assert weigh(CandidateReport(one, Hurdle.BASE, "it passes before the change, too")) is None
    assert Correction(grade(seen)).weigh(draft(FINE), seen) is None, "it was not tried: there is nothing to say"


def test_faults_in_lines_that_new_tests_execute_go_back_once_though_every_test_stands() -> None:
    tests = known(open_world())
    fates = (MutantOutcome(BOUNDARY.id, Fate.SURVIVED), MutantOutcome(CONSTANT.id, Fate.NOT_RUN))
    seen = open_world().put(TEST_EVIDENCE, replace(tests, suite=replace(tests.suite, outcomes=fates)))
    other = FINE.model_copy(update={"name": "test_the_worst_is_a_b"})
    [one], [two] = (candidates(draft(each), "calc.py", "grade") for each in (FINE, other))
    stands = CandidateReport(one, lines=(3,), branches=((2, 3),), survived=(CONSTANT.id,))
    correction = Correction(grade(seen))
    said = correction.weigh(draft(FINE), with_reports(seen, stands))
    assert said is not None
    assert "lines that are executed now: fault m2 (`'A'` → `'x'`, line 3)." in said
    assert "Still open: fault m1" in said
    assert correction.weigh(draft(FINE), with_reports(seen, stands)) is None, "it knows"
    failed = CandidateReport(two, Hurdle.PASSES, "it fails", fails_with="x")
    again = correction.weigh(draft(other), with_reports(seen, stands, failed)) or ""
    assert "line 3" not in again.replace("line 3)", ""), "what the draft before it closed stays closed"
    assert "These are kept, do not repeat them: `test_best_is_an_a`." in again


def test_a_function_is_shown_with_what_users_call_to_reach_it_and_their_words() -> None:
    source = 'class Report:\n    """The best are graded A."""\n\n    def line(self, n):\n        return calc.grade(n)\n'
    seen = open_world()
    tests, change = known(seen), seen.change
    assert change
    seen = replace(seen, change=replace(change, paths=(*change.paths, "report.py"), commits=(Commit("c", "Grade A"),)))
    seen = seen.put(TEST_EVIDENCE, replace(tests, sources={"report.py": f"import calc\n\n\n{source}"}))
    shown = asked(seen)
    assert shown["CALLERS"] == "# report.py\n    def line(self, n):"
    assert shown["IMPORTS"] == "from calc import grade\nfrom report import …"
    assert shown["PULL REQUEST"] == "Grade A"
    private = seen.put(
        TEST_EVIDENCE, replace(tests, sources={"report.py": f"import calc\n\n\n{source.replace('line', '_line')}"})
    )
    assert asked(private)["CALLERS"] == '# report.py\nclass Report:\n    """The best are graded A."""'
    bug = CandidateReport(
        keyed(
            replace(
                candidates(draft(FINE), "calc.py", "grade")[0],
                expectation=Expectation.DOCSTRING,
                quote="best are graded A",
            )
        ),
        Hurdle.PASSES,
        "it fails",
        fails_with="AssertionError",
        exception="AssertionError",
    )
    assert bug_ground(bug, private) is BugGround.DOCUMENTED, "the words of a caller count"
    assert bug_ground(bug, open_world()) is None


def test_the_test_module_is_the_one_that_names_what_is_tested() -> None:
    seen = open_world()
    tests = known(seen)
    other = "tests/test_marks.py"
    [coverage] = tests.suite.coverage
    suite = replace(tests.suite, coverage=(replace(coverage, tests=(*coverage.tests, f"{other}::test_a")),))
    modules = {HOME: "import calc\n", other: "from calc import grade\n\n\ndef test_a():\n    assert grade(1)\n"}
    seen = seen.put(TEST_EVIDENCE, replace(tests, suite=suite, modules=modules, paths=(HOME, other)))
    assert "def test_a" in asked(seen)["TESTS"]
    assert asked(seen)["IMPORTS"] == "from calc import grade"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_grade_1", "test_the_best_is_an_a"),
        ("test_grade", "test_grade"),
        ("test_grade_again_2", "test_grade_again_2"),
        ("test_1", "test_the_best_is_an_a"),
        ("test_grade_of_90", "test_grade_of_90"),
        ("test_best_is_an_a", "test_best_is_an_a"),
    ],
)
def test_a_test_that_is_only_numbered_is_called_by_what_its_author_says_of_it(name: str, expected: str) -> None:
    code = f"def helper():\n    return {name!r}\n\n\ndef {name}():\n    assert grade(90) == 'A'\n"
    test = FINE.model_copy(
        update={"name": name, "code": code, "why": "The best is an A, of course and forever and ever!"}
    )
    [one] = candidates(draft(test), "calc.py", "grade")
    assert one.name.startswith(expected)
    assert one.code.count(f"def {one.name}():") == 1
    assert objection(one, Surroundings("def grade(n):\n    pass\n", {}, ("calc.py",), "calc", set())) is None
    [silent] = candidates(draft(test.model_copy(update={"why": ""})), "calc.py", "grade")
    assert silent.name == name


def test_a_test_that_may_be_right_is_not_sent_back() -> None:
    seen = open_world()
    [one] = candidates(draft(FINE), "calc.py", "grade")
    held = CandidateReport(
        one, Hurdle.PASSES, "it fails", fails_with="AssertionError", exception="AssertionError", passes_on_base=True
    )
    assert Correction(grade(seen)).weigh(draft(FINE), with_reports(seen, held)) is None


def test_a_draft_becomes_candidates_of_one_form_each_once() -> None:
    padded = FINE.model_copy(update={"name": " test_best_is_an_a ", "imports": ("import os\nfrom calc import grade",)})
    twice = candidates(draft(padded, padded, FINE), "calc.py", "grade")
    assert [each.imports for each in twice] == [("import os", "from calc import grade"), ("from calc import grade",)]
    assert {each.name for each in twice} == {"test_best_is_an_a"}
    many = [FINE.model_copy(update={"why": str(number)}) for number in range(40)]
    assert len(candidates(draft(*many), "calc.py", "grade")) == 12


def test_the_instructions_are_stable_and_name_their_version() -> None:
    assert "prompt version" in prompt()
    seen = open_world()
    target = grade(seen)
    assert question(target, seen, SETTINGS).instructions == prompt()
    house = question(target, seen, Settings(instructions="Use given-when-then."))
    assert next(each.text for each in house.evidence if each.id == "house-rules") == "Use given-when-then."
