"""What generating tests comes to: the tests that earned their place, the rest and why, and what is still open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cicd_agent.domain.trials.candidate import Candidate, CandidateReport
from cicd_agent.domain.verdict import Conclusion, Risk
from cicd_agent.modes.gen_tests.evidence import Suite
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt


@dataclass(frozen=True, slots=True)
class Open:
    """A function of the change with lines or branches that no test executes, or faults that none would notice.

    `survivors` are the words of mutants ("`<` → `<=`, line 41"). `advice` says in one sentence what would close it.
    """

    path: str
    function: str
    line: int
    lines: tuple[int, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()
    survivors: tuple[str, ...] = ()
    advice: str = ""


class BugGround(StrEnum):
    """Why a failing candidate may be right."""

    DOCUMENTED = "documented"
    """What it expects stands in the documentation, the types or the pull request."""
    PASSES_ON_BASE = "passes_on_base"
    """What it expects held before the change."""


@dataclass(frozen=True, slots=True)
class PossibleBug:
    """A candidate that fails on the change and may be right: `ground` says why, `said` quotes the words if it is those.

    `line` is where the failing code was left, 0 where the test itself compares.
    """

    candidate: Candidate
    ground: BugGround
    fails_with: str
    said: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: lines executed of lines that could be."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        """None of nothing."""
        return 100 * self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Covered:
    """Coverage by lines: of the whole files that the change touches, and of its own lines."""

    files: Share
    changed: Share


@dataclass(frozen=True, slots=True)
class Generated:
    """The result of gen-tests.

    `reports` are those of all candidates, in the order in which they were proposed; the kept ones stand and are
    settled. `after` is None where nothing was kept. `patch` is what adds the kept tests, as git would write it.
    """

    conclusion: Conclusion
    suite: Suite
    reports: tuple[CandidateReport, ...] = ()
    bugs: tuple[PossibleBug, ...] = ()
    open: tuple[Open, ...] = ()
    before: Covered | None = None
    after: Covered | None = None
    patch: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    homes: Mapping[str, str] = field(default_factory=dict)
    """Where each kept candidate was placed: its key → the path of the test module."""
    hunt: FlakyHunt | None = None
    escalate: tuple[str, ...] = ()
    risk: Risk | None = None
    confidence: float | None = None
    runs: int = 0
    seconds: float = 0.0
    unasked: int = 0
    """Functions for which a model would have been asked for tests, where none was asked at all."""
    threshold: float = 80.0
    """Percent of the changed lines that should be executed."""

    @property
    def kept(self) -> tuple[CandidateReport, ...]:
        return tuple(report for report in self.reports if report.stands and report.settled)

    @property
    def killed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for report in self.kept for each in report.kills))


RESULTS: Final = {"generated": Generated}
