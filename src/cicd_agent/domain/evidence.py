"""What was seen of the world: the only thing that rules, questions and verification may look at."""

from dataclasses import dataclass

from cicd_agent.domain.change import Change
from cicd_agent.domain.event import Event
from cicd_agent.domain.facts import Known
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.gate_evidence import GateEvidence
from cicd_agent.domain.history import History
from cicd_agent.domain.patch_trial import TrialReport
from cicd_agent.domain.risk_file import RiskFile
from cicd_agent.domain.thread import Thread
from cicd_agent.modes.analyse_failure.evidence import FailedRun
from cicd_agent.modes.gen_tests.evidence import TestEvidence
from cicd_agent.modes.route.result import RouteEvidence


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A citable excerpt, whose first line is number `first_line` of `source`; higher `priority` is packed first.

    `gutter` replaces the line numbers where they alone do not say enough (the sides of a diff): one entry a line.
    """

    id: str
    source: str
    text: str
    first_line: int = 1
    priority: int = 0
    gutter: tuple[str, ...] = ()
    whole: bool = False
    """Whether it is a piece of the diff: shown whole or not at all, below one heading with its neighbours."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not looked at, and why: it goes into the report, so that nothing is dropped in silence."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one run knows."""

    event: Event
    change: Change | None = None
    exhibits: tuple[Exhibit, ...] = ()
    gaps: tuple[Gap, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What other tools found in the change."""
    threads: tuple[Thread, ...] = ()
    """The threads of earlier reviews on the pull request, ours and those of people."""
    declined: str = ""
    """Why there is nothing to do after all, as reading the world has shown; "" when there is."""
    memory: str = ""
    """What an earlier run of ours has left of its review, in lines; "" when there is nothing to be believed."""
    failed: FailedRun | None = None
    """The run whose failure is to be explained."""
    trials: tuple[TrialReport, ...] = ()
    """What came of patches that were tried out after the answers, so that nothing has to be run again to judge them."""
    tests: TestEvidence | None = None
    """What the project's tests have shown, and what came of new ones."""
    history: History | None = None
    """What the repository's past says of the change."""
    learnt: RiskFile | None = None
    """What the repository has learnt of its risk, from its base branch."""
    route: RouteEvidence | None = None
    """What routing looks at beside these."""
    gate: GateEvidence | None = None
    """What a deployment gate saw."""
    known: Known = Known()
    """What earlier runs have left about it."""
