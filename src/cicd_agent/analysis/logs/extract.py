"""The lines of a failed job's log that matter, each with its number, and the size of what was left out."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of failure; the words of the output `failure_type`, of which no log alone says `flaky_test`."""

    TEST_FAILURE = "test_failure"
    BUILD_ERROR = "build_error"
    LINT_ERROR = "lint_error"
    TIMEOUT = "timeout"
    INFRASTRUCTURE = "infrastructure"
    FLAKY_TEST = "flaky_test"
    DEPENDENCY = "dependency"
    CONFIGURATION = "configuration"
    UNKNOWN = "unknown"


class Trouble(StrEnum):
    """What outside of the code was in the way: a hint, and no proof that the change is innocent."""

    NETWORK = "network"
    """DNS, TLS, connections refused, reset or timed out."""
    SERVICE = "service"
    """Another server answered with 5xx."""
    RATE_LIMIT = "rate_limit"
    """It answered with 429, or said that there were too many requests."""
    REGISTRY = "registry"
    """A package or image could not be fetched, although it exists."""
    DISK = "disk"
    MEMORY = "memory"
    RUNNER = "runner"
    """The machine itself: lost, shut down, never there."""
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a file that the log names: of a stack, an error, a failing test. `line` is 0 when it says none."""

    path: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One message of one tool: the lines `first`..`last` of the log, of which `line` says it.

    `text` is that line. `score` ranks problems within a log (0–1). `novel` is false when the same is in the green log.
    `strict` and `loose` are its fingerprints (16 hex digits), "" when the line says too little to be known again by.
    `own` is the line that its fingerprints were made of where `text` is another of its lines, which says more.
    `test` is the failing test's name as the tool writes it, `count` how often this problem stands in the log.
    """

    tool: str
    kind: Kind
    line: int
    first: int
    last: int
    text: str
    score: float
    step: str = ""
    trouble: Trouble | None = None
    wraps: bool = False
    novel: bool = True
    test: str = ""
    code: str = ""
    frames: tuple[Frame, ...] = ()
    strict: str = ""
    loose: str = ""
    own: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test that failed, as its runner names it, with what is said of it, "" for nothing, and in which line."""

    name: str
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class AlikeTests:
    """So many tests that failed with one `message`, but for numbers, ids and addresses, and the `first` of them."""

    message: str
    count: int
    first: tuple[FailedTest, ...]


@dataclass(frozen=True, slots=True)
class FailedTests:
    """How many tests failed, by their runners' own sums; `names` are those that the log lists, 5,000 at most."""

    count: int = 0
    names: tuple[str, ...] = ()
    alike: tuple[AlikeTests, ...] = ()


NO_TESTS = FailedTests()


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """A line that is shown. `number` is 1-based in the raw log; `times` counts it with the repeats folded into it."""

    number: int
    text: str
    score: float
    job: str = ""
    step: str = ""
    tool: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Elision:
    """The lines `first`..`last` that are not shown. `folded` of them repeat a line that is."""

    first: int
    last: int
    folded: int = 0

    @property
    def lines(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Extract:
    """What is shown of a log: kept lines and elisions together are its `total` lines.

    `problems` are ranked, the most decisive first. `tokens` is what the kept lines take, by our estimate; `notes` are
    limits met, a sentence each ("12 lines longer than 4,000 characters, of which the rest was not read.").
    `kind` is that of the failure as a whole, UNKNOWN where there is none; `problems` have what their tools are for.
    `passed` is the line by which the log says that its job passed, None where it does not.
    """

    kept: tuple[ExtractLine, ...] = ()
    elisions: tuple[Elision, ...] = ()
    problems: tuple[Problem, ...] = ()
    total: int = 0
    tokens: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()
    job: str = ""
    passed: ExtractLine | None = None
    kind: Kind = Kind.UNKNOWN
    tests: FailedTests = NO_TESTS

    @property
    def rows(self) -> "tuple[ExtractLine | Elision, ...]":
        """Everything in the order of the log: the lines that are shown, and what is missing between them."""
        rows: list[ExtractLine | Elision] = [*self.kept, *self.elisions]
        return tuple(sorted(rows, key=lambda row: row.number if isinstance(row, ExtractLine) else row.first))
