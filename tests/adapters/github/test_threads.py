"""Threads are read in one query, ours are known by author and marker, and no answer of GitHub's ends a run."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.github.graphql import MAX_PAGES, PER_THREAD, ReviewThread
from cicd_agent.domain.events.thread import LONGEST_REMARK, Remark, Thread
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Pull, PullFile, ReviewComment

PATCH = "@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2b\n three"
MOVED = "@@ -1,3 +1,6 @@\n+zero\n+zero b\n one\n-two\n+2\n+2b\n three"
BOT = Account("github-actions[bot]")
PERSON = Account("octocat", "User")
BODY = (
    f"{marker('0123456789abcdef-1')}\n**🟠 high · security** — a \\*shell\\*\n\nwhy\n\n"
    "<sub>rule `py-shell` · to suppress: `cicd-agent: ignore[py-shell] reason`</sub>"
)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7, files=(PullFile("a.py", patch=PATCH),))
        yield hub


@pytest.fixture
def pull(hub: FakeGitHub) -> Pull:
    return hub.repos["o/r"].pulls[7]


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
        yield forge


def say(hub: FakeGitHub, body: str = BODY, author: Account = BOT, line: int = 2, side: str = "RIGHT") -> ReviewComment:
    fields = {"path": "a.py", "line": line, "side": side, "body": body}
    pull = hub.repos["o/r"].pulls[7]
    pull.review_comments.append(ReviewComment(hub.new_id(), 1, author, pull.head_sha, fields))
    return pull.review_comments[-1]


def only(forge: GitHubForge) -> Thread:
    (found,), notes = forge.threads(7)
    assert notes == ()
    return found


def test_our_own_thread_is_read_whole(hub: FakeGitHub, forge: GitHubForge) -> None:
    comment = say(hub)
    assert only(forge) == Thread(
        id=f"PRRT_{comment.id}",
        path="a.py",
        line=2,
        side=Side.RIGHT,
        key="0123456789abcdef-1",
        url=f"https://github.test/pull/0#discussion_r{comment.id}",
        title="a *shell*",
        rule="py-shell",
        text="2",
    )
    assert only(forge).fingerprint == "0123456789abcdef"


def test_it_is_one_request_which_tells_who_we_are_as_well(hub: FakeGitHub, forge: GitHubForge) -> None:
    say(hub)
    forge.threads(7)
    assert [comment.is_ours for comment in forge.review_comments(7, "<!-- cicd-agent:")] == [True]
    assert forge.requests == 2


@pytest.mark.parametrize(
    ("body", "author"),
    [
        (BODY, PERSON),
        (BODY, Account("mallory[bot]")),
        (BODY, Account("github-actions", "User")),
        (f"see\n{BODY}", BOT),
        ("no marker", BOT),
    ],
)
def test_a_thread_is_ours_by_author_and_marker_together(
    hub: FakeGitHub, forge: GitHubForge, body: str, author: Account
) -> None:
    say(hub, body, author)
    found = only(forge)
    assert (found.key, found.title, found.rule) == ("", "", "")
    assert found.remarks == (() if author.type == "Bot" else (Remark(author.login, body),))


def test_a_line_that_moved_is_followed_and_one_that_changed_is_outdated(
    hub: FakeGitHub, pull: Pull, forge: GitHubForge
) -> None:
    say(hub, line=3)
    pull.push("c" * 40, [PullFile("a.py", patch=MOVED)])
    assert (only(forge).line, only(forge).outdated) == (5, False)
    pull.push("d" * 40, [PullFile("a.py", patch=MOVED.replace("+2b", "+2c"))])
    assert (only(forge).line, only(forge).outdated) == (0, True)


def test_who_resolved_a_thread_is_us_or_a_person(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    comment = say(hub)
    for closer, by_person in ((BOT, False), (PERSON, True), (Account("other[bot]"), True), (None, True)):
        pull.resolved[comment.id] = closer
        assert (only(forge).resolved, only(forge).resolved_by_person) == (True, by_person)


def test_an_account_that_a_person_uses_too_resolves_as_a_person(hub: FakeGitHub, pull: Pull) -> None:
    token = hub.add_token("ghp_person", "octocat", "User", pull_requests="write", contents="write")
    comment = say(hub, author=PERSON)
    pull.resolved[comment.id] = PERSON
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        assert only(forge).key
        assert only(forge).resolved_by_person


def test_a_reply_of_a_person_is_an_answer_and_a_bots_is_not(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    comment = say(hub)
    pull.reply(hub.new_id(), comment, Account("other[bot]"), "seen")
    assert not only(forge).answered
    pull.reply(hub.new_id(), comment, PERSON, "x" * 5_000)
    assert only(forge).answered
    (remark,) = only(forge).remarks
    assert len(remark.text) == LONGEST_REMARK


def test_a_long_thread_counts_as_answered_since_not_all_of_it_is_read(
    hub: FakeGitHub, pull: Pull, forge: GitHubForge
) -> None:
    comment = say(hub)
    for _ in range(PER_THREAD):
        pull.reply(hub.new_id(), comment, Account("other[bot]"), "ping")
    assert only(forge).answered


def test_pages_are_read_up_to_a_limit_which_is_noted(hub: FakeGitHub, forge: GitHubForge) -> None:
    for _ in range(150):
        say(hub)
    threads, notes = forge.threads(7)
    assert (len(threads), notes, forge.requests) == (150, (), 2)
    for _ in range(151):
        say(hub)
    threads, notes = forge.threads(7)
    assert len(threads) == 300
    assert notes == ("only the first 300 review threads were read",)
    assert forge.requests == 2 + MAX_PAGES


def test_a_later_page_that_is_refused_leaves_the_first(hub: FakeGitHub, forge: GitHubForge) -> None:
    for _ in range(150):
        say(hub)
    hub.fail("POST", "/graphql", 500, nth=2, times=9)
    threads, (note,) = forge.threads(7)
    assert len(threads) == 100
    assert note.startswith("only the first 100 review threads were read: GitHub refused")


def test_threads_that_github_hides_are_noted(hub: FakeGitHub, forge: GitHubForge) -> None:
    lists = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [None]}
    data = {"viewer": {"login": "x"}, "repository": {"pullRequest": {"reviewThreads": lists}}}
    hub.fail("POST", "/graphql", 200, {"data": data, "errors": [{"message": "Something went wrong", "type": "X"}]})
    assert forge.threads(7) == ((), ("not all review threads were shown: Something went wrong",))


def test_a_refusal_names_the_permission(hub: FakeGitHub) -> None:
    hub.tokens["ghs_bare"] = Account("github-actions[bot]", "Bot", {"metadata": "read"})
    with GitHubForge("ghs_bare", "o/r", api_url=hub.url) as forge, pytest.raises(ForgeRefused) as caught:
        forge.threads(7)
    assert caught.value.status == 403
    assert "Resource not accessible by integration" in str(caught.value)
    assert "pull-requests: read" in str(caught.value)


ANSWER = {"data": {"viewer": {"login": "x"}, "repository": {"pullRequest": {"reviewThreads": None}}}}


@pytest.mark.parametrize(
    "body",
    [
        "<html>sign in</html>",
        None,
        [],
        {},
        {"data": None},
        {"data": {"viewer": None, "repository": None}},
        {"data": {"viewer": {"login": "x"}, "repository": None}, "errors": [{"type": 7}]},
        {"data": {"viewer": {"login": "x"}}, "errors": []},
        ANSWER,
        {"errors": [{"message": "Something\nwent ::error:: wrong", "type": "WHATEVER"}]},
        {"errors": [{}], "data": "x" * 1_000_000},
    ],
)
def test_any_other_answer_is_a_refusal_in_one_line(hub: FakeGitHub, forge: GitHubForge, body: Any) -> None:
    hub.fail("POST", "/graphql", 200, body, times=9)
    for work in (lambda: forge.threads(7), lambda: forge.resolve("PRRT_1")):
        with pytest.raises(ForgeRefused) as caught:
            work()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 1_000


NULL = st.none()
FOREIGN = st.fixed_dictionaries(
    {
        "id": st.text(),
        "isResolved": st.booleans(),
        "isOutdated": st.booleans(),
        "path": st.text(),
        "line": NULL | st.integers(-5, 10**9),
        "diffSide": st.sampled_from(["LEFT", "RIGHT"]),
        "resolvedBy": NULL | st.fixed_dictionaries({"login": st.text(), "databaseId": NULL | st.integers()}),
        "comments": st.fixed_dictionaries(
            {
                "totalCount": st.integers(0, 99),
                "nodes": NULL
                | st.lists(
                    NULL
                    | st.fixed_dictionaries(
                        {
                            "author": NULL
                            | st.fixed_dictionaries(
                                {"__typename": st.sampled_from(["Bot", "User"]), "login": st.text()}
                            ),
                            "body": st.text() | st.just(BODY),
                            "url": st.text(),
                        }
                    ),
                    max_size=3,
                ),
            }
        ),
    }
)


@given(FOREIGN, st.sampled_from(["github-actions[bot]", ""]))
def test_whatever_fits_the_schema_is_read(node: dict[str, Any], viewer: str) -> None:
    text = json.dumps(node).encode("utf-8", "replace")
    found = ReviewThread.model_validate_json(text).as_thread(viewer)
    assert found.line >= 0
    assert not (found.outdated and found.line)
    assert found.resolved or not found.resolved_by_person


def test_a_thread_is_resolved_where_the_token_may(hub: FakeGitHub, pull: Pull) -> None:
    comment = say(hub)
    token = hub.add_token("ghs_more", contents="write", pull_requests="write")
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        forge.resolve(f"PRRT_{comment.id}")
        forge.resolve(f"PRRT_{comment.id}")
        assert (only(forge).resolved, only(forge).resolved_by_person) == (True, False)
    assert pull.resolved == {comment.id: hub.tokens[token]}


def test_a_token_that_may_not_resolve_is_told_what_is_missing(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    comment = say(hub)
    with pytest.raises(ForgeRefused) as caught:
        forge.resolve(f"PRRT_{comment.id}")
    assert caught.value.status == 403
    assert "contents: write" in str(caught.value)
    assert pull.resolved == {}


def test_a_thread_that_is_not_there_is_a_refusal(hub: FakeGitHub) -> None:
    token = hub.add_token("ghs_more", contents="write", pull_requests="write")
    with GitHubForge(token, "o/r", api_url=hub.url) as forge, pytest.raises(ForgeRefused) as caught:
        forge.resolve("PRRT_0")
    assert caught.value.status == 404


def test_an_answer_that_was_lost_is_asked_for_again(hub: FakeGitHub, pull: Pull) -> None:
    comment = say(hub)
    token = hub.add_token("ghs_more", contents="write", pull_requests="write")
    hub.drop("POST", "/graphql", acts=True)
    with GitHubForge(token, "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
        forge.resolve(f"PRRT_{comment.id}")
        assert forge.requests == 2
    assert comment.id in pull.resolved
