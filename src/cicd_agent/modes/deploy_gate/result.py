"""What a deployment gate comes to: proceed, hold or rollback, the points of each signal, and what would lift a hold."""

from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Final, Literal

from cicd_agent.analysis.risk.team_policy import AffectedService
from cicd_agent.domain.gate_evidence import Match, State
from cicd_agent.domain.verdict import Conclusion, Risk
from cicd_agent.modes.shared.rollout import Strategy


class GateDecision(StrEnum):
    """What becomes of the deployment."""

    PROCEED = "proceed"
    HOLD = "hold"
    ROLLBACK = "rollback"


class LiftedBy(StrEnum):
    """Who can lift a stop."""

    APPROVAL = "approval"
    """A person with write access who did not write the change."""
    OVERRIDE = "override"
    """The same, with a reason, for what an approval does not reach."""
    NOBODY = "nobody"
    """Only the thing itself, fixed."""


class Band(StrEnum):
    """Where a signal's value lies between its thresholds."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Factor:
    """One signal's part of the score. `points` of `weight` (0–100); both are 0 when the signal is not applicable.

    `words`, `source` and `measured` are those of the reading.
    """

    name: str
    state: State
    band: Band
    weight: float
    points: float
    words: str = ""
    source: str = ""
    measured: int = 0
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason for which nothing proceeds, whatever the score is. `id` is a word, `text` a sentence without its stop.

    `lifted` is who lifted it and why, "" while it stands. `about` is what it names (checks, freezes, incidents), in
    words that stay the same while the thing does: an approval is of exactly these.
    """

    id: str
    text: str
    lift: LiftedBy
    remedy: str = ""
    lifted: str = ""
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CanaryPower:
    """The smallest regression that a canary can see: error rates (0–1) without and with it, and the minutes needed."""

    percentage: int
    per_minute: float
    baseline: float
    detectable: float
    minutes: int


@dataclass(frozen=True, slots=True)
class Objection:
    """A model's reason not to proceed, with the words that it quotes and where they stand."""

    text: str
    quote: str
    source: str


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval or override that counts, or one that does not and why (`refused`); `hash` is what it names."""

    kind: Literal["approve", "override"]
    author: str
    reason: str
    url: str = ""
    refused: str = ""
    hash: str = ""


def points(score: float) -> str:
    return f"{floor(round(10 * score, 6)) / 10:g}"


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of `verify`. Scores are 0–100.

    `score` is with the model where one was used, `score_without` that of the rules alone; `reachable` is the best that
    this policy could reach with what was there to be read. `confidence` is the model's in proceeding, None without one.
    `hash` is what an approval of exactly this has to name. `decision` is what the gate thinks, `enforced` whether it
    stops anything. `requires_approval` is whether a change of this risk takes a person's approval, and of what is held
    whether an approval is what lifts that.
    """

    conclusion: Conclusion
    decision: GateDecision
    environment: str
    sha: str
    score: float
    score_without: float
    threshold: float
    reachable: float
    risk: Risk
    hash: str
    confidence: float | None = None
    factors: tuple[Factor, ...] = ()
    stops: tuple[Hold, ...] = ()
    requires_approval: bool = False
    enforced: bool = True
    review_match: Match = Match.NONE
    strategy: Strategy = "rolling"
    canary_percentage: int = 0
    monitor_minutes: int = 0
    services: tuple[AffectedService, ...] = ()
    sight: CanaryPower | None = None
    rollback_trigger: str = ""
    rollback_to: str = ""
    """The commit to go back to, "" when none is known to be good."""
    pre_deploy_checks: tuple[str, ...] = ()
    monitoring_focus: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()
    dropped: tuple[str, ...] = ()
    """What a model said that could not be proved, each with the reason."""
    remarks: tuple[str, ...] = ()
    """Summary sentences of the model (escaped when rendered)."""
    blocking: tuple[str, ...] = ()
    """Fingerprints of the rules' findings that block."""
    heard: tuple[Approval, ...] = ()
    not_applicable: tuple[str, ...] = ()
    would_proceed: tuple[str, ...] = ()
    """What would make it proceed, one sentence each, of which each is enough."""
    escalate: tuple[str, ...] = ()
    exempt: str = ""
    """Why the error budget does not count ("it takes a commit back"), "" when it does."""
    at: int = 0
    """When the gate looked, in seconds since the epoch; 0 in reports that do not say."""

    @property
    def can_be_approved(self) -> bool:
        """Whether it is held, and an approval is enough to lift that."""
        unlifted = [each for each in self.stops if not each.lifted]
        return self.decision is GateDecision.HOLD and all(each.lift is LiftedBy.APPROVAL for each in unlifted)

    @property
    def effective(self) -> GateDecision:
        """What the pipeline is told: in shadow it goes on."""
        return self.decision if self.enforced else GateDecision.PROCEED


RESULTS: Final = {"gated": GateResult}
