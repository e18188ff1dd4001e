"""Whole runs of comments that are left alone: nobody is asked for the sake of who may not, and every reason is told."""

from pathlib import Path
from typing import Any

import pytest

from cicd_agent.domain.text.markdown import marker
from tests.support.jobs.comments import ASK, PERSON, Talk, declined
from tests.support.jobs.pull_request import BEFORE
from tests.support.servers.github.state import Account


def untouched(talk: Talk) -> None:
    """Nothing was asked of anybody, and nothing said."""
    assert talk.hub.received == []
    assert talk.server.requests == 0
    assert talk.replies == talk.said == []


@pytest.mark.parametrize(
    "body",
    [
        "Looks right to me.",
        None,
        "",
        " \n\t ",
        "> @cicd-agent why?\n\nI wonder.",
        "```\n@cicd-agent why?\n```",
        "See `@cicd-agent`.",
        "@сicd-agent review",
        "@cicd-agents help",
        "@octocat, @hubot: what do you think?",
        "x" * 65_000,
    ],
)
def test_what_is_not_said_to_us_costs_no_request(tmp_path: Path, body: str | None) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.reply(body), "does not address cicd-agent")
        declined(talk.comment(body), "does not address cicd-agent")
        untouched(talk)


STRANGER: dict[str, Any] = {"author_association": "NONE"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (STRANGER, "only owners, members and collaborators"),
        ({"author_association": "CONTRIBUTOR"}, "only owners, members and collaborators"),
        ({"author_association": None}, "only owners, members and collaborators"),
        ({"user": {"login": "helper[bot]", "type": "Bot"}}, "bots are not answered"),
        ({"user": {"login": "helper", "type": "Bot"}}, "bots are not answered"),
        ({"action": "edited"}, "only new ones are answered"),
        ({"action": "deleted"}, "only new ones are answered"),
    ],
)
@pytest.mark.parametrize("body", ["@cicd-agent review", "@cicd-agent help", ASK])
def test_who_may_not_write_and_what_is_no_person_makes_us_do_nothing(
    tmp_path: Path, body: str, changes: dict[str, Any], reason: str
) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.reply(body, **changes), reason)
        declined(talk.comment(body, **changes), reason)
        untouched(talk)


def test_a_text_with_our_marker_is_not_read(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.comment(f"{marker('reply-1')}\n@cicd-agent help"), "cicd-agent's own")
        untouched(talk)


def test_a_comment_on_an_issue_is_left_alone(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.comment("@cicd-agent review", on_issue=True), "not on a pull request")
        untouched(talk)


def test_a_free_question_outside_of_a_thread_of_ours_is_left_alone(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.comment("@cicd-agent what do you think?"), "answered in the threads of findings")
        opened = talk.open("@cicd-agent what do you think?", PERSON)
        declined(talk.run(opened), "answered in the threads of findings")
        untouched(talk)


def test_a_closed_pull_request_is_left_alone(tmp_path: Path) -> None:
    with Talk(tmp_path, state="closed") as talk:
        declined(talk.comment("@cicd-agent review"), "pull request 7 is closed")
        untouched(talk)


def test_off_is_the_default_and_says_how_to_switch_it_on(tmp_path: Path) -> None:
    with Talk(tmp_path, before=BEFORE) as talk:
        for left in (talk.comment("@cicd-agent review"), talk.reply(ASK)):
            declined(left, "replies are off; `replies: on`")
        assert talk.server.requests == 0
        assert {request.method for request in talk.hub.received} == {"GET"}
    assert talk.replies == talk.said == []


def test_the_change_cannot_switch_it_on(tmp_path: Path) -> None:
    with Talk(tmp_path, before=BEFORE) as talk:
        talk.job.repo.commit({".github/cicd-agent.yml": "replies: on\n"}, "Talk")
        talk.pull = talk.hub.add_pull(7, base="main", head="topic")
        declined(talk.comment("@cicd-agent help"), "replies are off")


@pytest.mark.parametrize("opener", ["a person", "somebody with our marker", "us without a marker"])
@pytest.mark.parametrize("body", [ASK, "No, @cicd-agent."])
def test_a_thread_is_ours_by_author_and_marker(tmp_path: Path, opener: str, body: str) -> None:
    with Talk(tmp_path) as talk:
        text = f"{marker('f1')}\nMine" if opener == "somebody with our marker" else "Mine"
        first = talk.open(text, talk.me if opener == "us without a marker" else Account("mallory", "User"))
        left = talk.reply(body, to=first)
    assert left.exit == 0, left.log
    assert left.outputs["conclusion"] == "skipped"
    assert talk.replies == (["Mine"] if opener == "us without a marker" else [])


def test_our_own_comment_is_never_answered_even_by_a_persons_token(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        mine = talk.hub.add_token("ghp_person", login="maintainer", kind="User", pull_requests="write")
        talk.me = talk.hub.tokens[mine]
        talk.finding = talk.open(f"{marker('f1')}\nFound", talk.me)
        talk.inputs = {"github_token": mine}
        own = talk.say(f"{marker('reply-1')}\nSaid", author=talk.me)
        declined(talk.run(own, ASK), "cicd-agent's own")


def test_a_deleted_comment_is_not_answered(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        gone = talk.say(ASK)
        talk.pull.review_comments.remove(gone)
        declined(talk.run(gone, ASK), "not there any more")
        talk.pull.review_comments.clear()
        declined(talk.run(gone, ASK), "not there any more")


def test_a_thread_of_another_pull_request_is_not_read(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        other = talk.hub.add_pull(8, base="main", head="topic")
        told = talk.say(ASK)
        other.review_comments, talk.pull.review_comments = talk.pull.review_comments, []
        declined(talk.run(told), "not there any more")
