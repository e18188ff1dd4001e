"""Where commits came from is found in one query: the pull request merged here, who wrote it, and each last word."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.github.origins import CommitNode, GitObject, Repository, choose
from cicd_agent.domain.gate_evidence import BaseChange, OriginPull, PullCommit, ReviewState
from cicd_agent.domain.ports.deployments import Gates
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.gates_made import GateScene
from tests.support.servers.github.state import Account

SHA, HEAD = "c" * 40, "a" * 40
AT = 1_800_000_000
BOT = Account("github-actions[bot]")


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7, labels=("hotfix",), title="Mend it")
        yield hub


@pytest.fixture
def scene(hub: FakeGitHub) -> GateScene:
    hub.gate.merge(7, SHA, writers=("contributor", "", "alice", "contributor"))
    return hub.gate


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, timeout=5, sleep=lambda _: None) as forge:
        yield forge


@pytest.fixture
def gates(forge: GitHubForge) -> Gates:
    return forge.gates


def reviews(gates: Gates) -> tuple[ReviewState, ...]:
    [(_, origin)] = gates.origins([SHA])
    return origin.reviews


def test_a_merged_pull_request_is_found_by_the_commit_it_made(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    scene.review(7, "octocat", at=AT)
    scene.data.signed.add(HEAD)
    first, second, third = (f"{at:040x}" for at in (1, 2, 3))
    assert gates.origins([SHA, "d" * 40, SHA]) == (
        (
            SHA,
            OriginPull(
                number=7,
                author="contributor",
                base="main",
                head=HEAD,
                merge_commit=SHA,
                title="Mend it",
                labels=("hotfix",),
                authors=("contributor", "alice"),
                reviews=(ReviewState("octocat", "APPROVED", HEAD, AT),),
                url="https://github.test/o/r/pull/7",
                commits=(
                    PullCommit(first, ("b" * 40,), ("contributor",)),
                    PullCommit(second, (first,), ("",)),
                    PullCommit(third, (second,), ("alice",)),
                    PullCommit(HEAD, (third,), ("contributor",), signed=True),
                ),
            ),
        ),
    )
    assert len(hub.received) == 1


def test_fifty_commits_are_one_request_and_what_is_over_three_hundred_is_cut(
    hub: FakeGitHub, scene: GateScene, forge: GitHubForge
) -> None:
    shas = [f"{at:040x}" for at in range(310)]
    scene.merge(7, *shas)
    assert [sha for sha, _ in forge.gates.origins(shas[:50])] == shas[:50]
    assert len(hub.received) == 1
    assert [sha for sha, _ in forge.gates.origins(shas)] == shas[:300]
    assert len(hub.received) == 7
    assert forge.notes == ("only 300 of 310 commits were looked up by their pull request",)


def test_what_is_no_commit_is_not_asked_for(hub: FakeGitHub, gates: Gates) -> None:
    assert gates.origins([]) == gates.origins(["", "main", 'x") { id }', "C" * 40]) == ()
    assert hub.received == []


def test_an_open_pull_request_is_no_origin(scene: GateScene, gates: Gates) -> None:
    scene.merge(7)
    assert gates.origins([HEAD]) == ()


def test_of_several_the_one_into_the_default_branch_counts(hub: FakeGitHub, scene: GateScene, gates: Gates) -> None:
    for number, base in ((8, "main"), (9, "develop")):
        hub.add_pull(number, base_ref=base)
        scene.merge(number, "e" * 40, SHA if number == 9 else HEAD)
    scene.merge(7, "e" * 40)
    scene.repo.pulls[7].base_ref = "develop"
    [(_, origin)] = gates.origins(["e" * 40])
    assert origin.number == 8
    scene.data.default_branch = "develop"
    [(_, origin)] = gates.origins([SHA])
    assert origin.number == 9


def test_the_last_word_of_each_reviewer_counts(scene: GateScene, gates: Gates) -> None:
    scene.review(7, "octocat", "CHANGES_REQUESTED", at=AT + 5)
    scene.review(7, "Octocat", "APPROVED", at=AT + 1, commit="b" * 40)
    scene.review(7, "octocat", "COMMENTED", at=AT + 9)
    scene.review(7, "hubot", "APPROVED", at=AT + 2)
    scene.review(7, "hubot", "DISMISSED", at=AT + 3)
    assert [(one.author, one.state) for one in reviews(gates)] == [
        ("hubot", "DISMISSED"),
        ("octocat", "CHANGES_REQUESTED"),
    ]


def test_whose_word_it_is_and_what_it_weighs_is_told(scene: GateScene, gates: Gates) -> None:
    scene.review(7, BOT, "CHANGES_REQUESTED", association="NONE", at=AT)
    scene.review(7, Account("github-actions", "User"), association="CONTRIBUTOR", at=AT + 1)
    scene.review(7, "owner", association="OWNER", at=AT + 2)
    assert [(one.author, one.is_person, one.is_ours, one.can_write) for one in reviews(gates)] == [
        ("github-actions[bot]", False, True, False),
        ("github-actions", True, False, False),
        ("owner", True, False, True),
    ]


def test_who_may_push_is_asked_and_not_taken_from_what_somebody_is_called(scene: GateScene, gates: Gates) -> None:
    scene.permit("triager", "triage")
    scene.permit("hidden-member", "write")
    scene.review(7, "triager", association="COLLABORATOR", at=AT)
    scene.review(7, "hidden-member", association="NONE", at=AT + 1)
    assert [(one.author, one.can_write) for one in reviews(gates)] == [("triager", False), ("hidden-member", True)]


def test_a_bots_change_is_told_from_a_persons_of_that_name(scene: GateScene, gates: Gates) -> None:
    scene.repo.pulls[7].author = Account("dependabot[bot]")
    [(_, origin)] = gates.origins([SHA])
    assert (origin.author, origin.authors) == ("dependabot[bot]", ("dependabot[bot]", "contributor", "alice"))
    assert origin.by_app
    scene.repo.pulls[7].author = Account("dependabot[bot]", "User")
    [(_, origin)] = gates.origins([SHA])
    assert not origin.by_app


def test_when_its_base_branch_was_changed_is_told_and_by_whom_it_matters_not(scene: GateScene, gates: Gates) -> None:
    scene.retarget(7, "stack", at=AT)
    scene.retarget(7, "main", at=AT + 5, automatic=True)
    [(_, origin)] = gates.origins([SHA])
    assert (origin.base, origin.base_changes) == ("main", (BaseChange(AT, "main"), BaseChange(AT + 5, "stack")))


def test_before_the_oldest_of_many_base_changes_nobody_knows_the_base(scene: GateScene, gates: Gates) -> None:
    for at in range(11):
        scene.retarget(7, "main", at=AT + at)
    [(_, origin)] = gates.origins([SHA])
    assert origin.base_changes == (BaseChange(AT + 1), *(BaseChange(AT + at, "main") for at in range(2, 11)))


SIGNED = {"isValid": True, "wasSignedByGitHub": True}
ADA = {"user": {"login": "ada"}}
BY_ADA = {"totalCount": 1, "nodes": [ADA]}


@pytest.mark.parametrize(
    ("commit", "expected"),
    [
        ({"signature": SIGNED, "authors": BY_ADA}, PullCommit(HEAD, (), ("ada",), signed=True)),
        ({"signature": SIGNED | {"isValid": False}, "authors": BY_ADA}, PullCommit(HEAD, (), ("ada",))),
        ({"signature": SIGNED | {"wasSignedByGitHub": False}, "authors": BY_ADA}, PullCommit(HEAD, (), ("ada",))),
        ({"signature": None, "authors": BY_ADA | {"totalCount": 2}}, PullCommit(HEAD, (), ("ada", ""))),
        ({"authors": BY_ADA | {"nodes": [ADA, None]}}, PullCommit(HEAD, (), ("ada",))),
        ({"authors": None}, PullCommit(HEAD, (), ("",))),
        ({"parents": {"nodes": [{"oid": SHA}, None]}, "authors": BY_ADA}, PullCommit(HEAD, (SHA, ""), ("ada",))),
    ],
)
def test_who_wrote_a_commit_is_not_known_while_anybody_is_missing(commit: dict[str, Any], expected: PullCommit) -> None:
    assert CommitNode.model_validate({"commit": {"oid": HEAD} | commit}).as_commit() == expected


def test_a_commit_that_is_not_shown_cuts_the_list(hub: FakeGitHub, gates: Gates) -> None:
    hub.fail("POST", "/graphql", 200, answer(PULL | {"commits": {"totalCount": 2, "nodes": [None, None]}}))
    [(_, origin)] = gates.origins([SHA])
    assert origin.cut


def test_the_query_tells_who_we_are_as_well(hub: FakeGitHub, scene: GateScene, forge: GitHubForge) -> None:
    scene.say(7, BOT, "<!-- m -->")
    forge.gates.origins([SHA])
    assert [one.is_ours for one in forge.comments(7, "m")] == [True]
    assert len(hub.received) == 2


def test_more_reviews_and_writers_than_are_read_are_told(scene: GateScene, forge: GitHubForge) -> None:
    scene.merge(7, SHA, writers=tuple(f"w{at}" for at in range(101)))
    for at in range(101):
        scene.review(7, f"r{at}", at=AT + at)
    [(_, origin)] = forge.gates.origins([SHA])
    assert (len(origin.reviews), len(origin.authors)) == (100, 101)
    assert origin.cut
    reviews, writers = forge.notes
    assert reviews == "only the newest 100 reviews of pull request 7 were read"
    assert writers.startswith("of pull request 7 only the newest 100 commits told who wrote them: nobody's approval")


REVIEW: dict[str, Any] = {"state": "APPROVED", "submittedAt": None, "authorCanPushToRepository": True, "author": None}
PULL: dict[str, Any] = {
    "number": 7,
    "merged": True,
    "baseRefName": "main",
    "headRefOid": HEAD,
    "repository": {"nameWithOwner": "O/R"},
    "mergeCommit": None,
    "author": None,
    "reviews": {"totalCount": 2, "nodes": [REVIEW, None, REVIEW]},
    "commits": {"totalCount": 1, "nodes": [{"commit": {"authors": {"nodes": [None, {"user": None}]}}}, None]},
    "timelineItems": {"nodes": []},
}


def answer(*pulls: Any, **repository: Any) -> dict[str, Any]:
    found = {"oid": SHA, "associatedPullRequests": {"nodes": list(pulls)}}
    whole = {"nameWithOwner": "o/r", "defaultBranchRef": None, "c0": found} | repository
    return {"data": {"viewer": {"login": "x"}, "repository": whole}}


def test_deleted_accounts_are_nobody_and_each_counts(hub: FakeGitHub, gates: Gates) -> None:
    hub.fail("POST", "/graphql", 200, answer(PULL))
    [(_, origin)] = gates.origins([SHA])
    assert (origin.author, origin.authors, origin.merge_commit) == ("", (), "")
    assert [(one.author, one.is_person, one.is_ours) for one in origin.reviews] == [("", False, False)] * 2


@pytest.mark.parametrize(
    "body",
    [
        answer(PULL | {"repository": {"nameWithOwner": "mallory/r"}}),
        answer(PULL | {"merged": False}, defaultBranchRef={"name": "main"}),
        answer(None),
        answer(),
        answer(PULL, c0=None),
        answer(PULL, c0={}),
        answer(PULL, c0={"oid": "d" * 40, "associatedPullRequests": {"nodes": [PULL]}}),
        answer(c0={"oid": SHA, "associatedPullRequests": None}),
    ],
    ids=["in a fork", "not merged", "hidden", "none", "no object", "a tree", "another commit", "no list"],
)
def test_what_was_not_merged_here_is_no_origin(hub: FakeGitHub, gates: Gates, body: Any) -> None:
    hub.fail("POST", "/graphql", 200, body)
    assert gates.origins([SHA]) == ()


@pytest.mark.parametrize(
    "body",
    [
        "<html>sign in</html>",
        [],
        {},
        {"data": None},
        {"data": {"viewer": None, "repository": None}},
        {"data": {"viewer": {"login": "x"}, "repository": None}, "errors": [{"type": 7}]},
        {"data": {"viewer": {"login": "x"}, "repository": {"nameWithOwner": "o/r"}}},
        {"data": {"viewer": {"login": "x"}, "repository": {"nameWithOwner": "o/r", "c0": 7}}},
        answer(PULL) | {"errors": [{"message": "Something\nwent ::error:: wrong", "type": "WHATEVER"}]},
        answer(PULL | {"commits": None}),
        answer(PULL | {"number": "x"}),
        answer(PULL | {"timelineItems": None}),
        answer(PULL | {"timelineItems": {"nodes": [None]}}),
        answer(PULL | {"timelineItems": {"nodes": [{"createdAt": None, "previousRefName": "main"}]}}),
        answer(PULL | {"timelineItems": {"nodes": [{"createdAt": "2026-01-01T00:00:00Z"}]}}),
        answer("x" * 100_000),
        {"errors": [{}], "data": "x" * 100_000},
    ],
)
def test_any_other_answer_is_a_refusal_in_one_line(hub: FakeGitHub, gates: Gates, body: Any) -> None:
    hub.fail("POST", "/graphql", 200, body, times=9)
    with pytest.raises(ForgeRefused) as caught:
        gates.origins([SHA])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_000


WHO = st.none() | st.fixed_dictionaries(
    {"__typename": st.sampled_from(["Bot", "User", "Organization"]), "login": st.text()}
)
FOREIGN = st.fixed_dictionaries(
    {
        "number": st.integers(),
        "merged": st.booleans(),
        "baseRefName": st.text(),
        "headRefOid": st.text(),
        "repository": st.sampled_from([{"nameWithOwner": "o/r"}, {"nameWithOwner": "m/r"}]),
        "mergeCommit": st.none() | st.fixed_dictionaries({"oid": st.text()}),
        "author": WHO,
        "labels": st.none() | st.just({"nodes": [None, {"name": "x"}]}),
        "reviews": st.none()
        | st.fixed_dictionaries(
            {
                "totalCount": st.integers(),
                "nodes": st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {
                            "state": st.text(),
                            "submittedAt": st.sampled_from([None, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]),
                            "author": WHO,
                        }
                    ),
                    max_size=3,
                ),
            }
        ),
        "commits": st.just({"totalCount": 0, "nodes": None}),
        "timelineItems": st.just({"nodes": []}),
    }
)


@given(st.lists(FOREIGN, max_size=3), st.text())
@settings(max_examples=60)
def test_whatever_fits_the_schema_is_read(pulls: list[dict[str, Any]], viewer: str) -> None:
    text = json.dumps({"oid": SHA, "associatedPullRequests": {"nodes": pulls}}).encode("utf-8", "replace")
    chosen = choose(GitObject.model_validate_json(text), SHA, Repository.model_validate({"nameWithOwner": "o/r"}))
    good = [pull for pull in pulls if pull["merged"] and pull["repository"]["nameWithOwner"] == "o/r"]
    assert (chosen is None) == (not good)
    if chosen is not None:
        origin = chosen.as_origin(viewer)
        assert len({one.author.lower() for one in origin.reviews if one.author}) == sum(
            bool(one.author) for one in origin.reviews
        )
