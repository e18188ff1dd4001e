"""What running the project's own tests has shown: whether that can be done at all, and what they execute and notice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cicd_agent.domain.evidence import Evidence, Section
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Settled
from cicd_agent.domain.trials.test_run import FileCoverage, Mutant, MutantOutcome, TestOutcome
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests.flaky.result import FlakyHunt


class SuiteState(StrEnum):
    """Whether there is something to build on."""

    GREEN = "green"
    RED = "red"
    EMPTY = "empty"
    """pytest runs, and finds no tests."""
    BROKEN = "broken"
    """It cannot be collected, or did not come to its end."""
    UNAVAILABLE = "unavailable"
    """No interpreter, no pytest, no coverage, no sandbox: the detail says which, and the remedy."""


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
    coverage: tuple[FileCoverage, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    outcomes: tuple[MutantOutcome, ...] = ()
    seconds: float = 0.0
    sandbox: str = ""
    """What kept it in."""
    notes: tuple[str, ...] = ()
    """Limits met, a sentence each."""
    loopback: bool = False
    """Whether it needs a network of its own, and had one."""

    @property
    def can_judge(self) -> bool:
        return self.state in {SuiteState.GREEN, SuiteState.EMPTY}


@dataclass(frozen=True, slots=True)
class TestEvidence:
    """All that a run of gen-tests knows beside the change.

    `modules` are the texts of the test modules and conftest files that matter, by path. `proposed` are candidates that
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


TEST_EVIDENCE: Final = Section[TestEvidence]("tests", TestEvidence)
"""What the project's tests have shown, and what came of new ones."""
SECTIONS: Final = (TEST_EVIDENCE,)


def known(evidence: Evidence) -> TestEvidence:
    """What is known of the project's tests. Raises ConfigError for evidence of another mode."""
    tests = evidence.get(TEST_EVIDENCE)
    if tests is None:
        raise ConfigError("this evidence holds nothing of tests", remedy="Gather it again with `gen-tests`")
    return tests
