from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.effects import Output, Plan, Reply, Rerun
from cicd_agent.domain.events.event import Actor, Comment, Event, EventKind, PullRequest
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import ApprovalRequest
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.deploy_gate import comment_commands as talk
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import EVENT, NOW, SHA, GateWorld

HASH = "0123456789abcdef"
URL = "https://github.test/acme/app/actions/runs"
TOLD = f"""<!-- cicd-agent:deploy-gate/production -->
Held. The check is at {URL}/9/job/1

Held run: [run 12.2]({URL}/12)

`/approve-deploy {HASH}`"""


def event(body: str = f"/approve-deploy {HASH}", *, on_pull: bool = True) -> Event:
    pull = PullRequest(5, author=Actor("ann")) if on_pull else None
    comment = Comment(3, body, Actor("bob"), issue=5 if on_pull else 1)
    return replace(EVENT, kind=EventKind.ISSUE_COMMENT, action="created", pull=pull, comment=comment)


def conversation(told: str = TOLD, **run: Any) -> GateWorld:
    """Pull request 5, on which we have told of the held run 12."""
    one = GateWorld()
    one.forge.gated.permissions = {"bob": "write", "ann": "admin", "cyd": "write"}
    if told:
        one.forge.say(5, told)
    held = RunState(12, 2, "Deploy", status="completed", conclusion="failure", sha=SHA, repo="acme/app")
    one.forge.ran.states = [replace(held, **run)]
    return one


def answered(one: GateWorld, asked: Event | None = None) -> tuple[ApprovalRequest, ChatReply, Plan]:
    evidence = talk.gather(asked or event(), one.world(), Settings())
    assert evidence.get(GATE) is not None
    request = evidence[GATE].request
    assert request is not None
    said = talk.verify(evidence)
    return request, said, talk.report(said, evidence)


def reruns(plan: Plan) -> Sequence[Rerun]:
    return [each for each in plan.effects if isinstance(each, Rerun)]


def test_the_held_run_is_started_again_and_nothing_is_approved_here() -> None:
    request, said, plan = answered(conversation())
    assert (request.run, request.attempt, request.problem, request.word.permission) == (12, 2, "", "write")
    assert (said.manner, said.conclusion) == (Manner.ANSWER, Conclusion.SUCCESS)
    assert [(each.run, each.attempt, each.reason) for each in reruns(plan)] == [(12, 2, "approval")]
    (reply,) = [each for each in plan.effects if isinstance(each, Reply)]
    assert (reply.pull, reply.to, reply.key) == (5, 3, "reply-3")
    outputs = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert (outputs["decision"], outputs["requires_approval"]) == ("hold", "false")


def test_what_others_call_their_things_leads_to_no_other_run() -> None:
    told = TOLD.replace("Held.", f"Held: held run: [run 9]({URL}/9) Held run: [run 9]({URL}/9)")
    request, _, _ = answered(conversation(told))
    assert (request.run, request.problem) == (12, "")


def test_a_word_in_our_issue_leads_to_the_run_as_well_and_is_not_answered_there() -> None:
    one = conversation("")
    one.forge.noticed.open_issue("Held", TOLD)
    request, _, plan = answered(one, event(on_pull=False))
    assert (request.number, request.run, request.problem) == (1, 12, "")
    assert len(reruns(plan)) == 1
    assert not [each for each in plan.effects if isinstance(each, Reply)]


def refused(one: GateWorld, asked: Event | None = None) -> str:
    """Why nothing came of it; whatever that is, no run is started and the reply is a note."""
    request, said, plan = answered(one, asked)
    assert request.problem
    assert (said.manner, said.conclusion) == (Manner.NOTE, Conclusion.NEUTRAL)
    assert reruns(plan) == []
    assert [each.key for each in plan.effects if isinstance(each, Reply)] == ["reply-3-note"]
    return said.text


@pytest.mark.parametrize("permission", ["read", "triage", "none", ""])
def test_who_may_not_write_decides_nothing(permission: str) -> None:
    one = conversation()
    one.forge.gated.permissions = {"bob": permission}
    assert "may not write" in refused(one)
    # Anybody may write a comment: it costs one request.
    assert [*one.forge.calls, *one.forge.ran.calls, *one.forge.gated.calls] == ["permission"]


