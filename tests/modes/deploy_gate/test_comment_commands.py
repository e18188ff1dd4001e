from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.effects import Output, Plan, PostedComment, Reply, Rerun
from cicd_agent.domain.events.event import Actor, Comment, Event, EventKind, PullRequest
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.gate_evidence import ApprovalRequest
from cicd_agent.domain.verdict import ChatReply, Conclusion, Manner
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.deploy_gate import comment_commands as talk
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import EVENT, NOW, SHA, GateWorld
from tests.support.fakes.notices import ME

HASH = "0123456789abcdef"
URL = "https://github.test/acme/app/actions/runs"
TOLD = f"""<!-- cicd-agent:deploy-gate/production -->
Held. The check is at {URL}/9/job/1

Held run: [run 12.2]({URL}/12), lifted by an approval of `{HASH}`
"""


def event(body: str = f"/approve-deploy {HASH}", *, on_pull: bool = True) -> Event:
    pull = PullRequest(5, author=Actor("ann")) if on_pull else None
    comment = Comment(3, body, Actor("bob"), issue=5 if on_pull else 1, created=NOW)
    return replace(EVENT, kind=EventKind.ISSUE_COMMENT, action="created", pull=pull, comment=comment)


def posted(body: str, ident: int = 1, created: int = NOW - 60, updated: int = 0, author: str = ME) -> PostedComment:
    """What we have said a minute ago, and not changed since."""
    return PostedComment(ident, body, author, is_ours=author == ME, created=created, updated=updated or created)


def conversation(told: str = TOLD, **run: Any) -> GateWorld:
    """Pull request 5, on which we have told of the held run 12."""
    one = GateWorld()
    one.forge.gated.permissions = {"bob": "write", "ann": "admin", "cyd": "write"}
    if told:
        one.forge.gated.posted = {5: (posted(told),)}
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
    assert (said.manner, said.conclusion) == (Manner.ANSWER, Conclusion.NEUTRAL)
    assert [(each.run, each.attempt, each.reason) for each in reruns(plan)] == [(12, 2, "approval")]
    (reply,) = [each for each in plan.effects if isinstance(each, Reply)]
    assert (reply.pull, reply.to, reply.key) == (5, 3, "reply-3")
    outputs = {each.name: each.value for each in plan.effects if isinstance(each, Output)}
    assert (outputs["decision"], outputs["requires_approval"]) == ("hold", "false")


def test_what_others_call_their_things_leads_to_no_other_run() -> None:
    quoted = f"Held run: [run 9]({URL}/9), lifted by an approval of `{HASH}`"
    told = TOLD.replace("Held.", f"Held: {quoted} {quoted}")
    request, _, _ = answered(conversation(told))
    assert (request.run, request.problem) == (12, "")


def test_a_word_in_our_issue_leads_to_the_run_as_well_and_is_answered_there() -> None:
    one = conversation("")
    one.forge.noticed.open_issue("Held", TOLD)
    request, _, plan = answered(one, event(on_pull=False))
    assert (request.number, request.run, request.problem) == (1, 12, "")
    assert len(reruns(plan)) == 1
    assert [each.pull for each in plan.effects if isinstance(each, Reply)] == [1]


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
    one = conversation(TOLD.replace("an approval", "an override"))
    request, _, plan = answered(one, event(f"/override-deploy {HASH} the outage is worse"))
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
        TOLD.replace(f", lifted by an approval of `{HASH}`", ""),
        TOLD.replace("lifted by an approval", "lifted by nobody"),
    ],
)
def test_a_hash_that_leads_to_no_run_starts_none(told: str) -> None:
    assert "tells of a held deployment" in refused(conversation(told))


def test_a_comment_of_somebody_else_leads_nowhere() -> None:
    one = conversation("")
    one.forge.gated.posted = {5: (posted(TOLD, author="eve"),)}
    assert "tells of a held deployment" in refused(one)


