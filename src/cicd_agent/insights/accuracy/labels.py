"""How often decisions were right, by what has shown since: a label for each, its ground, and the counts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cicd_agent.insights.accuracy.gate_record import Share

THRESHOLDS: Final[Mapping[str, float]] = {"review": 0.5, "analyse-failure": 0.8, "deploy-gate": 0.9}
"""The least share of right decisions by mode, where the configuration names none. A finding is read by a person before
anything comes of it, so half of them may be wrong; what a gate lets through nobody looks at again."""

MIN_LABELS: Final = 10
"""Of fewer right and wrong decisions nothing is concluded: one mishap would raise the alarm."""


class Truth(StrEnum):
    """What later facts say of a decision. Of a finding: accepted, rejected, unknown."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Ground(StrEnum):
    """The fact that a label rests on, or what is missing for one."""

    SUGGESTION = "suggestion_committed"
    CHANGED = "lines_changed"
    FILE_GONE = "file_deleted"
    RESTORED = "lines_restored"
    """The finding was about lines that were deleted, and they are back."""
    THUMBED_DOWN = "thumbed_down"
    RESOLVED = "resolved_unchanged"
    """A person closed its thread, and nothing there changed."""
    HIDDEN = "comment_hidden"
    DISMISSED = "review_dismissed"
    CONTRADICTORY = "contradictory"
    """Its suggestion was committed, and a person said no to it."""
    REWRITTEN = "file_rewritten"
    """Most of the file changed: that these lines did says nothing."""
    BESIDE = "changed_beside"
    """A person closed its thread, and something next to the lines changed, or they moved."""
    IGNORED = "merged_unchanged"
    OPEN = "still_open"
    ABANDONED = "closed_unmerged"
    UNSEEN = "not_compared"
    """The commits, the pull request or the lines could not be read."""
    FIXED = "held_then_fixed"
    OVERRIDDEN = "overridden_and_fine"
    OVERRIDDEN_BAD = "overridden_and_went_wrong"
    WENT_WRONG = "went_wrong"
    WENT_WELL = "fine_for_7_days"
    TOO_EARLY = "outcome_not_known"
    LIFTED = "decided_by_a_person"
    LATER = "proceeded_later"
    """The same commit proceeded later on: what was missing came, or somebody mended it elsewhere."""
    RERUN_PASSED = "rerun_passed"
    RERUN_FAILED = "rerun_failed_the_same_way"


@dataclass(frozen=True, slots=True)
class Case:
    """One decision with its label.

    `key` is a finding's fingerprint, a gate's hash or a failure's fingerprint. `rule` is the id of the finding's rule,
    "model" for a model's; `origin` and `severity` are a finding's. `word` is what was decided. `url` leads to where it
    was said. `praised` counts thumbs up, which are no label: they may be for the tone.
    """

    mode: str
    truth: Truth
    ground: Ground
    repository: str = ""
    at: int = 0
    sha: str = ""
    pull: int = 0
    key: str = ""
    word: str = ""
    path: str = ""
    line: int = 0
    rule: str = ""
    origin: str = ""
    severity: str = ""
    url: str = ""
    detail: str = ""
    praised: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of labels."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, truths: Iterable[Truth]) -> "Tally":
        found = Counter(truths)
        return cls(found[Truth.RIGHT], found[Truth.WRONG], found[Truth.UNKNOWN])

    @property
    def n(self) -> int:
        return self.right + self.wrong + self.unknown

    @property
    def share(self) -> Share:
        return Share.of(self.right, self.right + self.wrong)

    @property
    def unknown_share(self) -> float | None:
        """None where there is nothing."""
        return self.unknown / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A mode: its counts, why they are what they are (most first), and what is asked of it (None: nothing)."""

    tally: Tally
    grounds: tuple[tuple[Ground, int], ...] = ()
    threshold: float | None = None

    @property
    def below(self) -> bool:
        """Whether it falls short for certain: there are some labels, and their whole interval lies below."""
        share = self.tally.share
        is_known = share.high is not None and share.n >= MIN_LABELS
        return self.threshold is not None and is_known and (share.high or 0.0) < self.threshold


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The record. `rules`, `origins` and `severities` are of the findings of reviews."""

    modes: Mapping[str, Standing] = field(default_factory=dict)
    rules: Mapping[str, Tally] = field(default_factory=dict)
    origins: Mapping[str, Tally] = field(default_factory=dict)
    severities: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def below(self) -> tuple[str, ...]:
        return tuple(mode for mode, standing in self.modes.items() if standing.below)


def measure(cases: Sequence[Case], thresholds: Mapping[str, float]) -> Accuracy:
    """Count the cases; `thresholds` take the place of THRESHOLDS by mode, and 0 asks nothing of a mode."""
    required = {**THRESHOLDS, **thresholds}
    modes: dict[str, Standing] = {}
    for mode in sorted({case.mode for case in cases}):
        own = [case for case in cases if case.mode == mode]
        grounds = Counter(case.ground for case in own)
        ranked = tuple(sorted(grounds.items(), key=lambda item: (-item[1], item[0])))
        modes[mode] = Standing(Tally.of(case.truth for case in own), ranked, required.get(mode) or None)
    findings = [case for case in cases if case.mode == "review"]
    return Accuracy(
        modes,
        _by(findings, lambda case: case.rule),
        _by(findings, lambda case: case.origin),
        _by(findings, lambda case: case.severity),
    )


def _by(cases: Sequence[Case], name: Callable[[Case], str]) -> dict[str, Tally]:
    """Tallies by a name that cases have, those with the most cases first."""
    truths: dict[str, list[Truth]] = {}
    for case in cases:
        if name(case):
            truths.setdefault(name(case), []).append(case.truth)
    found = {key: Tally.of(each) for key, each in truths.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1].n, item[0])))
