from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from cicd_agent.domain.ports.test_runner import Observation
from cicd_agent.domain.trials.test_run import Outcome, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.coverage_targets import Subject
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, SuiteState, known
from cicd_agent.modes.gen_tests.experiment import experiment, hand_over
from cicd_agent.modes.gen_tests.gather import MAX_MUTANTS, baseline
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.support.fakes.test_runner import FakePytestRunner
from tests.support.trial_world import NEW, Project, candidate, evidence

SUBJECT = Subject("calc.py", NEW, (2, 3, 7, 8))
GREEN = TestOutcome("tests/test_calc.py::test_other", Outcome.PASSED)
RED = TestOutcome("tests/test_calc.py::test_socket", Outcome.FAILED, message="no socket", exception="OSError")

MISFIT = TestOutcome("tests/test_new.py", Outcome.ERROR, message="no module")


def ending(*tests: TestOutcome, problem: str = "") -> Callable[[PytestRun, Mapping[str, str], str], RunResult]:
    def run(run: PytestRun, _files: Mapping[str, str], _tree: str) -> RunResult:
        return RunResult(run.name, not problem, problem, tests=tests)

    return run


@pytest.mark.parametrize(
    ("tests", "problem", "state", "words"),
    [
        ((GREEN,), "", SuiteState.GREEN, ""),
        ((GREEN, RED), "", SuiteState.GREEN, ""),
        ((GREEN, MISFIT), "", SuiteState.GREEN, ""),
        ((), "", SuiteState.EMPTY, "no test that passes"),
        ((RED, MISFIT), "", SuiteState.BROKEN, "all of them fail for one cause"),
        ((GREEN,), "the process ended with 0", SuiteState.BROKEN, "the process ended with 0 (`/usr/bin/python3`"),
    ],
)
def test_the_suite_says_whether_there_is_something_to_build_on(
    tests: tuple[TestOutcome, ...], problem: str, state: SuiteState, words: str
) -> None:
    suite, _ = baseline([SUBJECT], FakePytestRunner(ending(*tests, problem=problem)), "pytest")
    assert suite.state is state
    assert words in suite.detail
    assert suite.can_judge == (state in {SuiteState.GREEN, SuiteState.EMPTY})
    assert [each.nodeid for each in suite.set_aside] == [
        test.nodeid for test in tests if suite.can_judge and test is not GREEN
    ]


def test_one_run_measures_the_subjects_and_tries_their_faults() -> None:
    pytest_runner = FakePytestRunner(ending(GREEN))
    suite, _ = baseline([SUBJECT], pytest_runner, "pytest")
    [run] = pytest_runner.runs
    assert (run.measured, run.traced, run.mutants) == (("calc.py",), True, suite.mutants)
    assert {mutant.line for mutant in suite.mutants} <= set(SUBJECT.lines)
    assert suite.mutants


def test_a_suite_has_a_loopback_of_its_own_from_the_start_where_the_sandbox_has_one() -> None:
    wider = FakePytestRunner(ending(GREEN))
    narrow = FakePytestRunner(ending(RED), wider=wider)
    suite, found = baseline([SUBJECT], narrow, "pytest")
    assert (suite.state, suite.loopback, found) == (SuiteState.GREEN, True, wider)
    assert narrow.runs == []


def test_no_loopback_is_worth_running_without_a_sandbox() -> None:
    class Open(FakePytestRunner):
        sandbox = "none"

    narrow = FakePytestRunner(ending(GREEN), wider=Open(ending(GREEN)))
    suite, found = baseline([SUBJECT], narrow, "pytest")
    assert (suite.loopback, found) == (False, narrow)


def test_without_a_runner_the_remedy_is_given() -> None:
    suite, _ = baseline([SUBJECT], FakePytestRunner(ending(GREEN), unavailable_after=0), "pytest")
    assert suite.state is SuiteState.UNAVAILABLE
    assert suite.detail == "There is no pytest here. Install it."


def test_a_large_change_shares_its_faults_among_its_files() -> None:
    body = "".join(f"def f{n}(a, b):\n    return a + b < {n}\n\n\n" for n in range(200))
    many = [Subject(f"m{n}.py", body, tuple(range(1, 800))) for n in range(4)]
    suite, _ = baseline(many, FakePytestRunner(ending(GREEN)), "pytest")
    assert len(suite.mutants) <= MAX_MUTANTS
    assert {mutant.path for mutant in suite.mutants} == {subject.path for subject in many}
    assert any("at most" in note for note in suite.notes)


def world(pytest_runner: FakePytestRunner) -> Ports:
    return Ports(pytest_runner=lambda _: pytest_runner)


class Answers(dict[str, Observation]):
    """Nothing can be seen of anything."""

    def __missing__(self, key: str) -> Observation:
        return Observation(key, problem="it is not to be seen")


def test_what_rules_propose_is_tried_once_and_the_rest_is_written_at_last_for_what_is_open() -> None:
    seen = evidence().put(TEST_EVIDENCE, replace(known(evidence()), proposed=(candidate("test_best"),)))
    pytest_runner = Project(
        executes={"test_best": {1, 2, 3}}, kills={"test_best": {"m1": "AssertionError"}}
    ).pytest_runner()
    pytest_runner.seen = Answers()
    settings = Settings(characterisation="on")
    first = experiment((), seen, world(pytest_runner), settings, lambda _: None, last=False)
    assert [each.candidate.name for each in known(first).screened] == ["test_best"]
    batches = len(pytest_runner.batches)
    again = experiment((), first, world(pytest_runner), settings, lambda _: None, last=False)
    assert (again, len(pytest_runner.batches)) == (first, batches)
    done = experiment((), first, world(pytest_runner), settings, lambda _: None, last=True)
    assert known(done).settled is not None
    assert any("half" in probe.expression for probe in pytest_runner.asked), "nobody has executed it yet"
    assert experiment((), done, world(pytest_runner), settings, lambda _: None, last=True) == done


def test_where_nothing_can_be_run_the_evidence_stays_as_it_is() -> None:
    seen = evidence().put(TEST_EVIDENCE, replace(known(evidence()), proposed=(candidate(),)))
    assert experiment((), seen, Ports(), Settings(), lambda _: None, last=True) == seen
    suite = replace(known(seen).suite, state=SuiteState.BROKEN)
    unusable = seen.put(TEST_EVIDENCE, replace(known(seen), suite=suite))
    pytest_runner = FakePytestRunner(ending(GREEN))
    assert experiment((), unusable, world(pytest_runner), Settings(), lambda _: None, last=True) == unusable
    assert pytest_runner.batches == []


def test_nothing_is_handed_over_twice() -> None:
    seen = evidence().put(TEST_EVIDENCE, replace(known(evidence()), proposed=(candidate(),)))
    assert hand_over((), seen) == seen