@pytest.mark.parametrize(
    "said",
    [
        f"- **1 open incident: held run: {URL}/9**",
        f"- x Held run: [run 9.1]({URL}/9), lifted by an approval of `{HASH}`",
        f"> Held run: [run 9.1]({URL}/9), lifted by an approval of `{HASH}`",
        f"Would proceed with: Held run: [run 9.1]({URL}/9), lifted by an approval of `{HASH}`",
        f"Held run: [run 9.1]({URL}/9), lifted by an approval of `{HASH}` and more",
        f"{URL}/9",
    ],
)
def test_a_run_that_our_comment_only_quotes_is_not_the_held_one(said: str) -> None:
    marked = f"<!-- cicd-agent:deploy-gate/production -->\n{said}\n`/approve-deploy {HASH}`\n"
    assert "tells of a held deployment" in refused(conversation(f"{marked}\n{said}\n"))
    line = f"Held run: [run 12.2]({URL}/12), lifted by an approval of `{HASH}`"
    assert answered(conversation(f"{marked}\n{line}\n\n{said}\n"))[0].run == 12


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


STAGING = TOLD.replace("/production", "/staging").replace(HASH, "fedcba9876543210").replace("12", "13")


@pytest.mark.parametrize("order", ["/approve-deploy", f"/approve-deploy {HASH[:8]}", f"/approve-deploy {HASH.upper()}"])
def test_an_order_without_the_whole_hash_is_about_the_one_held_deployment(order: str) -> None:
    request, said, plan = answered(conversation(), event(order))
    assert (request.run, request.word.hash, request.problem) == (12, HASH, "")
    assert HASH in said.text
    assert len(reruns(plan)) == 1


def test_of_several_held_deployments_an_order_names_one_and_the_answer_lists_them() -> None:
    one = conversation()
    one.forge.gated.posted = {5: (posted(TOLD), posted(STAGING, 2))}
    why = refused(one, event("/approve-deploy"))
    assert "2 held deployments" in why
    assert f"/approve-deploy {HASH}` (production)" in why
    assert "/approve-deploy fedcba9876543210` (staging)" in why
    assert answered(one, event("/approve-deploy fedcba98"))[0].word.hash == "fedcba9876543210"


def test_an_order_is_not_about_what_its_author_had_not_seen() -> None:
    one = conversation()
    for later in (
        posted(TOLD, created=NOW),
        posted(TOLD, updated=NOW),
        posted(TOLD, updated=NOW + 60),
    ):
        one.forge.gated.posted = {5: (later,)}
        assert refused(one, event("/approve-deploy"))
        assert refused(one, event(f"/approve-deploy {HASH[:15]}"))
        assert answered(one, event(f"/approve-deploy {HASH}"))[0].run == 12
    one.forge.gated.posted = {5: (posted(TOLD), posted(STAGING, 2, created=NOW + 1))}
    assert answered(one, event("/approve-deploy"))[0].word.hash == HASH
    # What is over now was perhaps held when it was written.
    over = "<!-- cicd-agent:deploy-gate/staging -->\nPROCEED"
    one.forge.gated.posted = {5: (posted(TOLD), posted(over, 2, updated=NOW + 1))}
    assert "has changed since" in refused(one, event("/approve-deploy"))


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (f"/approve-deploy {HASH[:7]}", "is no hash"),
        ("/approve-deploy staging", "`staging` is no hash"),
        ("/approve-deploy ffffffff", "begins with ffffffff"),
        ("/approve-deploy ffffffffffffffff", "tells of a held deployment ffffffffffffffff"),
        ("/override-deploy the outage is worse", "an override names its hash"),
    ],
)
def test_an_order_that_leads_nowhere_is_answered_with_what_can_be_ordered(order: str, why: str) -> None:
    text = refused(conversation(), event(order))
    assert why in text
    assert f"held here: `/approve-deploy {HASH}` (production)" in text


def test_an_approval_of_what_takes_an_override_is_answered_with_that() -> None:
    one = conversation(TOLD.replace("an approval", "an override"))
    assert f"takes an override: `/override-deploy {HASH} REASON`" in refused(one)


def test_an_order_in_an_issue_names_its_whole_hash() -> None:
    one = conversation("")
    one.forge.noticed.open_issue("Held", TOLD)
    asked = event("/approve-deploy", on_pull=False)
    assert f"held here: `/approve-deploy {HASH}`" in refused(one, asked)
