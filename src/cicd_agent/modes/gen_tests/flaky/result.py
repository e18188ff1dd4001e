"""Tests that pass and fail on the same code: which, why by experiment, and what would mend them."""

from dataclasses import dataclass
from enum import StrEnum

from cicd_agent.domain.trials.test_run import Perturbation


class FlakyKind(StrEnum):
    """Why a test is flaky, as experiments have shown it."""

    ORDER = "order"
    """It depends on a test that runs before it."""
    LEFTOVER = "leftover_state"
    """It depends on files that are there or not."""
    TIME = "time"
    RANDOMNESS = "randomness"
    HASH_ORDER = "hash_order"
    NETWORK = "network"
    UNKNOWN = "unknown"


ADVICE = {
    FlakyKind.ORDER: "Undo in the polluter what it changes (by a fixture), or set up here what is needed.",
    FlakyKind.LEFTOVER: "Write to `tmp_path` in place of the tree, and take nothing for granted that is not made here.",
    FlakyKind.TIME: "Pass the time in, or set the clock and the time zone for the test.",
    FlakyKind.RANDOMNESS: "Seed the generator that the test or the code draws from, or assert what holds for any draw.",
    FlakyKind.HASH_ORDER: "Sort what comes out of a set or a hash before it is compared.",
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
class FlakyHunt:
    """What running the tests again and again has shown; of the `asked` runs, `runs` came to their end."""

    asked: int
    runs: int
    tests: int
    found: tuple[FlakyTest, ...] = ()
    notes: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    """The test modules that were run, () is all."""
