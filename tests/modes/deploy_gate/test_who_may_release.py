"""Every combination of checks, reviews, deployments and policy, and who may let it through.

What is expected is written down here by hand, a column at a time: of all that stands against a deployment, what takes
the most decides. Nothing of it is taken from the code.
"""

from dataclasses import replace
from enum import IntEnum
from itertools import product
from typing import Any

import pytest

from cicd_agent.domain.gate_evidence import Incident, Match, PullCommit, PullContent, ReviewState, State
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.deploy_gate.result import GateDecision
from tests.modes.deploy_gate.evidences import (
    APPROVED,
    AT,
    BASE,
    CHANGE,
    COMMIT,
    HEAD,
    OLDER,
    PULL,
    SHA,
    check,
    decide,
    deployment,
    evidence,
    reading,
    readings,
    with_gate,
    word,
)
from tests.support.samples.changes import change_of


class Who(IntEnum):
    """Who may let a deployment through: each may what the ones before may."""

    RULES = 0
    APPROVER = 1
    OVERRIDER = 2
    NOBODY = 3


Gate = dict[str, Any]
GOING_ON = replace(check("unit", ""), status="in_progress", ended=0)
CHECKS: dict[str, tuple[Who, Gate]] = {
    "green": (Who.RULES, {}),
    "none required": (Who.RULES, {"required": ()}),
    "unreadable": (Who.APPROVER, {"readings": readings(reading("checks", state=State.ERROR))}),
    "red": (Who.OVERRIDER, {"checks": (check("unit", "failure"), check("lint"))}),
    "red beside": (Who.RULES, {"checks": (check("unit"), check("lint", "failure"))}),
    "not run": (Who.OVERRIDER, {"checks": (check("lint"),)}),
    "going on": (Who.NOBODY, {"checks": (GOING_ON, check("lint"))}),
}
AGAINST = ReviewState("rob", "CHANGES_REQUESTED", HEAD)
BOTS = replace(
    PULL,
    author="dependabot[bot]",
    authors=("dependabot[bot]",),
    reviews=(),
    by_app=True,
    commits=(PullCommit(HEAD, (BASE,), ("dependabot[bot]",), signed=True),),
    content=PullContent(),
)
REVIEWS: dict[str, tuple[Who, Gate]] = {
    "approved": (Who.RULES, {}),
    # 65 of 90 points are not 75 percent.
    "nobody": (Who.APPROVER, {"pulls": (replace(PULL, reviews=()),)}),
    "by the author": (Who.APPROVER, {"pulls": (replace(PULL, reviews=(replace(APPROVED, author="ada"),)),)}),
    "changes requested": (Who.APPROVER, {"pulls": (replace(PULL, reviews=(APPROVED, AGAINST)),)}),
    "a bot's": (Who.APPROVER, {"pulls": (BOTS,)}),
    "something else": (Who.OVERRIDER, {"commits": (replace(COMMIT, match=Match.NONE),)}),
    "direct push": (Who.OVERRIDER, {"commits": (replace(COMMIT, match=Match.NONE, pull=0),), "pulls": ()}),
}
FAILED, GOOD = deployment(SHA, "failure", id=9), deployment(BASE)
DEPLOYMENTS: dict[str, tuple[Who, Gate]] = {
    "another runs": (Who.RULES, {}),
    "this failed before": (Who.RULES, {"deployments": (FAILED, GOOD)}),
    "first": (Who.APPROVER, {"deployments": (), "is_first": True}),
    "an incident before": (Who.APPROVER, {"incidents": (Incident(5, "down", AT - 90_000),)}),
    "unknown": (Who.OVERRIDER, {"deployments": (), "unknown_base": "what runs now is not in this clone"}),
    "this failed and did harm": (
        Who.OVERRIDER,
        {"deployments": (FAILED, GOOD), "incidents": (Incident(5, "down", AT - 60),)},
    ),
    "this runs and does harm": (
        Who.OVERRIDER,
        {
            "deployments": (deployment(SHA, id=9), deployment(OLDER, id=6)),
            "incidents": (Incident(5, "down", AT - 60),),
        },
    ),
}
OWN = change_of((".github/cicd-agent.yml", "threshold: 75\n", "threshold: 0\n"))
POLICIES: dict[str, tuple[Change, Gate, dict[str, Any]]] = {
    "default": (CHANGE, {}, {}),
    "no reviews here": (CHANGE, {}, {"not_applicable": ("review",)}),
    "no threshold": (CHANGE, {}, {"threshold": 0}),
    "bots": (CHANGE, {}, {"bot_policy": "rules-and-green"}),
    "bots, brought along": (OWN, {}, {"bot_policy": "rules-and-green"}),
    "brought along": (OWN, {}, {}),
    "of a held commit": (CHANGE, {"is_policy_new": True}, {}),
    "broken": (CHANGE, {"policy": ("`treshold` is no key",)}, {}),
}


def expected(checks: str, reviews: str, deployments: str, policy: str) -> Who:
    of_reviews = REVIEWS[reviews][0]
    if policy == "no reviews here" or (policy == "no threshold" and of_reviews is Who.APPROVER):
        of_reviews = Who.RULES
    if reviews == "a bot's" and policy in {"bots", "bots, brought along"} and checks in {"green", "none required"}:
        of_reviews = Who.RULES
    of_policy = Who.NOBODY if policy == "broken" else Who.RULES
    # Changes that somebody requests do not undo that somebody else approved the policy; a bot approves none.
    if policy in {"brought along", "bots, brought along", "of a held commit"} and reviews not in {
        "approved",
        "changes requested",
    }:
        of_policy = Who.APPROVER
    return max(CHECKS[checks][0], of_reviews, DEPLOYMENTS[deployments][0], of_policy)


# What bots may is the same whatever runs there.
CASES = [
    (deployments, policy)
    for deployments, policy in product(DEPLOYMENTS, POLICIES)
    if "bots" not in policy or deployments in {"another runs", "first", "unknown"}
]


@pytest.mark.parametrize(("deployments", "policy"), CASES)
def test_who_may_let_a_deployment_through(deployments: str, policy: str) -> None:
    change, brought, settings = POLICIES[policy]
    wrong = []
    for checks, reviews in product(CHECKS, REVIEWS):
        if checks == "red beside" and "bots" not in policy:
            continue
        gate = {**CHECKS[checks][1], **REVIEWS[reviews][1], **DEPLOYMENTS[deployments][1], **brought}
        seen = evidence(change=change, **gate)
        alone = decide(seen, **settings)
        found = Who.RULES if alone.decision is GateDecision.PROCEED else Who.NOBODY
        for who, kind in ((Who.OVERRIDER, "override"), (Who.APPROVER, "approve")):
            said = word(alone.hash, kind, reason="it cannot wait any longer", author="rita")
            if found and decide(with_gate(seen, words=(said,)), **settings).decision is GateDecision.PROCEED:
                found = who
            # Nobody lifts what holds their own change.
            own = replace(said, author=next((pull.author for pull in gate.get("pulls", (PULL,))), "pusher"))
            if alone.decision is not GateDecision.PROCEED:
                assert decide(with_gate(seen, words=(own,)), **settings).decision is not GateDecision.PROCEED
        if found is not expected(checks, reviews, deployments, policy):
            wrong.append((checks, reviews, found.name, expected(checks, reviews, deployments, policy).name))
        assert alone.requires_approval is (found is Who.APPROVER)
    assert wrong == []
