"""What a failure is attributed to: the cause, the step of the cascade that shows it, the evidence, the commits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedRun
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import CascadeStep, Ground, Overlap, Suspect

_NOT_THE_CHANGE = frozenset(
    {
        CascadeStep.RUNNER,
        CascadeStep.PASSED_ELSEWHERE,
        CascadeStep.SEEN_BEFORE,
        CascadeStep.SIGNATURE,
        CascadeStep.OUT_OF_REACH,
    }
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The cause of one failure; `group` is that failure, None when there was none to judge.

    `rerun_kind` is `infrastructure` or `flaky`, what the input `rerun` has to allow; "" when that is no use.
    `fixed_by` is the commit that ended the same failure elsewhere, "" when that is not known.
    """

    cause: Cause
    step: CascadeStep
    confidence: float
    grounds: tuple[Ground, ...] = ()
    rerun_kind: str = ""
    group: Group | None = None
    overlaps: tuple[Overlap, ...] = ()
    fixed_by: str = ""

    @property
    def not_this_change(self) -> bool:
        return self.step in _NOT_THE_CHANGE


EXACT = 0.95
ONE_OF_SEVERAL = 0.9
"""The share of an overlap's strength that is left for a commit that changed the file, but not the line."""
MAX_SUSPECTS = 20
CLEAR = 0.6
"""The score from which the only commit that overlaps with the failure is held responsible."""


def rank(failed: FailedRun, overlaps: Sequence[Overlap]) -> tuple[tuple[Suspect, ...], str]:
    """The commits, best first, and the one that is clearly above the others, "" when none does.

    Whether the change is to blame at all is decided by the cascade: without that nobody is responsible.
    """
    suspects = sorted((_suspect(candidate, overlaps) for candidate in failed.candidates), key=lambda each: -each.score)
    return tuple(suspects[:MAX_SUSPECTS]), _responsible(failed, suspects)


def _suspect(candidate: Candidate, overlaps: Sequence[Overlap]) -> Suspect:
    own: list[Overlap] = []
    score = 0.0
    for overlap in overlaps:
        if overlap.path not in candidate.lines:
            continue
        ranges = candidate.lines[overlap.path] or ()
        exact = overlap.line > 0 and any(first <= overlap.line <= last for first, last in ranges)
        own.append(replace(overlap, exact=exact, sha=candidate.commit.sha))
        score = max(score, EXACT if exact else ONE_OF_SEVERAL * overlap.strength)
    return Suspect(candidate.commit.sha, candidate.commit.subject, round(score, 3), tuple(own))


def _responsible(failed: FailedRun, suspects: Sequence[Suspect]) -> str:
    if len(suspects) == 1 and failed.green is not None and suspects[0].meetings:
        return suspects[0].sha
    exact = [suspect for suspect in suspects if any(overlap.exact for overlap in suspect.meetings)]
    if len(exact) == 1:
        return exact[0].sha
    overlap = [suspect for suspect in suspects if suspect.score > 0]
    if len(overlap) == 1 and overlap[0].score >= CLEAR:
        return overlap[0].sha
    return ""
