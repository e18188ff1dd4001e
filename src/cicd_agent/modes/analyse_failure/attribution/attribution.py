"""Where a failure stands on the ladder: its cause, the rung that it was found on, and what that rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedRun
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import Ground, Meeting, Rung, Suspect

_NOT_THE_CHANGE = frozenset({Rung.RUNNER, Rung.PASSED_ELSEWHERE, Rung.SEEN_BEFORE, Rung.SIGNATURE, Rung.OUT_OF_REACH})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ladder says of one failure; `group` is that failure, None when there was none to judge.

    `rerun_kind` is `infrastructure` or `flaky`, what the input `rerun` has to allow; "" when that is no use.
    `fixed_by` is the commit that ended the same failure elsewhere, "" when that is not known.
    """

    cause: Cause
    rung: Rung
    confidence: float
    grounds: tuple[Ground, ...] = ()
    rerun_kind: str = ""
    group: Group | None = None
    meetings: tuple[Meeting, ...] = ()
    fixed_by: str = ""

    @property
    def not_this_change(self) -> bool:
        """Whether the change is shown not to be at fault, or meets the failure nowhere."""
        return self.rung in _NOT_THE_CHANGE


EXACT = 0.95
ONE_OF_SEVERAL = 0.9
"""The share of a meeting's strength that is left for a commit that changed the file, but not the line."""
MOST = 20
CLEAR = 0.6
"""The score from which a commit that alone meets the failure is held responsible."""


def rank(failed: FailedRun, meetings: Sequence[Meeting]) -> tuple[tuple[Suspect, ...], str]:
    """The commits, best first, and the one that stands clearly above the others, "" when none does.

    Whether the change is to blame at all is the ladder's to say: without that nobody is responsible.
    """
    suspects = sorted((_suspect(candidate, meetings) for candidate in failed.candidates), key=lambda each: -each.score)
    return tuple(suspects[:MOST]), _responsible(failed, suspects)


def _suspect(candidate: Candidate, meetings: Sequence[Meeting]) -> Suspect:
    own: list[Meeting] = []
    score = 0.0
    for meeting in meetings:
        if meeting.path not in candidate.lines:
            continue
        ranges = candidate.lines[meeting.path] or ()
        exact = meeting.line > 0 and any(first <= meeting.line <= last for first, last in ranges)
        own.append(replace(meeting, exact=exact, sha=candidate.commit.sha))
        score = max(score, EXACT if exact else ONE_OF_SEVERAL * meeting.strength)
    return Suspect(candidate.commit.sha, candidate.commit.subject, round(score, 3), tuple(own))


def _responsible(failed: FailedRun, suspects: Sequence[Suspect]) -> str:
    if len(suspects) == 1 and failed.green is not None and suspects[0].meetings:
        return suspects[0].sha
    exact = [suspect for suspect in suspects if any(meeting.exact for meeting in suspect.meetings)]
    if len(exact) == 1:
        return exact[0].sha
    meeting = [suspect for suspect in suspects if suspect.score > 0]
    if len(meeting) == 1 and meeting[0].score >= CLEAR:
        return meeting[0].sha
    return ""
