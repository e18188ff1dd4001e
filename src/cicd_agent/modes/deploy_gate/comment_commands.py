"""A comment that approves or overrides a held deployment: who may, and which run is started again."""

import re
from collections.abc import Iterable
from dataclasses import replace

from cicd_agent.domain.effects import Effect, Output, Plan, PostedComment, Reply, Rerun, Summary
from cicd_agent.domain.events.comment_markers import is_ours, note_key, reply_key
from cicd_agent.domain.events.deploy_comment import words_in
from cicd_agent.domain.events.event import WRITERS, Comment, Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.gate_evidence import ApprovalComment, ApprovalRequest, GateEvidence
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.markdown import escape, find_marker
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.deploy_gate.approvals import KEY, LEAST_REASON, authors
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import GateDecision
from cicd_agent.modes.deploy_gate.subject import SERVED
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

_TOLD = f"<!-- cicd-agent:{KEY}/"
_WORD = {"approve": "approval", "override": "override"}


def is_talk(event: Event) -> bool:
    return event.kind is EventKind.ISSUE_COMMENT


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """What the comment asks for, and the held run that it leads to. What stands against it is a part of that."""
    comment, word = _told(event, int(world.now()))
    gate = GateEvidence("", settings.environment, int(world.now()), policy=world.problems)
    if world.forge is None:
        raise ConfigError("the comment cannot be judged", why="no token or no repository", remedy="Set `github-token`")
    request, sha = _request(event, comment, word, world.forge)
    return Evidence(event).put(GATE, replace(gate, sha=sha, request=request))


def verify(evidence: Evidence) -> ChatReply:
    """What is answered. Nothing is approved here: the run that is started again reads the comment itself."""
    request = _requested(evidence)
    what = _WORD[request.word.kind]
    if request.problem:
        return ChatReply(Conclusion.NEUTRAL, Manner.NOTE, f"This {what} was not taken up: {request.problem}.")
    return ChatReply(
        Conclusion.SUCCESS,
        Manner.ANSWER,
        f"The held run {request.run} is started again. It reads this {what} and decides anew: it still holds if "
        "anything has changed that the approval was about.",
    )


def report(said: ChatReply, evidence: Evidence) -> Plan:
    """The answer, and the run that is started again."""
    request, event = _requested(evidence), evidence.event
    text = escape(said.text)
    comment = request.word.id
    effects: list[Effect] = []
    if said.manner is Manner.ANSWER and not request.problem:
        effects.append(Rerun(f"rerun-{request.run}-{request.attempt}", request.run, request.attempt, "approval"))
    if event.pull is not None:
        key = note_key(comment) if said.manner is Manner.NOTE else reply_key(comment)
        effects.append(Reply(key, event.pull.number, comment, text))
    effects += [
        Summary("summary", f"### Answer to {escape(request.word.author or 'somebody')}\n\n{text}\n"),
        # Whatever comes of the run that is started again, this one lets nothing through.
        Output("output-decision", "decision", GateDecision.HOLD),
        Output("output-requires_approval", "requires_approval", "false"),
        Output("output-summary", "summary", said.text),
    ]
    return Plan(tuple(effects))


def _told(event: Event, at: int) -> tuple[Comment, ApprovalComment]:
    said = words_in(event.comment.body) if event.comment else None
    if event.comment is None or said is None:
        raise ConfigError("this evidence is not of a comment to answer", remedy="Gather it again with the same mode")
    kind, hash_, reason = said
    author = event.comment.author
    return event.comment, ApprovalComment(
        event.comment.id, kind, hash_, reason, author.login, "", at, is_person=not author.is_bot
    )


def _requested(evidence: Evidence) -> ApprovalRequest:
    gate = evidence.get(GATE)
    request = gate.request if gate else None
    if request is None:
        raise ConfigError("this evidence holds no comment to answer", remedy="Gather it again with the same mode")
    return request


def _request(event: Event, comment: Comment, word: ApprovalComment, forge: Forge) -> tuple[ApprovalRequest, str]:
    """The request, and the commit of the run that it leads to, "" when it leads to none."""
    request = ApprovalRequest(word, comment.issue or (event.pull.number if event.pull else 0))
    try:
        request = replace(request, word=replace(word, permission=forge.gates.permission(word.author)))
        if why := _unable(request.word):
            return replace(request, problem=why), ""
        number = _held_run(_of_ours(event, request.number, word.hash, forge), word.hash, event)
        if not number:
            why = f"nothing of ours in this conversation tells of a held deployment {word.hash}"
            return replace(request, problem=f"{why}; the hash changes with what it stands for"), ""
        run = forge.runs.run(number)
        request = replace(request, run=run.id, attempt=run.attempt, problem=_unfit(run))
        if not request.problem:
            pulls = [pull for _, pull in forge.gates.origins((run.sha,))] if run.sha else []
            involved = authors(pulls) | ({event.pull.author.login.lower()} if event.pull else set())
            why = "it is by an author of the change, and somebody else has to look"
            request = replace(request, problem=why if word.author.lower() in involved else "")
    except ForgeRefused as refusal:
        return replace(request, problem=str(refusal).rstrip(".")), ""
    return request, run.sha


def _unfit(run: RunState) -> str:
    """Why a run is not held, "" when it may be."""
    if run.status != "completed":
        return f"the run {run.id} has not ended yet"
    if run.event and run.event not in SERVED:
        # No gate decides there: our account may have been made to name a run that has nothing to do with one.
        return f"the run {run.id} was caused by {clip(run.event, 40)}, and no deployment is decided on there"
    if run.conclusion != "success":
        return ""
    return f"the run {run.id} has not failed and cannot be started again: start the deployment anew, it reads this"


def _unable(word: ApprovalComment) -> str:
    """Why the word of this account does not count, "" when it may."""
    if not word.is_person:
        return "it is by a program, and only people decide"
    if word.permission not in WRITERS:
        return f"{word.author or 'its author'} may not write to this repository ({word.permission or 'no'} permission)"
    if word.kind == "override" and len(word.reason) < LEAST_REASON:
        return f"an override gives its reason, in at least {LEAST_REASON} characters after the hash"
    return ""


def _of_ours(event: Event, number: int, hash_: str, forge: Forge) -> tuple[str, ...]:
    """What we have said of a held deployment with this hash in this conversation; an issue of ours begins with it."""
    posted: tuple[PostedComment, ...] = tuple(forge.comments(number, hash_))
    if event.pull is None:
        posted += tuple(issue for issue in forge.notices.issues(hash_) if issue.id == number)
    return tuple(each.body for each in posted if is_ours(each) and find_marker(each.body).startswith(_TOLD))


def _held_run(bodies: Iterable[str], hash_: str, event: Event) -> int:
    """The run that the newest of these texts which has the hash calls held, 0 when none does.

    It is named in a line of its own, the last of that kind: what we quote of others stands inside of our lines.
    """
    body = next((body for body in reversed(tuple(bodies)) if re.search(rf"\b{hash_}\b", body)), "")
    place = re.escape(f"{event.server}/{event.repo}/actions/runs/")
    run = rf"^Held run: \[run [0-9.]{{1,30}}\]\({place}([0-9]{{1,19}})\)\r?$"
    called = re.findall(run, body, re.IGNORECASE | re.MULTILINE)
    return int(called[-1]) if called else 0
