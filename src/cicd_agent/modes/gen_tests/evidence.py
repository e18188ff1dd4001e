"""What running the project's own tests has shown: whether that can be done at all, and what they execute and notice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from cicd_agent.domain.evidence import Evidence, Section
from cicd_agent.domain.ports.forge import Library, Repository
from cicd_agent.domain.repository.library import EntryKind, Unreadable
from cicd_agent.domain.text.words import first_names
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Settled, keyed
from cicd_agent.domain.trials.test_run import FileCoverage, Mutant, MutantOutcome, TestOutcome
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt


class SuiteState(StrEnum):
    """Whether there is something to build on."""

    GREEN = "green"
    """Tests pass; those that fail here for other reasons than the change are set aside."""
    RED = "red"
    """The same, but some pass before the change and fail after it."""
    EMPTY = "empty"
    """pytest runs, and finds no tests."""
    BROKEN = "broken"
    """It cannot be collected, did not come to its end, or most of it fails for one cause."""
    UNAVAILABLE = "unavailable"
    """No interpreter, no pytest, no coverage, no sandbox: the detail says which, and the remedy."""


class FailureKind(StrEnum):
    """Why a test of the project is not asked any more."""

    ENVIRONMENT = "environment"
    """It asks for what this machine or the sandbox does not give."""
    FLAKY = "flaky"
    """It passes when it is tried again, alone or in another order."""
    FAILING = "failing"
    """It fails as well before the change, or is new; nothing says that the machine is to blame."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A test of the project, or a module that cannot be collected, that no run takes into account."""

    nodeid: str
    kind: FailureKind
    error: str
    """The type and first line of what it raised."""
    reason: str


@dataclass(frozen=True, slots=True)
class Suite:
    """The project's tests as they are. `coverage` is of the changed files alone.

    `mutants` are those of the changed lines, `outcomes` what the project's tests make of them.
    """

    state: SuiteState
    detail: str = ""
    command: str = ""
    """The pytest command that was run, as a person would type it."""
    python: str = ""
    """Version of the project's interpreter ("3.12.4")."""
    tests: int = 0
    failed: tuple[TestOutcome, ...] = ()
    """What passes before the change and fails after it; of a suite that is BROKEN, what fails."""
    coverage: tuple[FileCoverage, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    outcomes: tuple[MutantOutcome, ...] = ()
    seconds: float = 0.0
    sandbox: str = ""
    """What kept it in."""
    notes: tuple[str, ...] = ()
    """Limits met, a sentence each."""
    loopback: bool = False
    """Whether it had a network of its own."""
    set_aside: tuple[SetAside, ...] = ()

    @property
    def can_judge(self) -> bool:
        return self.state in {SuiteState.GREEN, SuiteState.RED, SuiteState.EMPTY}

    def left_out(self, *, flaky: bool = True) -> tuple[str, ...]:
        """The node ids of tests, and paths of modules, that later runs leave out; with or without the flaky ones."""
        others = (each.nodeid for each in self.set_aside if flaky or each.kind is not FailureKind.FLAKY)
        return tuple(dict.fromkeys([*others, *(test.nodeid for test in self.failed)]))


@dataclass(frozen=True, slots=True)
class TestEvidence:
    """All that a run of gen-tests knows beside the change.

    `modules` are the texts of the test modules and conftest files that matter, by path, `sources` those of modules that
    name a function with goals: users may reach it through them. `proposed` are candidates that
    no model of this run was asked for: written by rules, or by a job before this one. `screened` says how far single
    candidates came, `settled` how those that were left came through together.
    """

    __test__ = False
    suite: Suite
    modules: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    """Every test module of the tree, by path."""
    proposed: tuple[Candidate, ...] = ()
    screened: tuple[CandidateReport, ...] = ()
    settled: Settled | None = None
    hunt: FlakyHunt | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


TEST_EVIDENCE: Final = Section[TestEvidence]("tests", TestEvidence)
"""What the project's tests have shown, and what came of new ones."""
SECTIONS: Final = (TEST_EVIDENCE,)


def known(evidence: Evidence) -> TestEvidence:
    """What is known of the project's tests. Raises ConfigError for evidence of another mode."""
    tests = evidence.get(TEST_EVIDENCE)
    if tests is None:
        raise ConfigError("this evidence holds nothing of tests", remedy="Gather it again with `gen-tests`")
    return tests


def verify_imported(evidence: Evidence, name: str, repository: Repository | None) -> Evidence:
    """The evidence without any trial, once the test modules in it are found to be those of the checkout."""
    tests, change = evidence.get(TEST_EVIDENCE), evidence.change
    if tests is None:
        return evidence
    texts = {**tests.modules, **tests.sources}
    if texts and change is not None and repository is not None:
        try:
            other = tuple(_unlike(texts, repository.library(change)))
        except Unreadable as error:
            raise ConfigError("the project's tests cannot be read", why=str(error)) from None
        if other:
            # New tests are put between what stands there: that must not come from a file.
            reason = f"it has another text than the checkout of {first_names(other)}"
            raise ConfigError(f"{name} is the evidence of something else", why=reason, remedy="Gather it again")
    return evidence.put(TEST_EVIDENCE, untried(tests))


def untried(tests: TestEvidence) -> TestEvidence:
    """Imported evidence, to be tried here: what the file says of a trial is nothing that we have seen.

    A key that does not fit what it stands for was not made by us.
    """
    hunt = tests.hunt
    if hunt is not None:
        hunt = replace(hunt, found=tuple(replace(each, patch="", refused=()) for each in hunt.found))
    proposed = tuple(each for each in tests.proposed if keyed(each) == each)
    return replace(tests, proposed=proposed, screened=(), settled=None, hunt=hunt)


def _unlike(modules: Mapping[str, str], library: Library) -> Iterator[str]:
    """Paths whose text is not what the commit has there."""
    texts = {path: text.encode("utf-8", "surrogatepass") for path, text in modules.items()}
    files = {path: entry for path, entry in library.entries.items() if entry.kind is EntryKind.FILE}
    same_size = [path for path, text in texts.items() if path in files and files[path].size == len(text)]
    contents = dict(zip(same_size, library.contents([files[path] for path in same_size]), strict=True))
    yield from (path for path, text in texts.items() if contents.get(path) != text)