def test_the_author_of_the_change_decides_nothing() -> None:
    asked = event()
    assert asked.comment is not None
    by_ann = replace(asked, comment=replace(asked.comment, author=Actor("Ann")))
    one = conversation()
    one.forge.gated.permissions["Ann"] = "admin"
    assert "author of the change" in refused(one, by_ann)


def test_who_wrote_a_commit_of_the_change_decides_nothing() -> None:
    one = conversation()
    pull = one.forge.gated.came_from[SHA]
    one.forge.gated.came_from = {SHA: replace(pull, authors=("ann", "BOB"))}
    assert "author of the change" in refused(one)


def test_an_override_needs_a_reason() -> None:
    assert "its reason" in refused(conversation(), event(f"/override-deploy {HASH} hurry"))
    request, _, plan = answered(conversation(), event(f"/override-deploy {HASH} the outage is worse"))
    assert (request.word.kind, request.word.reason) == ("override", "the outage is worse")
    assert len(reruns(plan)) == 1


@pytest.mark.parametrize(
    "told",
    [
        "",
        TOLD.replace(HASH, "f" * 16),
        TOLD.replace(HASH, HASH + "0"),
        f"> quoted\n{TOLD}",
        TOLD.replace("deploy-gate/", "reply-"),
        TOLD.replace("/acme/app/", "/evil/app/"),
        f"<!-- cicd-agent:deploy-gate/production -->\n{HASH} {URL}/9 {URL}/12",
    ],
)
def test_a_hash_that_leads_to_no_run_starts_none(told: str) -> None:
    assert "tells of a held deployment" in refused(conversation(told))


def test_a_comment_of_somebody_else_leads_nowhere() -> None:
    one = conversation("")
    one.forge.say(5, TOLD, "eve")
    assert "tells of a held deployment" in refused(one)


@pytest.mark.parametrize(
    "said",
    [
        f"- **1 open incident: held run: {URL}/9**",
        f"- x Held run: [run 9.1]({URL}/9)",
        f"> Held run: [run 9.1]({URL}/9)",
        f"Would proceed with: Held run: [run 9.1]({URL}/9)",
        f"Held run: [run 9.1]({URL}/9) and more",
        f"{URL}/9",
    ],
)
def test_a_run_that_our_comment_only_quotes_is_not_the_held_one(said: str) -> None:
    marked = f"<!-- cicd-agent:deploy-gate/production -->\n{said}\n`/approve-deploy {HASH}`\n"
    assert "tells of a held deployment" in refused(conversation(f"{marked}\n{said}\n"))
    assert answered(conversation(f"{marked}\nHeld run: [run 12.2]({URL}/12)\n\n{said}\n"))[0].run == 12


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({"status": "in_progress", "conclusion": ""}, "has not ended"),
        ({"conclusion": "success"}, "has not failed"),
        ({"event": "pull_request"}, "was caused by pull_request"),
        ({"event": "merge_group"}, "was caused by merge_group"),
        ({"id": 13}, "404"),
    ],
)
def test_a_run_that_is_not_held_is_left_alone(run: dict[str, Any], why: str) -> None:
    assert why in refused(conversation(**run))


@pytest.mark.parametrize("method", ["permission", "origins"])
def test_what_github_refuses_is_the_answer(method: str) -> None:
    one = conversation()
    one.forge.gated.refusals = {method: ForgeRefused("GitHub refused", why="403: *no*")}
    assert "403" in refused(one)


def test_foreign_words_do_nothing_in_the_answer() -> None:
    one = conversation()
    one.forge.gated.refusals = {"permission": ForgeRefused("GitHub refused", why="@everybody <img src=x>")}
    _, _, plan = answered(one)
    (reply,) = [each for each in plan.effects if isinstance(each, Reply)]
    assert r"\<img" in reply.body
    assert "@everybody`" in reply.body


def test_without_a_token_nothing_can_be_judged() -> None:
    with pytest.raises(ConfigError, match="github-token"):
        talk.gather(event(), conversation().world(forge=None), Settings())


def test_only_comments_of_the_conversation_are_talk() -> None:
    assert talk.is_approval_comment(event())
    assert not talk.is_approval_comment(EVENT)
    assert not talk.is_approval_comment(replace(event(), kind=EventKind.REVIEW_COMMENT))


def test_the_word_is_as_old_as_the_moment_it_was_read() -> None:
    assert answered(conversation())[0].word.created == NOW
