"""The pull request hears of a plan once, at the event's own target and within limits."""

from pathlib import Path

import pytest

from cicd_agent.domain.effects import Comment, ReceiptState, Review, ReviewEvent
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.text.markdown import find_marker, marker
from tests.support.samples.plans import COMMENT, LOCAL, SHA, Site, inline, refusal, review, state


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_second_run_posts_nothing_twice(site: Site) -> None:
    site.perform()
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.UNCHANGED
    assert receipts["review-1"].state is ReceiptState.UNCHANGED
    assert len(site.said) == 1
    assert len(site.forge.reviews) == 1


def test_only_what_is_new_is_said_at_the_line(site: Site) -> None:
    site.perform(review(inline("f1")))
    site.perform(review(inline("f1"), inline("f3")))
    assert [find_marker(one.body) for one in site.forge.reviews[1].comments] == [marker("f3")]


def test_a_comment_is_edited_in_place(site: Site) -> None:
    site.perform(COMMENT)
    receipts = site.perform(Comment("review", 5, "another summary"))
    assert site.said == [f"{marker('review')}\nanother summary"]
    assert receipts["review"].detail == "edited"


def test_line_ends_that_github_changed_are_no_edit(site: Site) -> None:
    site.forge.say(5, f"{marker('review')}\r\nthe summary\r\n")
    assert site.perform(COMMENT)["review"].state is ReceiptState.UNCHANGED
    assert "edit_comment" not in site.forge.calls


def test_nothing_to_say_is_not_said_in_a_new_comment(site: Site) -> None:
    quiet = Comment("review", 5, "nothing found", only_edit=True)
    assert site.perform(quiet)["review"].state is ReceiptState.SKIPPED
    assert site.said == []
    site.perform(COMMENT)
    assert site.perform(quiet)["review"].state is ReceiptState.DONE
    assert site.said == [f"{marker('review')}\nnothing found"]


@pytest.mark.parametrize(
    ("body", "author"),
    [
        (f"{marker('review')}\nforged", "stranger"),
        (f"as they said:\n{marker('review')}", "github-actions[bot]"),
        (f"> {marker('review')}", "github-actions[bot]"),
    ],
)
def test_a_marker_counts_in_the_first_line_of_our_own_comment_only(site: Site, body: str, author: str) -> None:
    site.forge.say(5, body, author)
    site.forge.say_inline(5, body.replace("review", "f1"), author)
    site.perform(COMMENT, review(inline("f1")))
    assert site.said == [body, f"{marker('review')}\nthe summary"]
    assert len(site.forge.reviews) == 1


def test_lines_that_github_will_not_have_are_said_in_one_comment(site: Site) -> None:
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    receipts = site.perform()
    assert receipts["review-1"].state is ReceiptState.DEGRADED
    (body,) = site.said
    assert body.startswith(f"{marker('review')}\nthe summary\n")
    assert body.count("look here") == 2
    assert "`src/a.py:3`" in body
    assert "The comment has what the review would have said" in site.summary
    site.assert_told()
    site.perform()
    assert site.said == [body]


def test_a_review_without_a_summary_becomes_a_comment_of_its_own(site: Site) -> None:
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    receipts = site.perform(review(inline("f1")))
    assert receipts["review-1"].state is ReceiptState.DEGRADED
    assert site.said == [f"{marker('review-1')}\ntwo findings\n\n---\n\n`src/a.py:3`\n\nlook here"]


def test_a_review_that_goes_through_takes_its_stand_in_away(site: Site) -> None:
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    site.perform()
    del site.forge.refusals["post_review"]
    site.perform()
    assert site.said == [f"{marker('review')}\nthe summary"]
    assert len(site.forge.reviews) == 1


def test_a_commit_that_was_pushed_over_is_named_and_not_commented_at_its_lines(site: Site) -> None:
    site.forge.pulls[5] = state("f" * 40)
    receipts = site.perform()
    assert receipts["review-1"].state is ReceiptState.SKIPPED
    assert "ffffff" in receipts["review-1"].detail
    assert "fffffff has replaced it: no comments at its lines" in site.summary
    assert site.warnings == []
    (body,) = site.said
    assert body.split("\n")[1].startswith(f"> About commit {SHA[:7]}, which is no longer part of this pull request")
    assert site.forge.reviews == []
    assert site.forge.calls.count("pull") == site.forge.calls.count("holds") == 1


