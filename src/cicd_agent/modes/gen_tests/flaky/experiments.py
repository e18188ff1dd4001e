"""Runs a flaky test under chosen conditions, and says how it ended."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.flaky.result import ADVICE, FlakyKind, FlakyTest

RED = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.XPASSED})
GREEN = frozenset({Outcome.PASSED, Outcome.XFAILED})
MIN_SECONDS = 5.0
"""Seconds below which a test runner starts nothing."""
SECONDS = 60.0
T = TypeVar("T")


Experiment = Generator[Sequence[PytestRun], Sequence[RunResult], T]
"""Gives out runs, is given their results, and comes to a T."""


@dataclass(slots=True)
class Victim:
    """A test, and under what it passed and failed. `message` and `exception` are those of its first failure.

    `red_after` and `green_after` are the tests that ran before it in some of the runs in which it failed and passed.
    """

    nodeid: str
    passed: list[Perturbation] = field(default_factory=list)
    failed: list[Perturbation] = field(default_factory=list)
    message: str = ""
    exception: str = ""
    red_after: list[tuple[Perturbation, Sequence[str]]] = field(default_factory=list)
    green_after: list[tuple[Perturbation, Sequence[str]]] = field(default_factory=list)

    def as_flaky(self, kind: FlakyKind, shown_by: str) -> FlakyTest:
        return FlakyTest(
            self.nodeid,
            kind,
            len(self.failed),
            len(self.passed) + len(self.failed),
            self.message,
            shown_by=shown_by,
            advice=ADVICE[kind],
            failing=tuple(dict.fromkeys(self.failed))[:20],
        )


def run_together(
    experiments: Sequence[Experiment[FlakyTest]], pytest_runner: PytestRunner, reserve: float = MIN_SECONDS
) -> list[FlakyTest | None]:
    """What each comes to, None where time was too short: nothing begins with less than `reserve` seconds left.

    A batch of runs shares one copy of the tree, and what can run in parallel does.
    """
    ends: list[FlakyTest | None] = [None] * len(experiments)
    results: dict[int, Sequence[RunResult] | None] = dict.fromkeys(range(len(experiments)))
    while results:
        requested: dict[int, Sequence[PytestRun]] = {}
        for number, each in results.items():
            try:
                requested[number] = next(experiments[number]) if each is None else experiments[number].send(each)
            except StopIteration as end:
                ends[number] = end.value
        if pytest_runner.seconds_left <= reserve:
            break
        runs = [replace(run, name=f"{number}-{at}") for number, own in requested.items() for at, run in enumerate(own)]
        outcomes = iter(pytest_runner.run(runs) if runs else ())
        results = {number: [next(outcomes) for _ in own] for number, own in requested.items()}
    return ends


def alone(nodeid: str, variants: Sequence[Perturbation]) -> Experiment[list[bool | None]]:
    """Whether it failed in each."""
    results = yield [PytestRun("alone", (nodeid,), perturbation=one, seconds=SECONDS) for one in variants]
    return [failed(result, nodeid) for result in results]


def after(nodeid: str, befores: Sequence[tuple[Sequence[str], Perturbation]]) -> Experiment[list[bool | None]]:
    """Whether it failed after each of these sequences of tests."""
    results = yield [
        PytestRun("after", (*before, nodeid), perturbation=held, in_order=True, seconds=5 * SECONDS)
        for before, held in befores
    ]
    return [failed(result, nodeid) for result in results]


def failed(result: RunResult, nodeid: str) -> bool | None:
    """Whether the test (or the import of the module of this path) failed; None when the run says nothing of it."""
    if not result.completed:
        return None
    outcome = next((test.outcome for test in result.tests if test.nodeid == nodeid), None)
    if outcome is not None:
        return True if outcome in RED else False if outcome in GREEN else None
    is_module = "::" not in nodeid
    return False if is_module and any(test.nodeid.startswith(f"{nodeid}::") for test in result.tests) else None
