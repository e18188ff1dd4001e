"""Which of the commits since the last green run brought the failure: ranked by what they share with it."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedRun
from cicd_agent.modes.analyse_failure.result import Meeting, Suspect

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
