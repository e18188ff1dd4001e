"""Runs a flaky test under chosen conditions, and says how it ended."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult

RED = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.XPASSED})
GREEN = frozenset({Outcome.PASSED, Outcome.XFAILED})
MIN_SECONDS = 5.0
"""Seconds below which a test runner starts nothing."""
SECONDS = 60.0
T = TypeVar("T")
Experiment = Generator[Sequence[PytestRun], Sequence[RunResult], T]
"""Gives out runs, is given their results, and comes to a T."""


class FlakyKind(StrEnum):
    """Why a test is flaky, as experiments have shown it."""

    ORDER = "order"
    """It depends on a test that runs before it."""
    LEFTOVER = "leftover_state"
    """It depends on files that are there or not."""
    TIME = "time"
    RANDOMNESS = "randomness"
    HASH_ORDER = "hash_order"
    RACE = "race"
    """Its threads end otherwise when they take turns more often."""
    NETWORK = "network"
    UNKNOWN = "unknown"


ADVICE = {
    FlakyKind.ORDER: "Undo in the polluter what it changes (by a fixture), or set up here what is needed.",
    FlakyKind.LEFTOVER: "Write to `tmp_path` in place of the tree, and take nothing for granted that is not made here.",
    FlakyKind.TIME: "Pass the time in, or set the clock and the time zone for the test.",
    FlakyKind.RANDOMNESS: "Seed the generator that the test or the code draws from, or assert what holds for any draw.",
    FlakyKind.HASH_ORDER: "Sort what comes out of a set or a hash before it is compared.",
    FlakyKind.RACE: "Guard by a lock what its threads share, and wait for them by `join` or an event, not by time.",
    FlakyKind.NETWORK: "Answer the request in the test (a local server, a recorded answer).",
    FlakyKind.UNKNOWN: "Look for threads, timeouts and shared state: nothing that was varied explains it.",
}


@dataclass(frozen=True, slots=True)
class RefusedFix:
    """A proposed fix, by the digest of its patch, and why it is not offered."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class FlakyTest:
    """One victim. `polluters` are the tests that make it fail (or that it needs, for `order`)."""

    nodeid: str
    kind: FlakyKind
    failures: int
    runs: int
    message: str = ""
    polluters: tuple[str, ...] = ()
    shown_by: str = ""
    """The experiment, in one sentence."""
    advice: str = ""
    failing: tuple[Perturbation, ...] = ()
    """Under what it failed, at most 20 of these."""
    patch: str = ""
    """A fix that came through 20 clean runs, "" when there is none."""
    refused: tuple[RefusedFix, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file or folder below the temporary directory that several tests write under the same name in every run."""

    path: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlakyHunt:
    """What running the tests again and again has shown; of the `asked` runs, `runs` came to their end."""

    asked: int
    runs: int
    tests: int
    found: tuple[FlakyTest, ...] = ()
    notes: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    """The test modules that were run, () is all."""
    shared: tuple[SharedFile, ...] = ()
    """What lets tests collide that run at the same time, though none has failed here."""


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
