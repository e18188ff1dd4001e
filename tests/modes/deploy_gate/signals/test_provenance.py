from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.gate_evidence import BaseChange, Deployed, Match
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.errors import ConfigError
from cicd_agent.modes.deploy_gate.signals.reviews import approvals, match_commits, review
from tests.modes.deploy_gate.gate_world import BASE, EVENT, HEAD, PULL, SHA, GateWorld, change
from tests.support.fakes.repository import FakeRepository

FORK = "f" * 40
"""Where the pull request's branch began."""
MIDDLE = "e" * 40


def repository(**patches: str) -> FakeRepository:
    """SHA stands on BASE; the branch of the pull request began at FORK."""
    ids = {"whole": (BASE, SHA), "reviewed": (FORK, HEAD)}
    return FakeRepository(
        changes={(BASE, HEAD): change(FORK, HEAD)},
        ancestry={SHA: (BASE,), MIDDLE: (BASE,)},
        patch_ids={ids[name]: value for name, value in patches.items()},
    )


def matches(commits: tuple[str, ...], found: FakeRepository, **pulls: str) -> list[Match]:
    origins = {sha: replace(PULL, head=head) for sha, head in (pulls or dict.fromkeys(commits, HEAD)).items()}
    deployed, _ = match_commits([Commit(sha, "x") for sha in commits], origins, found, "")
    return [each.match for each in deployed]


def test_the_reviewed_commit_itself_and_what_lies_below_it_are_exact() -> None:
    assert matches((HEAD,), repository()) == [Match.EXACT]
    assert matches((SHA, HEAD, MIDDLE), repository()) == [Match.NONE, Match.EXACT, Match.EXACT]


def test_a_merge_that_changed_nothing_else_is_exact() -> None:
    found = repository(whole="p", reviewed="p")
    found.ancestry = {SHA: (BASE, HEAD)}
    assert matches((SHA,), found) == [Match.EXACT]


def test_a_merge_with_a_change_of_its_own_is_not_what_was_reviewed() -> None:
    found = repository(whole="q", reviewed="p")
    found.ancestry = {SHA: (BASE, HEAD)}
    assert matches((SHA,), found) == [Match.NONE]


def test_a_squashed_pull_request_has_the_same_patch() -> None:
    assert matches((SHA,), repository(whole="p", reviewed="p")) == [Match.SAME_PATCH]


def test_a_merge_of_something_else_with_the_same_patch_is_not_exact() -> None:
    found = repository(whole="p", reviewed="p")
    found.ancestry = {SHA: (BASE, MIDDLE)}
    assert matches((SHA,), found) == [Match.SAME_PATCH]


def test_the_commits_of_a_rebased_pull_request_are_compared_together() -> None:
    assert matches((SHA, MIDDLE), repository(whole="p", reviewed="p")) == [Match.SAME_PATCH] * 2
    assert matches((SHA, MIDDLE), repository(whole="q", reviewed="p")) == [Match.NONE] * 2


def test_no_patch_is_no_proof() -> None:
    assert matches((SHA,), repository()) == [Match.NONE]


def test_what_was_pushed_without_a_pull_request_is_unreviewed_and_parts_its_neighbours() -> None:
    found = repository(whole="p", reviewed="p")
    deployed, gaps = match_commits([Commit(SHA, "Hot\u200bfix\nx")], {}, found, "")
    assert deployed == (Deployed(SHA, "Hot<U+200B>fix x", Match.NONE, 0),)
    assert gaps == ()


def test_a_head_that_cannot_be_fetched_is_unreviewed_and_says_why() -> None:
    found = repository(whole="p", reviewed="p")
    found.missing = "the remote does not have it"
    deployed, gaps = match_commits([Commit(SHA, "x")], {SHA: PULL}, found, "")
    assert [each.match for each in deployed] == [Match.NONE]
    assert [gap.why for gap in gaps] == [
        "what became of pull request 5 could not be compared with it: the remote does not have it"
    ]


def test_git_that_fails_is_unreviewed_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    found = repository()

    def fails(_base: str, _head: str) -> Change:
        raise ConfigError("git broke")

    monkeypatch.setattr(found, "change", fails)
    deployed, gaps = match_commits([Commit(SHA, "x")], {SHA: PULL}, found, "")
    assert [each.match for each in deployed] == [Match.NONE]
    assert gaps[0].why.endswith("git broke")


def test_a_commit_whose_parent_is_not_here_is_unreviewed() -> None:
    found = repository(whole="p", reviewed="p")
    found.ancestry = {}
    assert matches((SHA,), found) == [Match.NONE]


REVIEWED = PULL.reviews[0].submitted
AGAIN = "#5 was approved for another base branch than main: approve it again"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((), "approved by 1"),
        ((BaseChange(REVIEWED - 1, "stack"),), "approved by 1"),
        ((BaseChange(REVIEWED, "stack"),), AGAIN),
        ((BaseChange(REVIEWED + 1, "stack"),), AGAIN),
        ((BaseChange(REVIEWED + 1, ""),), AGAIN),
        # It went elsewhere and came back before anybody reviewed it there, in any order that GitHub tells it.
        ((BaseChange(REVIEWED + 2, "stack"), BaseChange(REVIEWED + 1, "main")), "approved by 1"),
        ((BaseChange(REVIEWED + 2, "main"), BaseChange(REVIEWED + 1, "stack"), BaseChange(REVIEWED + 3, "x")), AGAIN),
    ],
)
def test_what_was_approved_for_another_base_branch_is_approved_again(
    changes: tuple[BaseChange, ...], words: str
) -> None:
    world = GateWorld()
    world.forge.gated.came_from = {SHA: replace(PULL, base_changes=changes)}
    reading = review(world.gate(), EVENT)
    assert (reading.value, reading.words) == (float(words != AGAIN), words)


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["main", "stack", ""])), max_size=4), st.integers(0, 9))
def test_an_approval_after_the_last_change_of_the_base_counts_and_one_before_a_change_from_elsewhere_does_not(
    changes: list[tuple[int, str]], submitted: int
) -> None:
    given_then = replace(PULL.reviews[0], submitted=submitted)
    pull = replace(PULL, reviews=(given_then,), base_changes=tuple(BaseChange(*each) for each in changes))
    if all(when < submitted for when, _ in changes):
        assert [*approvals(pull)] == [given_then]
    elif all(base != "main" for _, base in changes):
        assert [*approvals(pull)] == []
