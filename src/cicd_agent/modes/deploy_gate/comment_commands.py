"""A comment that approves or overrides a held deployment: who may, and which run is started again."""

from dataclasses import replace

from cicd_agent.domain.effects import Effect, Output, Plan, Reply, Rerun, Summary
from cicd_agent.domain.events.comment_markers import note_key, reply_key
from cicd_agent.domain.events.deploy_comment import deploy_command
from cicd_agent.domain.events.event import WRITERS, Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import ApprovalComment, ApprovalRequest, GateEvidence
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import escape, prose
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.deploy_gate.approval_requests import (
    ARTICLES,
    MARKER,
    HeldRequest,
    complete,
    describe,
    held_requests,
)
from cicd_agent.modes.deploy_gate.approvals import MIN_REASON, authors
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.modes.deploy_gate.subject import SERVED
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

_NOUNS = {"approve": "approval", "override": "override"}


def is_approval_comment(event: Event) -> bool:
    return event.kind is EventKind.ISSUE_COMMENT


def gather(event: Event, ports: Ports, settings: Settings) -> Evidence:
    at = int(ports.now())
    command = deploy_command(event.comment.body) if event.comment else None
    if event.comment is None or command is None:
        raise ConfigError("this evidence is not of a comment to answer", remedy="Gather it again with the same mode")
    if ports.forge is None:
        raise ConfigError("the comment cannot be judged", why="no token or no repository", remedy="Set `github-token`")
    author = event.comment.author
    comment = ApprovalComment(
        event.comment.id, *command, author.login, "", event.comment.created or at, is_person=not author.is_bot
    )
    number = event.comment.issue or (event.pull.number if event.pull else 0)
    request, sha = _request(event, ApprovalRequest(comment, number), ports.forge)
    gate = GateEvidence(sha, settings.environment, at, policy=ports.problems, request=request)
    return Evidence(event).put(GATE, gate)


def verify(evidence: Evidence) -> ChatReply:
    """What is answered. Nothing is approved here: the run that is started again reads the comment itself."""
    request = _requested(evidence)
    noun = _NOUNS[request.word.kind]
    if request.problem:
        return ChatReply(Conclusion.NEUTRAL, Manner.NOTE, f"This {noun} was not taken up: {request.problem}.")
    return ChatReply(
        Conclusion.NEUTRAL,  # the gate that is started again says whether it succeeds
        Manner.ANSWER,
        f"The held run {request.run} is started again. It reads this {noun} of `{request.word.hash}` and decides "
        "anew: it still holds if anything has changed that the approval was about.",
    )


def report(reply: ChatReply, evidence: Evidence) -> Plan:
    request = _requested(evidence)
    text = prose(reply.text)
    comment = request.word.id
    effects: list[Effect] = []
    if reply.manner is Manner.ANSWER and not request.problem:
        effects.append(Rerun(f"rerun-{request.run}-{request.attempt}", request.run, request.attempt, "approval"))
    key = note_key(comment) if reply.manner is Manner.NOTE else reply_key(comment)
    effects += [
        Reply(key, request.number, comment, text),
        Summary("summary", f"### Answer to {escape(request.word.author or 'somebody')}\n\n{text}\n"),
        # Whatever comes of the run that is started again, this one lets nothing through.
        Output("output-decision", "decision", GateDecision.HOLD),
        Output("output-requires_approval", "requires_approval", "false"),
        Output("output-summary", "summary", reply.text),
    ]
    return Plan(tuple(effects))


def _requested(evidence: Evidence) -> ApprovalRequest:
    gate = evidence.get(GATE)
    if gate is None or gate.request is None:
        raise ConfigError("this evidence holds no comment to answer", remedy="Gather it again with the same mode")
    return gate.request


def _request(event: Event, request: ApprovalRequest, forge: Forge) -> tuple[ApprovalRequest, str]:
    """The request, and the commit of the run that it leads to, "" when it leads to none."""
    comment = request.word
    try:
        comment = replace(comment, permission=forge.gates.permission(comment.author))
        request = replace(request, word=comment)
        if reason := _refusal(comment):
            return replace(request, problem=reason), ""
        held = _held(event, comment, request.number, forge)
        request = replace(request, word=replace(comment, hash=held.hash))
        run = forge.runs.run(held.run)
        request = replace(request, run=run.id, attempt=run.attempt, problem=_not_held(run))
        if not request.problem:
            wrote = authors(pull for _, pull in forge.gates.origins((run.sha,))) if run.sha else frozenset()
            if event.pull:
                wrote |= {event.pull.author.login.casefold()}
            if comment.author.casefold() in wrote:
                request = replace(request, problem="it is by an author of the change, and somebody else has to look")
    except _NotTaken as refusal:
        return replace(request, problem=str(refusal)), ""
    except ForgeRefused as refusal:
        return replace(request, problem=str(refusal).rstrip(".")), ""
    return request, run.sha


class _NotTaken(Exception):
    """Why an order leads to no held deployment."""


def _held(event: Event, comment: ApprovalComment, number: int, forge: Forge) -> HeldRequest:
    """The held deployment that a comment is about. Raises _NotTaken, which lists those that there are."""
    posted = forge.gates.posted_comments(number, MARKER)
    # When a text of an issue was changed GitHub does not say: there an order names its whole hash.
    issues = () if event.pull else [issue for issue in forge.notices.issues(MARKER) if issue.id == number]
    requests = held_requests((*posted, *issues), event)
    comment = complete(comment, posted, event)
    if comment.problem:
        raise _NotTaken(f"{comment.problem}; {describe(requests)}")
    held = next((each for each in reversed(requests) if each.hash == comment.hash), None)
    if held is None:
        reason = f"nothing of ours in this conversation tells of a held deployment {comment.hash}"
        raise _NotTaken(f"{reason}, and a hash changes with what it stands for; {describe(requests)}")
    if held.kind == "override" and comment.kind == "approve":
        raise _NotTaken(f"what holds there takes {ARTICLES[held.kind]}: {held.order}")
    return held


def _not_held(run: RunState) -> str:
    """Why a run is not held, "" when it may be."""
    if run.status != "completed":
        return f"the run {run.id} has not ended yet"
    if run.event and run.event not in SERVED:
        # No gate decides there: our account may have been made to name a run that has nothing to do with one.
        return f"the run {run.id} was caused by {clip(run.event, 40)}, and no deployment is decided on there"
    if run.conclusion != "success":
        return ""
    return f"the run {run.id} has not failed and cannot be started again: start the deployment anew, it reads this"


def _refusal(comment: ApprovalComment) -> str:
    if not comment.is_person:
        return "it is by a program, and only people decide"
    if comment.permission not in WRITERS:
        author, permission = comment.author or "its author", comment.permission or "no"
        return f"{author} may not write to this repository ({permission} permission)"
    if comment.kind == "override" and len(comment.reason) < MIN_REASON:
        return f"an override gives its reason, in at least {MIN_REASON} characters after the hash"
    return ""
