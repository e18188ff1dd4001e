"""One fresh process of a project's own pytest: what it is told, and what came of it as far as that can be believed."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one expression or statement: `replacement` in place of what stands in `path` from `start` to `end`.

    `start` and `end` count characters of the whole text, 0 first; the edit keeps the number of lines. `line` is where
    it begins, `function` the qualified name of the innermost function around it, `operator` the family ("relational").
    """

    id: str
    path: str
    line: int
    function: str
    operator: str
    start: int
    end: int
    replacement: str
    words: str
    """For a person, on one line: "`<` → `<=`"."""


class Outcome(StrEnum):
    """How a test ended. ERROR: outside of its own body (a fixture, the import of its module)."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What differs from one process to the next, and may not make a difference to a test.

    `order` is the seed by which the tests are shuffled, None leaves them as they are collected. `elsewhere` runs in an
    empty directory in place of the top of the tree. `random_seed` seeds `random` (and numpy, where it is there) before
    each test, None leaves them alone. `forward_seconds` is what the clocks are put forward by. `other_machine` lets
    processors, versions, names of user and host, terminal and disk be others than they are. `thread_switch` are the
    seconds after which Python gives the turn to another thread, 0 for its default (5 ms).
    """

    hash_seed: int = 0
    order: int | None = None
    time_zone: str = "UTC"
    elsewhere: bool = False
    random_seed: int | None = None
    forward_seconds: int = 0
    other_machine: bool = False
    thread_switch: float = 0.0


@dataclass(frozen=True, slots=True)
class PytestRun:
    """One process. `select` are files and node ids, () is what the project's own configuration says.

    With `in_order` the tests of `select` run in just that order, each once where it is named by itself. `measured` are
    the files whose coverage is wanted, by path from the top. With `traced` it is recorded which functions and files
    each test used. Each of the `mutants` is tried in a fork of its own after the tests have run, against those that
    `against` names (() is every test that passed and executed the mutant's line). The process
    is ended after `seconds`.
    """

    name: str
    select: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    perturbation: Perturbation = Perturbation()
    in_order: bool = False
    measured: tuple[str, ...] = ()
    traced: bool = False
    mutants: tuple[Mutant, ...] = ()
    against: tuple[str, ...] = ()
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test. `message` is the last line of what was raised, at most 300 characters; all "" for one that passed.

    `exception` is its type's name ("AssertionError"), `where` the deepest frame inside the tree ("src/client.py:41").
    `reached` is the first address beyond this machine that it tried to reach, "" when it tried none. `temporary` are
    the first files and folders that it wrote in the temporary directory, from there, less those of pytest's `tmp_path`.
    """

    __test__ = False
    nodeid: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    exception: str = ""
    where: str = ""
    reached: str = ""
    temporary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """Lines and branches of one file. A branch is (line, line it goes to); to leave the function is a negative line.

    `statements` are the lines that could be executed, `branches` the arcs of the lines that have more than one.
    """

    path: str
    statements: tuple[int, ...]
    executed: tuple[int, ...]
    branches: tuple[tuple[int, int], ...] = ()
    taken: tuple[tuple[int, int], ...] = ()
    tests: tuple[str, ...] = ()
    """Node ids of the tests that executed a line of a function in it, at most 200; empty unless it was `traced`."""


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    NOT_RUN = "not_run"
    """No test executes it, or it could not be put in place; the detail says which."""


@dataclass(frozen=True, slots=True)
class MutantOutcome:
    """`by` is the first test that failed with it, `exception` the type of what that raised, "timeout" when it hung."""

    id: str
    fate: Fate
    by: str = ""
    exception: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TestTrace:
    """What one test used: functions as "path::qualified name" ("path::" is code at import), files that it opened."""

    __test__ = False
    nodeid: str
    functions: tuple[str, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a PytestRun of this `name`.

    Only what our own runner saw is in here. `completed` is False when the process ended (or was ended) before our
    runner had said everything: then nothing that it says of a test counts, and `problem` says why in one line.
    """

    name: str
    completed: bool
    problem: str = ""
    collected: tuple[str, ...] = ()
    tests: tuple[TestOutcome, ...] = ()
    coverage: tuple[FileCoverage, ...] = ()
    mutants: tuple[MutantOutcome, ...] = ()
    traces: tuple[TestTrace, ...] = ()
    left: tuple[str, ...] = ()
    """Files of the tree that it created, changed or removed, less caches of Python and pytest."""
    processes_left: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[TestOutcome, ...]:
        return tuple(test for test in self.tests if test.outcome in {Outcome.FAILED, Outcome.ERROR, Outcome.XPASSED})


@dataclass(frozen=True, slots=True)
class AffectedTests:
    """The tests that the change can reach by the test map: `select` are arguments for pytest, `run_all` why all run.

    `proved` is whether enough shadow runs in a row missed nothing, `proof` says how many in words.
    """

    select: tuple[str, ...] = ()
    run_all: tuple[str, ...] = ()
    skipped: int = 0
    proved: bool = False
    proof: str = ""
