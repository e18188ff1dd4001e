"""Turns a gate's decision into what publishes it: outputs, a summary, a question to whoever may lift a hold."""

import json
from collections.abc import Iterator

from cicd_agent.domain.effects import (
    Annotation,
    Button,
    Comment,
    Deployment,
    Effect,
    Issue,
    Level,
    Notification,
    Output,
    Plan,
    ReviewRequest,
    Summary,
)
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.approvals import key
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.page import comment, pictures, sentence, sentence_of, summary
from cicd_agent.modes.deploy_gate.result import Gated, GateDecision, LiftedBy, points
from cicd_agent.modes.protocol import Account
from cicd_agent.settings.schema import Commenting, Settings

OUTPUTS = (
    "decision",
    "requires_approval",
    "safety_score",
    "review_match",
    "strategy",
    "canary_percentage",
    "rollback_trigger",
    "rollback_to",
    "approval_hash",
    "deployment_id",
    "pre_deploy_checks",
    "monitoring_focus",
)
MOST_NOTES = 5
"""Annotations of one run: the summary has all stops."""

LONGEST_TITLE = 200


def report(gated: Gated, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan of a decision. What GitHub is told comes first, so that the rest can say what became of it."""
    return Plan(
        (
            *_asked(gated, evidence, account, settings),
            *_recorded(gated, evidence, settings),
            *_notified(gated, evidence),
            *_annotations(gated),
            Summary(key="summary", body=summary(gated, evidence, account), pictures=pictures(gated)),
            *_outputs(gated),
        )
    )


def _asked(gated: Gated, evidence: Evidence, account: Account, settings: Settings) -> Iterator[Effect]:
    """Those who may lift the hold. Where it proceeds, what stands about an earlier hold says so."""
    gate = evidence.get(GATE)
    if gate is None or evidence.event.kind is EventKind.LOCAL or not gated.enforced:
        return
    body = comment(gated, evidence, account)
    standing = [stop.lift for stop in gated.stops if not stop.lifted]
    held = gated.decision is GateDecision.HOLD
    can_be_lifted = held and bool(standing) and LiftedBy.NOBODY not in standing
    pull = gate.pulls[0].number if gate.pulls else 0
    if pull and "comment" in settings.approvals and settings.comment is not Commenting.NONE:
        yield Comment(key(gated.environment), pull, body, only_edit=not can_be_lifted)
    if can_be_lifted and "issue" in settings.approvals:
        title = clip(f"Deployment to {gated.environment} is held at {gated.sha[:7]}", LONGEST_TITLE)
        yield Issue(key(gated.environment), title, body)
    if can_be_lifted and pull and settings.approvers and "review-request" in settings.approvals:
        yield ReviewRequest(f"{key(gated.environment)}/review", pull, settings.approvers)


def _recorded(gated: Gated, evidence: Evidence, settings: Settings) -> Iterator[Effect]:
    """GitHub's own record. A hold records something only where somebody has begun a deployment."""
    event = evidence.event
    if settings.record_deployment == "off" or event.kind is EventKind.LOCAL or not (gated.sha and gated.environment):
        return
    begun = event.deployment.id if event.deployment else 0
    description = clip(sentence(gated), 140)
    stopped = gated.decision is not GateDecision.PROCEED
    if not stopped:
        yield Deployment(
            "deployment", gated.environment, gated.sha, "queued", description, begun, output="deployment_id"
        )
    elif begun and gated.enforced:
        yield Deployment("deployment", gated.environment, gated.sha, "failure", description, begun)


def _notified(gated: Gated, evidence: Evidence) -> Iterator[Effect]:
    """One message about a hold or a rollback that is enforced; nothing else is worth an interruption."""
    event, gate = evidence.event, evidence.get(GATE)
    if gated.decision is GateDecision.PROCEED or not gated.enforced or event.kind is EventKind.LOCAL:
        return
    standing = [stop.text for stop in gated.stops if not stop.lifted]
    buttons = [Button("Open the run", event.run_url)] if event.run_url else []
    pull = gate.pulls[0] if gate and gate.pulls else None
    if pull is not None and pull.url:
        buttons.append(Button(f"Pull request {pull.number}", pull.url))
    lift = [f"approve with: /approve-deploy {gated.hash}"] if gated.requires_approval else []
    yield Notification(
        key=f"{key(gated.environment)}/{gated.sha[:12]}",
        text=f"{event.repo}: {sentence(gated)}",
        url=event.run_url,
        details=(*standing[:6], *lift),
        buttons=tuple(buttons),
    )


def _annotations(gated: Gated) -> Iterator[Effect]:
    level = Level.ERROR if gated.enforced else Level.NOTICE
    standing = [stop for stop in gated.stops if not stop.lifted]
    for index, stop in enumerate(standing[:MOST_NOTES]):
        text = " ".join(sentence_of(each) for each in (stop.text, stop.remedy) if each)
        yield Annotation(f"stop-{index}", level, f"cicd-agent deploy-gate: {gated.decision}", text)


def _outputs(gated: Gated) -> tuple[Output, ...]:
    values = {
        "summary": sentence(gated),
        "decision": str(gated.decision),
        "requires_approval": "true" if gated.requires_approval else "false",
        "safety_score": points(gated.score),
        "review_match": str(gated.review_match),
        "strategy": gated.strategy,
        "canary_percentage": str(gated.canary_percentage),
        "rollback_trigger": gated.rollback_trigger,
        "rollback_to": gated.rollback_to,
        "approval_hash": gated.hash,
        "pre_deploy_checks": json.dumps(gated.pre_deploy_checks, ensure_ascii=False),
        "monitoring_focus": json.dumps(gated.monitoring_focus, ensure_ascii=False),
    }
    return tuple(Output(f"output-{name}", name, each) for name, each in values.items())
