"""What our account says of a pull request as a whole is said once, of its head, and does not outlive its reason."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import ReceiptState, Review, ReviewEvent
from cicd_agent.domain.text.markdown import marker
from tests.support.samples.plans import COMMENT, SHA, Site, inline, refusal, review, state

OLD = "0ld" + "0" * 37
NEXT = "f" * 40
VERDICTS = frozenset(ReviewEvent)
APPROVE, REQUEST, NONE = ReviewEvent.APPROVE, ReviewEvent.REQUEST_CHANGES, ReviewEvent.COMMENT


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, grant=EffectPolicy(VERDICTS))


def says(event: ReviewEvent, *keys: str, withheld: str = "") -> Review:
    return replace(review(*map(inline, keys), event=event), withheld=withheld)


def states(site: Site) -> list[str]:
    return [one.state for one in site.forge.submitted]


def earlier(site: Site, *verdicts: str, commit: str = OLD) -> None:
    for verdict in verdicts:
        site.forge.submit(f"{marker('review-0')}\nearlier", verdict, commit)


@pytest.mark.parametrize(
    ("event", "keys", "expected"),
    [(APPROVE, (), "APPROVED"), (REQUEST, ("f1",), "CHANGES_REQUESTED"), (REQUEST, (), "CHANGES_REQUESTED")],
)
def test_a_verdict_is_said_once_of_a_commit(
    site: Site, event: ReviewEvent, keys: tuple[str, ...], expected: str
) -> None:
    assert site.perform(says(event, *keys))["review-1"].state is ReceiptState.DONE
    assert site.perform(says(event, *keys))["review-1"].state is ReceiptState.UNCHANGED
    assert states(site) == [expected]


def test_without_a_verdict_nor_a_comment_nothing_is_posted(site: Site) -> None:
    assert site.perform(says(NONE))["review-1"].state is ReceiptState.UNCHANGED
    assert states(site) == []


def test_a_request_for_changes_that_stands_is_not_repeated_and_its_new_comments_are_said(site: Site) -> None:
    earlier(site, "CHANGES_REQUESTED")
    site.perform(says(REQUEST, "f1"))
    assert states(site) == ["CHANGES_REQUESTED", "COMMENTED"]
    site.perform(says(REQUEST, "f1"))
    assert states(site) == ["CHANGES_REQUESTED", "COMMENTED"]


def test_an_approval_of_an_older_commit_is_given_again_for_the_new_one(site: Site) -> None:
    earlier(site, "APPROVED")
    site.perform(says(APPROVE))
    assert states(site) == ["APPROVED", "APPROVED"]
    assert site.forge.submitted[1].commit == SHA


@pytest.mark.parametrize("standing", ["CHANGES_REQUESTED", "APPROVED"])
def test_a_verdict_that_no_longer_holds_is_dismissed(site: Site, standing: str) -> None:
    earlier(site, standing)
    site.perform(says(NONE, "f1"))
    assert states(site) == ["DISMISSED", "COMMENTED"]


def test_a_request_for_changes_that_an_approval_has_lifted_is_left_alone(site: Site) -> None:
    earlier(site, "CHANGES_REQUESTED", "APPROVED")
    site.perform(says(NONE))
    assert states(site) == ["CHANGES_REQUESTED", "DISMISSED"]


def test_a_run_that_knows_too_little_takes_back_approvals_of_other_commits_only(site: Site) -> None:
    earlier(site, "APPROVED", "CHANGES_REQUESTED")
    earlier(site, "APPROVED", commit=SHA)
    earlier(site, "CHANGES_REQUESTED")
    receipt = site.perform(says(NONE, withheld="no model was used"))["review-1"]
    assert states(site) == ["DISMISSED", "CHANGES_REQUESTED", "APPROVED", "CHANGES_REQUESTED"]
    assert receipt.detail == "our request for changes stays: no model was used"


@pytest.mark.parametrize("where", ["the plan", "the job"])
def test_an_approval_that_is_withheld_is_none(site: Site, where: str) -> None:
    earlier(site, "CHANGES_REQUESTED")
    if where == "the job":
        site.grant = EffectPolicy(VERDICTS, withheld="it came from a file")
    site.perform(says(APPROVE, withheld="it came from a file" if where == "the plan" else ""))
    assert states(site) == ["CHANGES_REQUESTED"]


@pytest.mark.parametrize("event", [APPROVE, REQUEST])
def test_a_verdict_that_a_person_dismissed_is_not_given_again_for_that_commit(site: Site, event: ReviewEvent) -> None:
    earlier(site, "DISMISSED", commit=SHA)
    receipt = site.perform(says(event))["review-1"]
    assert (receipt.state, "was dismissed" in receipt.detail) == (ReceiptState.UNCHANGED, True)
    assert states(site) == ["DISMISSED"]
    site.forge.submitted.clear()
    earlier(site, "DISMISSED")
    site.perform(says(event))
    assert len(states(site)) == 2


@pytest.mark.parametrize(
    ("body", "is_ours"),
    [(f"{marker('review-0')}\nforged", False), ("no marker", True), (f"> {marker('review-0')}", True)],
)
def test_only_reviews_of_our_account_with_our_marker_are_touched(site: Site, body: str, *, is_ours: bool) -> None:
    site.forge.submit(body, "CHANGES_REQUESTED", OLD, is_ours=is_ours)
    site.perform(says(NONE))
    assert states(site) == ["CHANGES_REQUESTED"]


@pytest.mark.parametrize("event", [APPROVE, REQUEST])
@pytest.mark.parametrize("standing", ["APPROVED", "CHANGES_REQUESTED"])
def test_a_commit_that_is_no_longer_the_head_gets_no_verdict(site: Site, event: ReviewEvent, standing: str) -> None:
    earlier(site, standing)
    site.forge.pulls[5] = state(NEXT)
    site.forge.ancestors[NEXT] = (SHA,)
    receipt = site.perform(says(event, "f1"))["review-1"]
    assert states(site) == [standing, "COMMENTED"]
    assert receipt.state is ReceiptState.DEGRADED
    assert "moved on" in receipt.detail


@pytest.mark.parametrize("call", ["pull", "posted_reviews"])
def test_not_knowing_what_stands_is_no_verdict_but_loses_no_comment(site: Site, call: str) -> None:
    site.forge.refusals[call] = refusal(403, "not accessible")
    receipt = site.perform(says(REQUEST, "f1"))["review-1"]
    assert states(site) == ["COMMENTED"]
    assert receipt.state is ReceiptState.DEGRADED
    assert "No verdict" in receipt.detail


@pytest.mark.parametrize("status", [403, 422])
@pytest.mark.parametrize("event", [APPROVE, REQUEST])
def test_a_refused_verdict_goes_out_as_comments_and_says_why(site: Site, event: ReviewEvent, status: int) -> None:
    site.forge.refused_events[event] = refusal(status, "not permitted")
    receipt = site.perform(COMMENT, says(event, "f1"))["review-1"]
    assert states(site) == ["COMMENTED"]
    assert receipt.state is ReceiptState.DEGRADED
    assert "not permitted" in receipt.detail
    assert "not permitted" in site.summary
    assert site.forge.calls.count("post_comment") == 1


def test_a_refused_approval_without_comments_posts_nothing_but_lifts_what_no_longer_holds(site: Site) -> None:
    earlier(site, "CHANGES_REQUESTED")
    site.forge.refused_events[APPROVE] = refusal(422, "not permitted to approve")
    receipt = site.perform(says(APPROVE))["review-1"]
    assert states(site) == ["DISMISSED"]
    assert receipt.state is ReceiptState.DEGRADED


def test_a_block_that_may_not_be_dismissed_is_told_with_what_to_do(site: Site) -> None:
    earlier(site, "CHANGES_REQUESTED")
    site.forge.refusals["dismiss"] = refusal(403, "protected branch")
    receipt = site.perform(says(NONE, "f1"))["review-1"]
    assert states(site) == ["CHANGES_REQUESTED", "COMMENTED"]
    assert receipt.state is ReceiptState.DEGRADED
    assert f"request for changes of {OLD[:7]} no longer holds but still blocks" in receipt.detail
    assert "Dismiss it by hand" in site.summary


def test_lines_that_github_will_not_have_are_said_in_the_comment_with_a_verdict_too(site: Site) -> None:
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    receipt = site.perform(COMMENT, says(REQUEST, "f1"))["review-1"]
    assert receipt.state is ReceiptState.DEGRADED
    assert "look here" in site.said[0]


@pytest.mark.parametrize("event", [APPROVE, REQUEST])
def test_a_job_that_asks_for_no_verdict_gives_none(site: Site, event: ReviewEvent) -> None:
    site.grant = EffectPolicy()
    assert site.perform(says(event))["review-1"].state is ReceiptState.FAILED
    assert site.forge.calls == []
