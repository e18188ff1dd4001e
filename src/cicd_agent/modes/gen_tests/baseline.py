"""Runs the project's own tests as they are: whether there is something to build on, what they execute and notice."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.analysis.python_tests.mutation.mutants import mutants
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import Outcome, PytestRun, RunResult
from cicd_agent.modes.gen_tests.coverage_targets import Subject
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState

MAX_MUTANTS = 300
"""Of one change: beyond that a run takes longer than anybody waits."""
_SHARE = 0.4
"""Of the time that is left, for the suite; new tests are tried in the rest."""
_LONGEST = 900.0


def baseline(subjects: Sequence[Subject], pytest_runner: PytestRunner, command: str) -> tuple[Suite, PytestRunner]:
    """What the tests show of the subjects, and the test runner in which they have shown it.

    A suite that is red without a network is tried once more with a private loopback, where the sandbox has one.
    """
    try:
        suite = _run(subjects, pytest_runner, command)
        if suite.state in {SuiteState.RED, SuiteState.BROKEN}:
            wider = pytest_runner.with_loopback()
            again = _run(subjects, wider, command) if wider is not None else suite
            if wider is not None and again.state is SuiteState.GREEN:
                note = "the tests need a network: they ran with a loopback of their own, and nothing beyond"
                return replace(again, loopback=True, notes=(*again.notes, note)), wider
    except PytestUnavailable as error:
        return Suite(SuiteState.UNAVAILABLE, str(error), command), pytest_runner
    return suite, pytest_runner


def _run(subjects: Sequence[Subject], pytest_runner: PytestRunner, command: str) -> Suite:
    share = MAX_MUTANTS // max(len(subjects), 1) or 1
    made = tuple(each for subject in subjects for each in mutants(subject.path, subject.text, subject.lines, share))
    measured = tuple(subject.path for subject in subjects)
    seconds = min(pytest_runner.seconds_left * _SHARE, _LONGEST)
    [result] = pytest_runner.run([PytestRun("suite", measured=measured, traced=True, mutants=made, seconds=seconds)])
    state, detail = _state(result)
    notes = [f"{name} is not to be had for the project's Python" for name in pytest_runner.interpreter.lacks]
    if len(made) >= MAX_MUTANTS // max(len(subjects), 1):
        limit = f"at most {MAX_MUTANTS} faults are planted in one change: some lines have fewer than they could"
        notes.insert(0, limit)
    return Suite(
        state,
        detail,
        command,
        pytest_runner.interpreter.version,
        len(result.tests),
        result.failed[:50],
        # What a run has executed that broke off says nothing of what the tests would.
        result.coverage if state is not SuiteState.BROKEN else (),
        made,
        result.mutants,
        result.seconds,
        pytest_runner.sandbox,
        tuple(notes),
    )


def _state(result: RunResult) -> tuple[SuiteState, str]:
    if not result.completed:
        return SuiteState.BROKEN, result.problem or "pytest did not come to its end"
    if failed := [test for test in result.failed if "::" not in test.nodeid] or result.failed:
        first = failed[0]
        state = SuiteState.RED if "::" in first.nodeid else SuiteState.BROKEN
        text = f"{count(len(failed), 'test module')} cannot be collected"
        if state is SuiteState.RED:
            text = f"{len(failed):,} of {count(len(result.tests), 'test')} fail before anything is added"
        return state, f"{text}, the first is {clip(first.nodeid, 200)}: {clip(first.message, 200)}"
    if not any(test.outcome is Outcome.PASSED for test in result.tests):
        return SuiteState.EMPTY, "pytest finds no test that passes"
    return SuiteState.GREEN, ""