def test_a_refused_review_that_a_newer_one_has_overtaken_does_not_claim_to_be_said(site: Site) -> None:
    newer = f"{marker('review')}\nall well, commit fffffff"
    site.forge.say(5, newer)
    site.forge.pulls[5] = state("f" * 40)
    site.forge.ancestors["f" * 40] = (SHA,)
    site.forge.refusals["post_review"] = refusal(422, "line must be part of the diff")
    assert "No comment: ours is about a newer commit" in site.perform()["review-1"].detail
    assert site.said == [newer]


def test_a_commit_that_was_pushed_upon_is_reviewed(site: Site) -> None:
    site.forge.pulls[5] = state("f" * 40)
    site.forge.ancestors["f" * 40] = (SHA,)
    assert {each.state for each in site.perform().values()} == {ReceiptState.DONE}


def test_not_being_told_where_the_pull_request_is_loses_no_review(site: Site) -> None:
    site.forge.refusals["pull"] = refusal(403, "not accessible")
    site.perform()
    assert len(site.forge.reviews) == len(site.said) == 1
    assert len(site.warnings) == 1


def test_a_forge_that_is_down_is_asked_once(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(0, "no answer")
    receipts = site.perform()
    assert site.forge.calls == ["comments"]
    assert receipts["review-1"].detail.startswith("not tried again")


def test_a_review_refused_and_its_stand_in_refused_lose_nothing(site: Site) -> None:
    site.forge.refusals |= {"post_review": refusal(422), "post_comment": refusal(403)}
    site.perform()
    assert len(site.warnings) == 1
    site.assert_told()


def test_intents_are_journalled_before_and_receipts_after(site: Site) -> None:
    site.perform(COMMENT, review(inline("f1")))
    assert site.journal.entries == [
        ("intent", "review"),
        ("receipt", "review"),
        ("intent", "review-1"),
        ("receipt", "review-1"),
    ]
    assert site.journal.details[1]["detail"] == f"1 inline comment on {SHA}"


def test_what_is_true_already_is_no_intent(site: Site) -> None:
    site.perform(COMMENT)
    site.perform(COMMENT)
    assert site.journal.entries[2:] == [("receipt", "review")]


@pytest.mark.parametrize(
    "effect",
    [
        Comment("review", 6, "elsewhere"),
        review(inline("f1"), pull=6),
        review(inline("f1"), commit="f" * 40),
        review(inline("f1"), event=ReviewEvent.APPROVE),
        review(inline("f1"), event=ReviewEvent.REQUEST_CHANGES),
    ],
)
def test_an_effect_on_another_target_is_refused_without_a_call(site: Site, effect: Comment | Review) -> None:
    receipts = site.perform(effect, *LOCAL)
    assert receipts[effect.key].state is ReceiptState.FAILED
    assert site.forge.calls == []
    assert "Not done" in site.summary
    site.assert_told()


def test_a_plan_that_names_a_pull_request_is_not_for_a_push(site: Site) -> None:
    site.event = Event(EventKind.PUSH, sha=SHA)
    assert site.perform(COMMENT)["review"].detail == "it names pull request 5, the event is about no pull request"


def test_a_forged_marker_in_a_body_stays_text(site: Site) -> None:
    site.perform(Comment("review", 5, "<!-- cicd-agent:other -->\nx"))
    assert find_marker(site.said[0]) == marker("review")


def test_bodies_and_comments_stay_within_githubs_limits(site: Site) -> None:
    long = "line of text\n" * 5_000
    comments = [inline("f0", long), *(inline(f"f{n}") for n in range(1, 40))]
    receipts = site.perform(Comment("review", 5, long), review(*comments))
    assert len(site.said[0]) <= 60_000
    assert "did not fit" in site.said[0]
    (posted,) = site.forge.reviews
    assert len(posted.comments) == 30
    assert all(len(one.body) <= 60_000 for one in posted.comments)
    assert receipts["review-1"].detail.startswith("10 inline comments left out")
