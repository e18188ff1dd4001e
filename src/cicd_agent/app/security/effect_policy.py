"""What a plan may do: this job's own settings say so, never the plan, which may come from a file."""

from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.app.context import RunContext
from cicd_agent.app.run_record import Decision
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import ReviewEvent
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.schema import RERUNS, Settings, Stage

GATE = "deploy-gate"
READ_ONLY = frozenset({EventKind.PULL_REQUEST, EventKind.REVIEW_COMMENT})
"""Events whose job gets a token that can only read where a fork's pull request is concerned."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What this run may do with a decision. `is_own`: it decided itself; `performs`: it may act outside of the job."""

    is_own: bool
    performs: bool
    forge: Forge | None
    policy: EffectPolicy
    notifies: Settings | None
    """The settings that say whom; None where nobody is told."""
    saves_facts: bool


def permissions(mode: Mode[Any], decision: Decision, context: RunContext, *, is_own: bool) -> Permissions:
    """`is_own` is whether the decision was made by this very run."""
    settings = context.settings
    # Of a mode by which others go, a decision from a file is only looked at.
    performs = is_own or not mode.unproved
    # At a terminal GitHub is only read, where it is asked at all.
    writes = performs and context.event.kind is not EventKind.LOCAL
    pulls = mode.pulls(decision.evidence) if decision.evidence and is_own else frozenset()
    return Permissions(
        is_own,
        performs,
        context.ports.forge if writes else None,
        replace(effect_policy(context, is_own=is_own, mode=mode.name), pulls=pulls),
        settings if performs else None,
        # Of a decision that came from a file, others may have written any part.
        saves_facts=is_own and settings.stage is Stage.ALL and not settings.evidence_file,
    )


def effect_policy(context: RunContext, *, is_own: bool, mode: str = "") -> EffectPolicy:
    """What this job lets a plan of a mode do; `is_own`: it was made by this very run."""
    settings, pull = context.settings, context.event.pull
    withheld = ""
    if not is_own:
        # Whoever can write the file could have invented a change in which there is nothing to find.
        withheld = "only a run that has read the change itself approves it"
    elif pull is not None and pull.from_fork:
        withheld = "the pull request comes from a fork"
    policy = EffectPolicy(
        events=frozenset(ReviewEvent) if settings.review_event == "verdict" else frozenset({ReviewEvent.COMMENT}),
        withheld=withheld,
        labels=settings.labels == "on",
        check_run=settings.check_run == "on",
        commit_comment=settings.commit_comment == "on",
        issue=settings.failure_issue == "on",
        reruns=RERUNS[settings.rerun],
        deliver=settings.deliver,
        read_only=pull is not None and pull.from_fork and context.event.kind in READ_ONLY,
    )
    return _of_gate(policy, context, is_own=is_own) if mode == GATE else policy


def _of_gate(policy: EffectPolicy, context: RunContext, *, is_own: bool) -> EffectPolicy:
    """What a deployment gate may do on top of that. Nobody else's plan asks people, or starts a run again."""
    settings, event = context.settings, context.event
    environment = settings.environment or (event.deployment.environment if event.deployment else "")
    asks = is_own and "review-request" in settings.approvals
    hears = is_own and event.kind is EventKind.ISSUE_COMMENT
    from_fork = event.pull is not None and event.pull.from_fork
    return replace(
        policy,
        reruns=policy.reruns | {"approval"} if hears else policy.reruns,
        deployment=environment if settings.record_deployment == "on" else "",
        reviewers=frozenset(settings.approvers) if asks else frozenset(),
        commit=settings.sha,
        held_issue="issue" in settings.approvals and not from_fork,
    )
