"""How often decisions were right, by what has shown since: a label for each, its ground, and the counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from statistics import NormalDist
from typing import Final, TypeVar

from cicd_agent.analysis.risk.outcome_labels import DAY

THRESHOLDS: Final[Mapping[str, float]] = {"review": 0.5, "analyse-failure": 0.8, "deploy-gate": 0.9}
"""The minimal share of right decisions by mode, where the configuration names none. A finding is read by a person
before anything comes of it, so half of them may be wrong; what a gate lets through nobody looks at again."""

MIN_LABELS: Final = 10
"""Of fewer right and wrong decisions nothing is concluded: one mishap would raise the alarm."""

OUTCOME_DAYS: Final = 7
"""What has not shown so long after a deployment is not laid at its door."""
OUTCOME_SECONDS: Final = OUTCOME_DAYS * DAY
Key = TypeVar("Key", bound=str)
_NORMAL: Final = NormalDist().inv_cdf(0.975)
"""95 % lie within this many standard deviations."""


class Truth(StrEnum):
    """What later facts say of a decision. Of a finding: accepted, rejected, unknown."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Ground(StrEnum):
    """The fact that a label rests on, or what is missing for one; docs/reference/accuracy.md explains each."""

    SUGGESTION = "suggestion_committed"
    CHANGED = "lines_changed"
    FILE_GONE = "file_deleted"
    RESTORED = "lines_restored"
    THUMBED_DOWN = "thumbed_down"
    RESOLVED = "resolved_unchanged"
    HIDDEN = "comment_hidden"
    DISMISSED = "review_dismissed"
    CONTRADICTORY = "contradictory"
    REWRITTEN = "file_rewritten"
    BESIDE = "changed_beside"
    IGNORED = "merged_unchanged"
    OPEN = "still_open"
    ABANDONED = "closed_unmerged"
    UNSEEN = "not_compared"
    FIXED = "held_then_fixed"
    OVERRIDDEN = "overridden_and_fine"
    OVERRIDDEN_BAD = "overridden_and_went_wrong"
    WENT_WRONG = "went_wrong"
    WENT_WELL = "fine_for_7_days"
    TOO_EARLY = "outcome_not_known"
    LIFTED = "decided_by_a_person"
    LATER = "proceeded_later"
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
class Share:
    """So many of `n`, and where the true share lies with a confidence of 95 % (None when there is nothing to count)."""

    times: int
    n: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, times: int, n: int) -> "Share":
        """Wilson's interval, which holds for few and for none, too.

        E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
        """
        if not n:
            return cls(times, n)
        z2 = _NORMAL**2
        middle = (times + z2 / 2) / (n + z2)
        reach = _NORMAL / (n + z2) * sqrt(times * (n - times) / n + z2 / 4)
        # Rounding must not keep the ends from what was seen.
        return cls(times, n, max(middle - reach, 0.0) if times else 0.0, middle + reach if times < n else 1.0)


@dataclass(frozen=True, slots=True)
class Tally:
    right: int = 0
    wrong: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, truths: Iterable[Truth]) -> "Tally":
        counts = Counter(truths)
        return cls(counts[Truth.RIGHT], counts[Truth.WRONG], counts[Truth.UNKNOWN])

    @property
    def n(self) -> int:
        return self.right + self.wrong + self.unknown

    @property
    def share(self) -> Share:
        return Share.of(self.right, self.right + self.wrong)

    @property
    def unknown_share(self) -> float | None:
        return self.unknown / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class ModeAccuracy:
    """A mode: its counts, the grounds of these (most frequent first), and the threshold that it has, if any."""

    tally: Tally
    grounds: tuple[tuple[Ground, int], ...] = ()
    threshold: float | None = None

    @property
    def below(self) -> bool:
        """Whether it falls short for certain: there are some labels, and their whole interval lies below."""
        share = self.tally.share
        is_known = self.threshold is not None and share.high is not None and share.n >= MIN_LABELS
        return is_known and (share.high or 0.0) < (self.threshold or 0.0)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The record. `rules`, `origins` and `severities` are of the findings of reviews."""

    modes: Mapping[str, ModeAccuracy] = field(default_factory=dict)
    rules: Mapping[str, Tally] = field(default_factory=dict)
    origins: Mapping[str, Tally] = field(default_factory=dict)
    severities: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def below(self) -> tuple[str, ...]:
        return tuple(mode for mode, result in self.modes.items() if result.below)


def measure(cases: Sequence[Case], thresholds: Mapping[str, float]) -> Accuracy:
    """Count the cases; `thresholds` take the place of THRESHOLDS by mode, and 0 requires nothing of a mode."""
    required = {**THRESHOLDS, **thresholds}
    modes: dict[str, ModeAccuracy] = {}
    for mode in sorted({case.mode for case in cases}):
        own = [case for case in cases if case.mode == mode]
        grounds = Counter(case.ground for case in own)
        modes[mode] = ModeAccuracy(Tally.of(case.truth for case in own), ranked(grounds), required.get(mode) or None)
    findings = [case for case in cases if case.mode == "review"]
    return Accuracy(modes, _tallies(findings, "rule"), _tallies(findings, "origin"), _tallies(findings, "severity"))


def ranked(counts: Mapping[Key, int]) -> tuple[tuple[Key, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _tallies(cases: Sequence[Case], attribute: str) -> dict[str, Tally]:
    truths: dict[str, list[Truth]] = {}
    for case in cases:
        if name := getattr(case, attribute):
            truths.setdefault(name, []).append(case.truth)
    tallies = {name: Tally.of(each) for name, each in truths.items()}
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].n, item[0])))
