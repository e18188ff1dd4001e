"""What is claimed in the end: the findings that stand, those that do not and why, and the risk."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.finding import Finding, Location, Ranked


class Draft(BaseModel):
    """Base of every structured answer: whatever a model says has one of these shapes, or is not an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def unsettled(self) -> str:
        """Why the model says that a person has to decide, "" when it does not; a draft that can say so overrides it."""
        return ""


class RiskLevel(Ranked):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Conclusion(StrEnum):
    """How the run ended, in the words of check runs."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    SKIPPED = "skipped"


class Ground(StrEnum):
    """What a reason rests on: the shape of the change, an area that it touches, or a finding."""

    SHAPE = "shape"
    AREA = "area"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of the risk: the `points` of the score (of 100) that it adds; 0 for a floor that only sets the level."""

    text: str
    points: float
    ground: Ground = Ground.SHAPE


@dataclass(frozen=True, slots=True)
class Risk:
    """`score` is 0–100. `reasons` are sorted by points, most first.

    `percentile` (0–100) is the share of the repository's last changes with a lower score, None when fewer than 20 of
    them are known; `among` is how many are. `probability` (0–1) that it needs a repair is there only after a
    calibration on the repository's own outcomes. `mix` counts the levels of the last changes, lowest level first; it is
    empty where there is no percentile.
    """

    level: RiskLevel
    score: int
    reasons: tuple[Reason, ...] = ()
    percentile: int | None = None
    among: int = 0
    probability: float | None = None
    mix: tuple[int, ...] = ()


class ClaimStatus(StrEnum):
    """What is known of a claim that is no finding."""

    UNDECIDED = "undecided"
    """Neither proved nor disproved: it forbids an approval."""
    REFUTED = "refuted"
    NONE = "none"
    """It claims no problem of its own: it says nothing, praises, or repeats a finding."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A claim that could not be proved, or was not defended: `claim` is the finding as claimed, with its location."""

    claim: Finding
    reason: str
    status: ClaimStatus = ClaimStatus.NONE


class SuppressedBy(StrEnum):
    CONFIG = "config"
    COMMENT = "comment"
    PATH = "path"
    """`paths-ignore`."""
    THREAD = "thread"
    """A person resolved the thread of an earlier review that says it."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that somebody silenced: `reason` in their words, `in_change` whether the change itself does it.

    `url` is where they did, "" when it has no address.
    """

    finding: Finding
    by: SuppressedBy
    reason: str = ""
    in_change: bool = False
    url: str = ""

    @property
    def weighs(self) -> bool:
        """Whether the risk stays as if nobody had: it may have been the author of the change."""
        return self.in_change or self.by is SuppressedBy.THREAD


@dataclass(frozen=True, slots=True)
class Strength:
    """Something that is done well, in one sentence, and the lines that show it, None where it is counted."""

    text: str
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """How much was not asked about again: `files` of the `of` files that a model may be shown, as of `commit`."""

    files: int
    of: int
    commit: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of `verify`. `findings` are sorted worst first. `decision` is a word of the mode's own scale.

    `confidence` is how sure the run is of its decision, None when nothing is known of that (no model was used).
    """

    conclusion: Conclusion
    decision: str
    confidence: float | None
    risk: Risk
    findings: tuple[Finding, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    merged: tuple[Rejected, ...] = ()
    """Claims that say what another finding says already, with the name of that finding as the reason."""
    suppressed: tuple[Suppressed, ...] = ()
    escalate: tuple[str, ...] = ()
    """why human review is needed, one sentence each; empty when nobody needs to."""
    blocking: tuple[str, ...] = ()
    """Fingerprints of the findings that reach `fail-on`."""
    remarks: tuple[str, ...] = ()
    """Summary sentences that stand (the model's, escaped when rendered)."""
    contradictions: tuple[str, ...] = ()
    """Where the pull request's title or body says something else than the change does, one sentence each."""
    fixed: tuple[Thread, ...] = ()
    """Our open threads of earlier reviews whose issue is provably gone."""
    strengths: tuple[Strength, ...] = ()
    recalled: Recalled | None = None

    @property
    def undecided(self) -> int:
        """How many claims are neither proved nor disproved."""
        return sum(each.status is ClaimStatus.UNDECIDED for each in self.rejected)


class Judgement(Protocol):
    """What every mode's result on a change, a run or a deployment says."""

    @property
    def conclusion(self) -> Conclusion: ...

    @property
    def risk(self) -> Risk | None: ...

    @property
    def confidence(self) -> float | None: ...

    @property
    def escalate(self) -> tuple[str, ...]: ...


class Manner(StrEnum):
    ANSWER = "answer"
    HELP = "help"
    NOTE = "note"
    """Why there is no answer; a later run may still give one."""


@dataclass(frozen=True, slots=True)
class Backing:
    """Code that an answer rests on, as it stands in `source`: a path with its line, or a look-up."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What comes of a comment that addresses us: no verdict on the change, but an answer to a person.

    `stands` is whether the finding of the thread stands after what was said, None when nobody has judged that.
    `dropped` are quotes that could not be proved, each with the reason.
    """

    conclusion: Conclusion
    manner: Manner
    text: str
    stands: bool | None = None
    quotes: tuple[Backing, ...] = ()
    dropped: tuple[str, ...] = ()
