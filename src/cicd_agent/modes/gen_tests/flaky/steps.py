"""Lets many experiments go on side by side: each says what it wants to see run, and shares a batch with the others."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.flaky.result import FlakyKind, FlakyTest

RED = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.XPASSED})
SOUND = frozenset({Outcome.PASSED, Outcome.XFAILED})
TOO_LATE = 5.0
"""Seconds below which a test runner starts nothing."""
SECONDS = 60.0

Ran = Generator[Sequence[PytestRun], Sequence[RunResult], list[bool | None]]
"""Gives out runs, is given their results, and comes to how a test ended in them."""
Steps = Generator[Sequence[PytestRun], Sequence[RunResult], FlakyTest | None]
"""The same, and comes to a test with the reason that it is flaky for; None when that is not the reason."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A test that did both, and under what. `message` and `exception` are those of its first failure.

    `red_after` and `green_after` are the tests that ran before it in some of the runs in which it failed and passed.
    """

    nodeid: str
    passed: Sequence[Perturbation]
    failed: Sequence[Perturbation]
    message: str = ""
    exception: str = ""
    red_after: Sequence[tuple[Perturbation, Sequence[str]]] = ()
    green_after: Sequence[tuple[Perturbation, Sequence[str]]] = ()

    def as_flaky(self, kind: FlakyKind, shown_by: str) -> FlakyTest:
        """The test with a reason."""
        return FlakyTest(
            self.nodeid,
            kind,
            len(self.failed),
            len(self.passed) + len(self.failed),
            self.message,
            shown_by=shown_by,
            failing=tuple(dict.fromkeys(self.failed))[:20],
        )


def side_by_side(each: Sequence[Steps], pytest_runner: PytestRunner, until: float = TOO_LATE) -> list[FlakyTest | None]:
    """What each comes to, None where time was too short: nothing begins with less than `until` seconds left."""
    result: list[FlakyTest | None] = [None] * len(each)
    requested: dict[int, Sequence[PytestRun]] = {}

    def go_on(number: int, results: Sequence[RunResult] | None) -> None:
        try:
            requested[number] = next(each[number]) if results is None else each[number].send(results)
        except StopIteration as end:
            requested.pop(number, None)
            result[number] = end.value

    for number in range(len(each)):
        go_on(number, None)
    while requested and pytest_runner.seconds_left > until:
        # A batch shares one copy of the tree; each run in it has a name of its own.
        runs = [
            replace(run, name=f"{number}-{location}")
            for number, own in requested.items()
            for location, run in enumerate(own)
        ]
        results = iter(pytest_runner.run(runs))
        for number, own in list(requested.items()):
            go_on(number, [next(results) for _ in own])
    return result


def alone(nodeid: str, variants: Sequence[Perturbation]) -> Ran:
    results = yield [PytestRun("alone", (nodeid,), perturbation=one, seconds=SECONDS) for one in variants]
    return [failed(result, nodeid) for result in results]


def after(before: Sequence[str], nodeid: str, held: Perturbation) -> PytestRun:
    return PytestRun("after", (*before, nodeid), perturbation=held, in_order=True, seconds=5 * SECONDS)


def failed(result: RunResult, nodeid: str) -> bool | None:
    """Whether the test (or the import of the module of this path) failed; None when the run says nothing of it."""
    if not result.completed:
        return None
    outcome = next((test.outcome for test in result.tests if test.nodeid == nodeid), None)
    if outcome is not None:
        return True if outcome in RED else False if outcome in SOUND else None
    is_module = "::" not in nodeid
    return False if is_module and any(test.nodeid.startswith(f"{nodeid}::") for test in result.tests) else None
