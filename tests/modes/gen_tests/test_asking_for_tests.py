from dataclasses import replace

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.events.event import Actor, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.candidate import CandidateReport, Expectation, Hurdle, Origin, keyed
from cicd_agent.domain.trials.test_run import Fate, MutantOutcome
from cicd_agent.errors import Exit
from cicd_agent.modes.gen_tests.coverage_targets import subjects, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, SuiteState, known
from cicd_agent.modes.gen_tests.questions import (
    ProposedTest,
    TestsDraft,
    candidates,
    complain,
    prompt,
    question,
    questions,
    weigh,
)
from cicd_agent.settings.schema import Provider, Settings
from tests.support.trial_world import BOUNDARY, evidence

SETTINGS = Settings(provider=Provider.OPENAI)
FINE = ProposedTest(
    name="test_best",
    imports=("from calc import grade",),
    code="def test_best():\n    assert grade(90) == 'A'\n",
    expected_from=Expectation.CODE,
    quote=None,
    why="the best",
)


def open_world() -> Evidence:
    seen = evidence()
    tests = known(seen)
    fates = tuple(MutantOutcome(each.id, Fate.SURVIVED) for each in tests.suite.mutants[:1])
    return seen.put(TEST_EVIDENCE, replace(tests, suite=replace(tests.suite, outcomes=fates)))


def draft(*tests: ProposedTest) -> TestsDraft:
    return TestsDraft(tests=tests, nothing=None)


def with_reports(seen: Evidence, *reports: CandidateReport) -> Evidence:
    return seen.put(TEST_EVIDENCE, replace(known(seen), screened=reports))


def test_one_function_is_asked_about_at_a_time_with_all_of_its_goals() -> None:
    seen = open_world()
    [first] = questions(seen, (), SETTINGS)
    assert first.name == "tests calc.py::grade"
    shown = {each.id: each.text for each in first.evidence}
    assert "never executed, line 3" in shown["GOALS"]
    assert "branch never taken, line 2 to line 3" in shown["GOALS"]
    assert BOUNDARY.words in shown["GOALS"]
    assert "def test_other" in shown["TESTS"]
    assert first.tools == ()
    assert not first.looks
    [second] = questions(seen, [Answer(first.name, TestsDraft(tests=(), nothing="no"))], SETTINGS)
    assert second.name == "tests calc.py::half"
    both = [Answer(each, TestsDraft(tests=(), nothing="no")) for each in (first.name, second.name)]
    assert questions(seen, both, SETTINGS) == ()


def test_nobody_is_asked_about_what_tests_that_stand_have_closed() -> None:
    seen = open_world()
    [first] = questions(seen, (), SETTINGS)
    [one] = candidates(draft(FINE), "calc.py", "half")
    closed = CandidateReport(one, lines=(8,), kills=("m3",))
    answers = [Answer(first.name, TestsDraft(tests=(), nothing="no")), Answer("tests calc.py::other", draft(FINE))]
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
    assert questions(seen, (), Settings(provider=Provider.NONE)) == ()
    tests = known(seen)
    unusable = replace(tests, suite=replace(tests.suite, state=SuiteState.BROKEN))
    assert questions(seen.put(TEST_EVIDENCE, unusable), (), SETTINGS) == ()


def test_an_empty_answer_has_to_say_why() -> None:
    assert complain(TestsDraft(tests=(), nothing=" ")) is not None
    assert complain(TestsDraft(tests=(), nothing="it only logs")) is None


def test_what_the_trial_found_goes_back_while_something_is_open() -> None:
    seen = open_world()
    target = targets(subjects(seen.change, SETTINGS), known(seen).suite)[0]  # type: ignore[arg-type]
    [one] = candidates(draft(FINE), "calc.py", "grade")
    failed = CandidateReport(one, Hurdle.PASSES, "it fails: <object at 0x7f00deadbeef>", fails_with="x")
    said = weigh(draft(FINE), target, with_reports(seen, failed))
    assert said is not None
    assert "`test_best` (passes): it fails: <object at 0x…>" in said
    assert "line 3" in said
    whole = CandidateReport(one, lines=(3,), branches=((2, 3),), kills=(BOUNDARY.id,))
    assert weigh(draft(FINE), target, with_reports(seen, whole)) is None
    nothing_to_do = CandidateReport(one, Hurdle.BASE, "it passes before the change, too")
    assert weigh(draft(FINE), target, with_reports(seen, nothing_to_do)) is None
    assert weigh(draft(FINE), target, seen) is None, "it was not tried: there is nothing to say"


def test_a_test_that_may_be_right_is_not_sent_back() -> None:
    seen = open_world()
    target = targets(subjects(seen.change, SETTINGS), known(seen).suite)[0]  # type: ignore[arg-type]
    [one] = candidates(draft(FINE), "calc.py", "grade")
    held = CandidateReport(
        one, Hurdle.PASSES, "it fails", fails_with="AssertionError", exception="AssertionError", passes_on_base=True
    )
    assert weigh(draft(FINE), target, with_reports(seen, held)) is None


def test_a_draft_becomes_candidates_of_one_form_each_once() -> None:
    padded = FINE.model_copy(update={"name": " test_best ", "imports": ("import os\nfrom calc import grade",)})
    twice = candidates(draft(padded, padded, FINE), "calc.py", "grade")
    assert [each.imports for each in twice] == [("import os", "from calc import grade"), ("from calc import grade",)]
    assert {each.name for each in twice} == {"test_best"}
    many = [FINE.model_copy(update={"why": str(number)}) for number in range(40)]
    assert len(candidates(draft(*many), "calc.py", "grade")) == 12


def test_the_instructions_are_stable_and_name_their_version() -> None:
    assert "prompt version" in prompt()
    seen = open_world()
    target = targets(subjects(seen.change, SETTINGS), known(seen).suite)[0]  # type: ignore[arg-type]
    assert question(target, seen, SETTINGS).instructions == prompt()
    house = question(target, seen, Settings(instructions="Use given-when-then."))
    assert next(each.text for each in house.evidence if each.id == "house-rules") == "Use given-when-then."
