"""What a job lets a plan do beyond comments: its own settings say so, for the plan may be anybody's."""

from dataclasses import dataclass
from typing import Literal

from cicd_agent.domain.effects import ReviewEvent


@dataclass(frozen=True, slots=True)
class EffectPolicy:
    """What this job's own settings let a plan do beyond comments: the plan may come from a file that others wrote.

    `withheld` is why nothing that it says may be a yes, "" when it may.
    """

    events: frozenset[ReviewEvent] = frozenset({ReviewEvent.COMMENT})
    withheld: str = ""
    labels: bool = False
    check_run: bool = False
    commit_comment: bool = False
    issue: bool = False
    reruns: frozenset[str] = frozenset()
    deliver: Literal["patch", "commit", "pull-request", "comment"] = "patch"
    """How tests may be delivered: a commit and a pull request only when it says so."""
    deployment: str = ""
    """The environment to which a deployment may be recorded, "" for none."""
    reviewers: frozenset[str] = frozenset()
    commit: str = ""
    """The commit that a gate of this job decides on, "" for that of the event."""
    pulls: frozenset[int] = frozenset()
    """Pull requests beside the event's own on which a hold may be told: those that are deployed."""
    held_issue: bool = False
    """Whether a held deployment may open an issue, whatever branch or tag the event is about."""
    read_only: bool = False
    """Whether GitHub gives this job's token no right to write, whatever its workflow says: on a fork's pull request."""
