"""What a plan may do beyond comments: this job's own settings say so, never the plan, which may come from a file."""

from cicd_agent.core.plan import Grant, ReviewEvent
from cicd_agent.settings import RERUNS
from cicd_agent.world import Scene


def grant(scene: Scene, *, is_own: bool) -> Grant:
    """What this job lets a plan do; `is_own`: it was made by this very run."""
    settings, pull = scene.settings, scene.event.pull
    withheld = ""
    if not is_own:
        # Whoever can write the file could have invented a change in which there is nothing to find.
        withheld = "only a run that has read the change itself approves it"
    elif pull is not None and pull.from_fork:
        withheld = "the pull request comes from a fork"
    return Grant(
        events=frozenset(ReviewEvent) if settings.review_event == "verdict" else frozenset({ReviewEvent.COMMENT}),
        withheld=withheld,
        labels=settings.labels == "on",
        check_run=settings.check_run == "on",
        commit_comment=settings.commit_comment == "on",
        issue=settings.failure_issue == "on",
        reruns=RERUNS[settings.rerun],
        deliver=settings.deliver,
    )
