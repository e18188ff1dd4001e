"""A test that somebody proposes, and how far it came in its trial: each rejection has its reason."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from enum import StrEnum

from cicd_agent.domain.trials.test_run import FileCoverage, MutantOutcome


class Origin(StrEnum):
    MODEL = "model"
    DOCUMENTED = "documented"
    PROPERTY = "property"
    OBSERVED = "observed"


class Expectation(StrEnum):
    """Where what it expects comes from, by what its author says; the quote that shows it is checked."""

    DOCSTRING = "docstring"
    TYPES = "types"
    PULL_REQUEST = "pull_request"
    CODE = "code"
    """From reading or running the code: it can pin a mistake, so it may never contradict what is documented."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One test function with what it needs. `path` and `function` (qualified name) are the code that it tests.

    `name` is the test function's; `imports` are import statements, a line each; `code` holds the decorated function,
    and helper functions before it. `key` is a digest of all of it.
    """

    key: str
    path: str
    function: str
    name: str
    imports: tuple[str, ...]
    code: str
    origin: Origin
    expectation: Expectation = Expectation.CODE
    quote: str = ""
    why: str = ""


class Hurdle(StrEnum):
    """What a candidate has to pass, in order of cost."""

    PARSES = "parses"
    STATIC = "static"
    COLLECTS = "collects"
    PASSES = "passes"
    COVERS = "covers"
    KILLS = "kills"
    CLEAN = "clean"
    QUICK = "quick"
    STABLE = "stable"
    SUITE = "suite"
    ADDS = "adds"
    STYLE = "style"
    BASE = "base"
    """It says something about the change: it fails on the base."""
    TRIED = "tried"
    """Whether it could be tried at all."""


class Label(StrEnum):
    PINS = "pins new behaviour"
    CHARACTERISES = "characterises unchanged behaviour"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class CandidateReport:
    """How far a candidate came. `stopped` is the hurdle that it did not take, None while it has taken all so far.

    `reason` says why in one sentence. `lines` and `branches` are those of the goals that it executes; `kills` are ids
    of mutants that survived before, `survived` those that it executes and passes with. `passed` of `runs` fresh
    processes were clean.
    """

    candidate: Candidate
    stopped: Hurdle | None = None
    reason: str = ""
    lines: tuple[int, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()
    kills: tuple[str, ...] = ()
    survived: tuple[str, ...] = ()
    runs: int = 0
    passed: int = 0
    label: Label = Label.UNKNOWN
    passes_on_base: bool | None = None
    fails_with: str = ""
    """What it raised on the head ("AssertionError: assert 5 == 3"), "" when it passed or was not run."""
    exception: str = ""
    where: str = ""
    origin_key: str = ""
    """Key of the candidate that this one was fixed from, "" when it is as its author wrote it."""
    settled: bool = False
    """Whether it was also tried together with the others that were left."""

    @property
    def stands(self) -> bool:
        return self.stopped is None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the candidates that stood alone, tried together in their places.

    `reports` has one for each that was settled, in the order in which they were judged. `files` are the test modules
    as they would be published, by path; those of `fresh` did not exist. `coverage` and `outcomes` are what the
    project's tests execute and notice with the kept ones among them.
    """

    reports: tuple[CandidateReport, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    coverage: tuple[FileCoverage, ...] = ()
    outcomes: tuple[MutantOutcome, ...] = ()
    runs: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[CandidateReport, ...]:
        return tuple(report for report in self.reports if report.stands)


def key(candidate: Candidate) -> str:
    # JSON tells the fields apart and spells lone surrogates out, which UTF-8 has no place for.
    fields = json.dumps(astuple(replace(candidate, key="")))
    return hashlib.sha256(fields.encode("ascii")).hexdigest()[:16]


def keyed(candidate: Candidate) -> Candidate:
    return replace(candidate, key=key(candidate))
