"""Tests that fail before anything is added: who is to blame, and when there is nothing left to build on."""

from collections.abc import Callable, Mapping

import pytest

from cicd_agent.domain.ports.test_runner import Interpreter
from cicd_agent.domain.trials.test_run import FileCoverage, Outcome, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.coverage_targets import Subject
from cicd_agent.modes.gen_tests.evidence import FailureKind, Suite, SuiteState
from cicd_agent.modes.gen_tests.failures import failures, refusal, withheld
from cicd_agent.modes.gen_tests.gather import baseline
from tests.support.fakes.test_runner import FakePytestRunner
from tests.support.trial_world import NEW

PATH = "tests/test_calc.py"
ODD = f"{PATH}::test_odd[a::b]"
SAID = ("assert 1 == 2", "AssertionError")
PYTHON = Interpreter("/opt/venv/bin/python", "3.12.4", {})
Fails = Callable[[PytestRun, str], bool]


def suite(
    fails: Fails, raised: tuple[str, str] = SAID, added: tuple[str, ...] = (), reached: str = ""
) -> tuple[Suite, FakePytestRunner]:
    """The baseline of a few tests that pass, and one that ends as `fails` says."""

    def run(run: PytestRun, _files: Mapping[str, str], tree: str) -> RunResult:
        tests = [TestOutcome(f"tests/test_other.py::test_{number}", Outcome.PASSED) for number in range(3)]
        ended = Outcome.FAILED if fails(run, tree) else Outcome.PASSED
        if ODD not in pytest_runner.left_out:
            tests.append(TestOutcome(ODD, ended, 0.1, *raised, "calc.py:3", reached))
        covered = FileCoverage("calc.py", (1, 2), (1, 2) if ODD not in pytest_runner.left_out else (1,), tests=(ODD,))
        return RunResult(
            run.name, completed=True, collected=tuple(t.nodeid for t in tests), tests=tuple(tests), coverage=(covered,)
        )

    pytest_runner = FakePytestRunner(run)
    return baseline([Subject("calc.py", NEW, (2, 3))], pytest_runner, "pytest", added)[0], pytest_runner


@pytest.mark.parametrize(
    ("fails", "raised", "kind", "words"),
    [
        (lambda run, _: run.name == "suite", SAID, FailureKind.FLAKY, "passes in 2 of 2 further runs on the same code"),
        (lambda run, _: not run.name.startswith("in another"), SAID, FailureKind.FLAKY, "passes in 1 of 2"),
        (lambda _run, _tree: True, SAID, FailureKind.FAILING, "it fails before the change, too"),
        (
            lambda _run, _tree: True,
            ("[Errno 1] Operation not permitted", "PermissionError"),
            FailureKind.ENVIRONMENT,
            "the sandbox refuses a system call or a file that it asks for; it fails before the change, too",
        ),
        (
            lambda _, tree: tree == "head",
            ("No module named 'numpy'", "ModuleNotFoundError"),
            FailureKind.ENVIRONMENT,
            "`numpy` is not installed",
        ),
        (lambda run, tree: tree == "head" or run.name.endswith("1"), SAID, FailureKind.FLAKY, "one of two runs before"),
    ],
)
def test_a_test_that_fails_is_set_aside_by_name_and_the_rest_is_built_on(
    fails: Fails, raised: tuple[str, str], kind: FailureKind, words: str
) -> None:
    found, pytest_runner = suite(fails, raised)
    [aside] = found.set_aside
    assert (found.state, found.failed, found.can_judge) == (SuiteState.GREEN, (), True)
    assert (aside.nodeid, aside.kind) == (ODD, kind)
    assert words in aside.reason
    assert found.coverage[0].executed == (1,), "a line that only the failing test executes is not covered"
    assert not pytest_runner.runs[-1].mutants


def test_a_test_that_asked_for_a_network_fails_for_want_of_one_unless_the_change_breaks_it() -> None:
    missed = ("'Server' object has no attribute 'server_sock'", "AttributeError")
    [aside] = suite(lambda _run, _tree: True, missed, reached="an address")[0].set_aside
    assert aside.kind is FailureKind.ENVIRONMENT
    assert aside.reason == "there is no network here; it fails before the change, too"
    assert suite(lambda _, tree: tree == "head", missed, reached="an address")[0].state is SuiteState.RED


def test_what_passes_before_the_change_and_never_after_it_is_the_change_s_doing() -> None:
    found, _ = suite(lambda _, tree: tree == "head")
    assert (found.state, found.can_judge, found.set_aside) == (SuiteState.RED, True, ())
    assert [(test.nodeid, test.message) for test in found.failed] == [(ODD, "assert 1 == 2")]
    assert found.left_out() == (ODD,)


def test_a_test_of_a_module_that_the_change_brings_is_not_looked_for_before_it() -> None:
    found, pytest_runner = suite(lambda _, tree: tree == "head", added=(PATH,))
    assert [each.kind for each in found.set_aside] == [FailureKind.FAILING]
    assert not any(at_base for _, _, at_base in pytest_runner.batches)


