"""What was said on a pull request, and who said it, is read from the payload of a comment."""

from typing import Any

import pytest

from cicd_agent.domain.events.event import Comment, EventKind, Trust
from cicd_agent.domain.events.event_parser import RunContext, parse_event
from tests.support.payloads.examples import official, official_payloads

RUN = RunContext(repository="octo-org/octo-repo", sha="c" * 40, actor="octocat", run_id="1")
NAME = "pull_request_review_comment"


def payload(**changes: Any) -> dict[str, Any]:
    it = official(NAME, "created")
    it["comment"] |= changes
    return it


def test_official_review_comments_have_their_place_and_their_pull_request() -> None:
    for it in official_payloads()[NAME]:
        event = parse_event(NAME, it, run=RUN)
        assert event.kind is EventKind.REVIEW_COMMENT
        assert event.comment is not None
        assert event.pull is not None
        assert event.pull.number == it["pull_request"]["number"]
        assert (event.comment.id, event.comment.body) == (it["comment"]["id"], it["comment"]["body"])
        assert event.comment.path == it["comment"]["path"]
        assert event.comment.diff_hunk == it["comment"]["diff_hunk"]
        assert event.comment.line == (it["comment"].get("line") or 0)
        assert event.sha == it["pull_request"]["head"]["sha"]
        assert event.actor.login == it["sender"]["login"]


def test_a_reply_names_the_comment_that_opened_its_thread() -> None:
    event = parse_event(NAME, payload(id=12, in_reply_to_id=7, line=3, side="LEFT"), run=RUN)
    assert event.comment is not None
    assert (event.comment.in_reply_to, event.comment.line, event.comment.side) == (7, 3, "LEFT")


@pytest.mark.parametrize(
    ("association", "trust"),
    [
        ("OWNER", Trust.WRITER),
        ("MEMBER", Trust.WRITER),
        ("COLLABORATOR", Trust.WRITER),
        ("CONTRIBUTOR", Trust.KNOWN),
        ("FIRST_TIME_CONTRIBUTOR", Trust.STRANGER),
        ("NONE", Trust.STRANGER),
        ("owner", Trust.STRANGER),
        (None, Trust.STRANGER),
    ],
)
def test_it_is_the_comments_author_who_is_trusted_not_the_pull_requests(association: str | None, trust: Trust) -> None:
    it = payload(author_association=association)
    it["pull_request"]["author_association"] = "OWNER"
    assert parse_event(NAME, it, run=RUN).trust is trust


@pytest.mark.parametrize("user", [{"login": "x[bot]", "type": "Bot"}, {"login": "x", "type": "Bot"}])
def test_a_bot_is_known_as_one(user: dict[str, str]) -> None:
    event = parse_event(NAME, payload(user=user), run=RUN)
    assert event.comment is not None
    assert event.comment.author.is_bot


def test_what_is_missing_is_empty() -> None:
    event = parse_event(NAME, {"comment": {"id": 1, "body": None, "line": None, "user": None}}, run=RUN)
    assert event.comment == Comment(1)
    assert event.pull is None
    assert parse_event(NAME, {"comment": {"id": "1"}}, run=RUN).comment is None
