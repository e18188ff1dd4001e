"""Exchanges by the real client against GitHub's own description: read whole, in few requests, and never said twice."""

from collections.abc import Iterator

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.performers.comments import reply as post
from cicd_agent.adapters.performers.context import EffectContext
from cicd_agent.domain.effects import ReceiptState, Reply
from cicd_agent.domain.events.event import Comment, Event, EventKind, PullRequest
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused
from tests.support.fakes.ports import FakeJournal
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Pull, ReviewComment

PERSON = Account("maintainer", "User")


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        yield hub


@pytest.fixture
def pull(hub: FakeGitHub) -> Pull:
    return hub.add_pull(7)


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
        yield forge


def say(hub: FakeGitHub, pull: Pull, body: str = "Hm.", to: int = 0, author: Account = PERSON) -> ReviewComment:
    fields = {"path": "a.py", "line": 3, "side": "RIGHT", "body": body} | ({"in_reply_to_id": to} if to else {})
    comment = ReviewComment(hub.new_id(), 1, author, pull.head_sha, fields)
    pull.review_comments.append(comment)
    return comment


def test_a_thread_is_read_in_order_and_without_its_neighbours(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    ours = hub.tokens[hub.token]
    say(hub, pull, "before")
    first = say(hub, pull, f"{marker('f')}\nfound", author=ours)
    other = say(hub, pull, "other")
    say(hub, pull, "one", first.id)
    say(hub, pull, "no", other.id)
    say(hub, pull, "two", first.id, ours)
    found = forge.thread(7, first.id)
    assert [(one.body.rpartition("\n")[2], one.is_ours) for one in found] == [
        ("found", True),
        ("one", False),
        ("two", True),
    ]
    assert len(hub.of("GET", "/pulls/")) == 2


def test_a_thread_costs_a_request_for_each_hundred_comments_since(
    hub: FakeGitHub, pull: Pull, forge: GitHubForge
) -> None:
    for _ in range(300):
        say(hub, pull)
    first = say(hub, pull)
    for _ in range(250):
        say(hub, pull, to=first.id)
    assert len(forge.thread(7, first.id)) == 251
    assert len(hub.of("GET", "/pulls/7/comments$")) == 3
    assert forge.notes == ()


def test_a_very_long_conversation_is_cut_and_says_so(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    first = say(hub, pull)
    for _ in range(1_050):
        say(hub, pull, to=first.id)
    assert len(forge.thread(7, first.id)) == 1_001
    assert "only the first 1,000 entries were read" in forge.notes[0]


def test_a_thread_that_is_gone_or_elsewhere_is_empty(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    elsewhere = say(hub, hub.add_pull(8))
    assert forge.thread(7, elsewhere.id) == ()
    assert forge.thread(7, 1) == ()
    assert pull.review_comments == []


def test_a_refusal_to_read_is_told(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.fail("GET", "/pulls/comments/1$", 403, {"message": "Resource not accessible by integration"})
    with pytest.raises(ForgeRefused, match="GitHub refused to read the thread"):
        forge.thread(7, 1)


def test_a_reply_stands_below_the_first_comment(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    first = say(hub, pull)
    posted = forge.reply(7, first.id, "So.")
    assert posted.is_ours
    assert pull.review_comments[-1].fields["in_reply_to_id"] == first.id
    assert forge.thread(7, first.id)[-1].id == posted.id


@pytest.mark.parametrize("acts", [True, False])
def test_a_reply_without_an_answer_is_looked_for_before_it_is_sent_again(
    hub: FakeGitHub,
    pull: Pull,
    forge: GitHubForge,
    acts: bool,  # noqa: FBT001  a table of cases
) -> None:
    first = say(hub, pull)
    say(hub, pull, "So.", first.id)
    hub.drop("POST", "/replies$", acts=acts)
    forge.reply(7, first.id, "So.")
    assert [one.fields["body"] for one in pull.review_comments if one.author != PERSON] == ["So."]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_reply_that_github_will_not_have_is_one_line(
    hub: FakeGitHub, pull: Pull, forge: GitHubForge, status: int
) -> None:
    first = say(hub, pull)
    hub.fail("POST", "/replies$", status, {"message": "Unable to create comment because issue is locked."})
    with pytest.raises(ForgeRefused, match="GitHub refused to post the reply") as caught:
        forge.reply(7, first.id, "So.")
    assert caught.value.status == status


def test_to_reply_takes_the_permission_to_write(hub: FakeGitHub, pull: Pull) -> None:
    first = say(hub, pull)
    with (
        GitHubForge(hub.read_only, "o/r", api_url=hub.url) as forge,
        pytest.raises(ForgeRefused, match="pull-requests: write"),
    ):
        forge.reply(7, first.id, "So.")


@pytest.mark.parametrize("acts", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("fault", ["drop", "502", "403"])
@pytest.mark.parametrize(
    "call",
    [("GET", "/pulls/comments/"), ("GET", "/pulls/7/comments$"), ("POST", "/graphql$"), ("POST", "/replies$")],
)
def test_whatever_fails_a_comment_is_answered_once_in_the_end(
    hub: FakeGitHub,
    pull: Pull,
    call: tuple[str, str],
    fault: str,
    acts: bool,  # noqa: FBT001  a table of cases
) -> None:
    first = say(hub, pull, f"{marker('f')}\nfound", author=hub.tokens[hub.token])
    asked = say(hub, pull, "@cicd-agent why?", first.id)
    event = Event(EventKind.REVIEW_COMMENT, pull=PullRequest(7), comment=Comment(asked.id, in_reply_to=first.id))
    reply = Reply(f"reply-{asked.id}", 7, asked.id, "Because.")
    if fault == "drop":
        hub.drop(*call, acts=acts)
    else:
        hub.fail(*call, int(fault), {"message": "scripted"}, times=9, acts=acts and fault != "403")
    states = []
    for attempt in range(3):
        with GitHubForge(hub.token, "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
            states.append(post(EffectContext(forge, FakeJournal(), event, str), reply).state)
        if attempt == 0:
            hub.recover()
    assert states[-1] is ReceiptState.UNCHANGED
    said = [one for one in pull.review_comments if one.author != PERSON and one.id != first.id]
    assert [one.fields["body"] for one in said] == [f"{marker(reply.key)}\nBecause."]