def test_a_test_that_never_ends_is_left_out_and_the_suite_runs_again() -> None:
    first, hangs = f"{PATH}::test_first", f"{PATH}::test_hangs"

    def run(run: PytestRun, _files: Mapping[str, str], _tree: str) -> RunResult:
        if hangs in pytest_runner.left_out:
            return RunResult(run.name, completed=True, collected=(first,), tests=(TestOutcome(first, Outcome.PASSED),))
        done = () if run.select == (hangs,) else (TestOutcome(first, Outcome.PASSED),)
        return RunResult(
            run.name, completed=False, problem="it did not end within 30 seconds", collected=(first, hangs), tests=done
        )

    pytest_runner = FakePytestRunner(run)
    found, _ = baseline([], pytest_runner, "pytest")
    assert (found.state, found.tests) == (SuiteState.GREEN, 2)
    assert found.set_aside[0].kind is FailureKind.ENVIRONMENT
    assert [run.name for run in pytest_runner.runs] == ["suite", "alone", "suite"]
    assert [(each.nodeid, each.error) for each in found.set_aside] == [
        (hangs, "the process does not end: it did not end within 30 seconds")
    ]


def test_a_long_suite_is_not_blamed_on_the_test_that_it_was_at() -> None:
    def run(run: PytestRun, _files: Mapping[str, str], _tree: str) -> RunResult:
        ends = bool(run.select)
        return RunResult(
            run.name, ends, problem="" if ends else "it did not end within 9 seconds", collected=(f"{PATH}::a",)
        )

    found, _ = baseline([], FakePytestRunner(run), "pytest")
    assert (found.state, found.set_aside) == (SuiteState.BROKEN, ())
    assert "within 9 seconds (`/usr/bin/python3`, Python 3.12.4). Raise `timeout-minutes`" in found.detail


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("gaierror: [Errno -3] Temporary failure in name resolution", "there is no network here"),
        ("OSError: [Errno 99] Cannot assign requested address", "there is no network here"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'git'", "a program that it starts is not installed"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/proc/self/fd'", "a file of the machine is not"),
        ("ImportError: cannot import x (No module named numpy.linalg)", "`numpy.linalg` is not installed"),
        ("OSError: [Errno 30] Read-only file system: 'x'", "nothing can be written"),
        ("TclError: no display name and no $DISPLAY environment variable", "there is no display here"),
        ("FixtureLookupError: fixture 'benchmark' not found", "a plugin of pytest is not installed"),
        ("Failed: DID NOT RAISE <class 'PermissionError'>", "another user"),
        ("AssertionError: assert 'git' == 'svn'", ""),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'data/table.csv'", ""),
        ("ValueError: [Errno 2]", ""),
    ],
)
def test_what_is_withheld_is_known_by_what_is_raised(raised: str, words: str) -> None:
    exception, _, message = raised.partition(": ")
    told = withheld(TestOutcome(ODD, Outcome.FAILED, message=message, exception=exception))
    assert words in told
    assert bool(words) == bool(told)


def many(number: int, message: str, exception: str = "ModuleNotFoundError", path: str = PATH) -> list[TestOutcome]:
    return [
        TestOutcome(f"{path}::test_{n}", Outcome.FAILED, message=message.format(n), exception=exception)
        for n in range(number)
    ]


def told(*red: TestOutcome, passed: int = 10) -> str:
    green = [TestOutcome(f"tests/test_green.py::test_{n}", Outcome.PASSED) for n in range(passed)]
    result = RunResult("suite", completed=True, collected=tuple(t.nodeid for t in red), tests=(*green, *red))
    return refusal(result, failures(result), PYTHON)


def test_most_tests_that_fail_for_one_cause_are_a_refusal_with_interpreter_test_error_and_remedy() -> None:
    text = told(*many(12, "No module named 'calc'"))
    assert text == (
        "most of them fail for one cause, 12 of 22 tests such as tests/test_calc.py::test_0: ModuleNotFoundError: "
        "No module named 'calc' (`/opt/venv/bin/python`, Python 3.12.4). Install the project and its test requirements "
        "for `/opt/venv/bin/python` in a step before: it has no `calc`; or name another interpreter with `python`"
    )
    assert told(*many(12, "connection to 'db{}' refused", "ConnectionRefusedError")).startswith("most of them")
    assert told(*many(9, "No module named 'calc'")) == ""
    assert told(*many(30, "No module named 'lib{}'")) == "", "each for want of another"
    assert "all of them" in told(*many(1, "x", "ValueError"), passed=0)


def test_modules_that_cannot_be_collected_count_as_modules() -> None:
    errors = [
        TestOutcome(f"tests/test_{n}.py", Outcome.ERROR, message="No module named 'calc'", exception="ImportError")
        for n in range(2)
    ]
    result = RunResult(
        "suite", completed=True, tests=(TestOutcome("tests/test_green.py::test", Outcome.PASSED), *errors)
    )
    assert "most of them" in refusal(result, failures(result), PYTHON)
    in_class = TestOutcome(f"{PATH}::TestIt", Outcome.ERROR, message="no", exception="ValueError")
    assert [each.nodeid for each in failures(RunResult("suite", completed=True, tests=(in_class,)))] == [PATH]
