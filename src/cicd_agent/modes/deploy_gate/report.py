"""Turns a gate's decision into what publishes it: outputs, a summary, a question to whoever may lift a hold."""

import json
from collections.abc import Callable, Iterator, Mapping

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
from cicd_agent.modes.deploy_gate.page import comment, page, request_lines, sentence, sentence_of
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult, Hold, LiftedBy, points
from cicd_agent.modes.protocol import Account
from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.settings.schema import Commenting, Settings

_VALUES: Mapping[str, Callable[[GateResult], str]] = {
    "summary": sentence,
    "decision": lambda result: str(result.effective),
    "shadow_decision": lambda result: "" if result.enforced else str(result.decision),
    "requires_approval": lambda result: "true" if result.requires_approval else "false",
    "safety_score": lambda result: points(result.score),
    "strategy": lambda result: result.strategy,
    "canary_percentage": lambda result: str(result.canary_percentage),
    "monitor_minutes": lambda result: str(result.monitor_minutes),
    "rollback_trigger": lambda result: result.rollback_trigger,
    "rollback_to": lambda result: result.rollback_to if result.enforced else "",
    "approval_hash": lambda result: result.hash,
    "pre_deploy_checks": lambda result: json.dumps(result.pre_deploy_checks, ensure_ascii=False),
}
OUTPUTS = (*(name for name in _VALUES if name != "summary"), "deployment_id")

_MAX_ANNOTATIONS = 5
"""Annotations of one run: the summary has all holds."""
_MAX_TITLE = 200


def report(result: GateResult, evidence: Evidence, account: Account, settings: Settings) -> Plan:
    """The plan of a decision. What GitHub is told comes first, so that the rest can say what became of it."""
    return Plan(
        (
            *(_reports(result, evidence, account, settings) if result.enforced else ()),
            *_record(result, evidence, settings),
            *_notification(result, evidence),
            *_annotations(result),
            Summary("summary", github_markdown(page(result, evidence, account, settings))),
            *(Output(f"output-{name}", name, value(result)) for name, value in _VALUES.items()),
        )
    )


def _reports(result: GateResult, evidence: Evidence, account: Account, settings: Settings) -> Iterator[Effect]:
    """For those who may lift the hold. Where it proceeds, they read that where they were asked, or below it."""
    gate = evidence.get(GATE)
    if gate is None or evidence.event.kind is EventKind.LOCAL:
        return
    lifters = {hold.lift for hold in _unlifted(result)}
    can_be_lifted = result.decision is GateDecision.HOLD and bool(lifters) and LiftedBy.NOBODY not in lifters
    pull = gate.pulls[0].number if gate.pulls else 0
    body = github_markdown(comment(result, evidence, account, settings))
    if pull and "comment" in settings.approvals and settings.comment is not Commenting.OFF:
        if result.decision is GateDecision.PROCEED and any(hold.lifted for hold in result.stops):
            # The request stays as it was when somebody answered it: a short order means what it said then.
            yield Comment(f"lifted-{key(result.environment)}", pull, body)
        else:
            yield Comment(key(result.environment), pull, body, only_edit=not can_be_lifted)
    if can_be_lifted and "issue" in settings.approvals:
        title = clip(f"Deployment to {result.environment} is held at {result.sha[:7]}", _MAX_TITLE)
        body = github_markdown(comment(result, evidence, account, settings, on_pull=False))
        yield Issue(key(result.environment), title, body)
    if can_be_lifted and pull and settings.approvers and "review-request" in settings.approvals:
        yield ReviewRequest(f"{key(result.environment)}/review", pull, settings.approvers)


def _record(result: GateResult, evidence: Evidence, settings: Settings) -> Iterator[Effect]:
    """GitHub's own record. A hold records something only where somebody has begun a deployment.

    In shadow the deployment goes on, whatever the decision is: it is queued, and the text says what the gate thinks.
    """
    event = evidence.event
    if settings.record_deployment == "off" or event.kind is EventKind.LOCAL or not (result.sha and result.environment):
        return
    begun = event.deployment.id if event.deployment else 0
    text = clip(sentence(result), 140)
    if result.effective is GateDecision.PROCEED:
        yield Deployment("deployment", result.environment, result.sha, "queued", text, begun, output="deployment_id")
    elif begun:
        yield Deployment("deployment", result.environment, result.sha, "failure", text, begun)


def _notification(result: GateResult, evidence: Evidence) -> Iterator[Effect]:
    """One message about a hold or a rollback that is enforced; nothing else is worth an interruption."""
    event, gate = evidence.event, evidence.get(GATE)
    if result.decision is GateDecision.PROCEED or not result.enforced or event.kind is EventKind.LOCAL:
        return
    buttons = [Button("Open the run", event.run_url)] if event.run_url else []
    pull = gate.pulls[0] if gate and gate.pulls else None
    if pull is not None and pull.url:
        # The comment itself, where it was posted.
        buttons.insert(0, Button(f"Pull request {pull.number}", pull.url, of=key(result.environment)))
    text, details = request_lines(result, evidence)
    yield Notification(
        key=f"{key(result.environment)}/{result.sha[:12]}",
        text=f"{event.repo}: {text}",
        url=event.run_url,
        details=details,
        buttons=tuple(buttons),
    )


def _annotations(result: GateResult) -> Iterator[Effect]:
    level = Level.ERROR if result.enforced else Level.NOTICE
    for index, hold in enumerate(_unlifted(result)[:_MAX_ANNOTATIONS]):
        text = " ".join(sentence_of(each) for each in (hold.text, hold.remedy) if each)
        yield Annotation(f"stop-{index}", level, f"cicd-agent deploy-gate: {result.decision}", text)


def _unlifted(result: GateResult) -> list[Hold]:
    return [hold for hold in result.stops if not hold.lifted]
