"""What people made of our comments is read in one request for twenty pull requests, and only our own threads count."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.adapters.github.discussions import MAX_THREADS, PER_PAGE, StartedThread
from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Pull, PullFile, ReviewComment

AT = 1_767_225_600
BOT = Account("github-actions[bot]")
PERSON = Account("octocat", "User")
BODY = (
    f"{marker('0123456789abcdef-1')}\n**🟠 high · security** — a \\*shell\\*\n\nwhy\n\n"
    "```suggestion\nrun([x])\nreturn\n```\n\n"
    "<sub>rule `py-shell` · to suppress: `cicd-agent: ignore[py-shell] reason`</sub>"
)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7, files=(PullFile("a.py", patch="@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2b\n three"),))
        yield hub


@pytest.fixture
def pull(hub: FakeGitHub) -> Pull:
    return hub.repos["o/r"].pulls[7]


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, sleep=lambda _: None) as forge:
        yield forge


def say(hub: FakeGitHub, body: str = BODY, author: Account = BOT, **fields: Any) -> ReviewComment:
    pull = hub.repos["o/r"].pulls[7]
    whole = {"path": "a.py", "line": 3, "side": "RIGHT", "body": body, **fields}
    pull.review_comments.append(ReviewComment(hub.new_id(), 1, author, pull.head_sha, whole))
    return pull.review_comments[-1]


def only(forge: GitHubForge) -> Discussed:
    (found,), notes = forge.discussions.discussed(0, 100)
    assert notes == ()
    return found


def test_a_thread_of_ours_is_read_where_it_was_begun(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    comment = say(hub, start_line=2)
    first = pull.head_sha
    pull.push("d" * 40, [])
    assert only(forge) == Discussed(
        7,
        PullEnd.OPEN,
        "d" * 40,
        AT,
        threads=(
            OurThread(
                "0123456789abcdef",
                "a.py",
                2,
                3,
                Side.RIGHT,
                first,
                AT,
                rule="py-shell",
                origin="rule",
                severity="high",
                suggestion="run([x])\nreturn\n",
                url=f"https://github.test/pull/0#discussion_r{comment.id}",
            ),
        ),
    )
    assert forge.requests == 1


def test_what_people_did_with_it_is_read_with_who_did(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    comment = say(hub)
    pull.resolved[comment.id] = PERSON
    pull.thumbs[comment.id] = [("THUMBS_DOWN", PERSON), ("THUMBS_UP", PERSON), ("THUMBS_DOWN", None)]
    pull.hidden[comment.id] = "OFF-TOPIC"
    pull.dismissed[1] = PERSON
    pull.landed = ("e" * 40,)
    found = only(forge)
    (thread,) = found.threads
    assert (found.end, found.merged_as) == (PullEnd.MERGED, "e" * 40)
    assert (thread.resolved_by, thread.dismissed_by, thread.hidden) == ("octocat", "octocat", "off-topic")
    assert (thread.thumbs_down, thread.thumbs_up) == (("octocat",), 1)


def test_what_we_did_ourselves_is_nobodys_word(hub: FakeGitHub, pull: Pull, forge: GitHubForge) -> None:
    pull.resolved[say(hub).id] = BOT
    pull.dismissed[1] = BOT
    pull.state = "closed"
    found = only(forge)
    assert found.end is PullEnd.CLOSED
    assert (found.threads[0].resolved_by, found.threads[0].dismissed_by) == ("", "")


@pytest.mark.parametrize(
    ("body", "author"), [(BODY, PERSON), (BODY, Account("mallory[bot]")), (f"see\n{BODY}", BOT), ("none", BOT)]
)
def test_what_others_wrote_is_no_finding_of_ours(
    hub: FakeGitHub, forge: GitHubForge, body: str, author: Account
) -> None:
    say(hub, body, author)
    assert only(forge).threads == ()


def test_who_says_so_stands_in_the_comment(hub: FakeGitHub, forge: GitHubForge) -> None:
    model = "<sub>confidence 0.91 · found by the model, quote verified in the diff</sub>"
    say(hub, f"{marker('0123456789abcdea-1')}\n**⚪\u00a0low · testing** — x\n\n{model}")
    tool = "<sub>rule `E1` of ruff · to suppress: `cicd-agent: ignore[ruff/E1] reason`</sub>"
    say(hub, f"{marker('0123456789abcdeb-1')}\n**🟡\u00a0medium · testing** — x\n\n{tool}")
    assert [(each.origin, each.rule, each.severity) for each in only(forge).threads] == [
        ("model", "", "low"),
        ("tool", "ruff/E1", "medium"),
    ]


def test_pages_are_read_until_what_is_too_old(hub: FakeGitHub, forge: GitHubForge) -> None:
    for number in range(100, 100 + PER_PAGE):
        hub.add_pull(number).updated_at = f"2026-02-01T00:{number - 100:02}:00Z"
    found, notes = forge.discussions.discussed(AT + 1, 100)
    assert ([pull.number for pull in found], notes) == ([*range(99 + PER_PAGE, 99, -1)], ())
    assert forge.requests == 2
    found, notes = forge.discussions.discussed(0, 5)
    assert len(found) == 5
    assert notes == ("only the 5 pull requests with the newest activity were read",)


def test_threads_that_were_not_read_are_said(hub: FakeGitHub, forge: GitHubForge) -> None:
    for _ in range(MAX_THREADS + 1):
        say(hub)
    (found,), notes = forge.discussions.discussed(0, 100)
    assert len(found.threads) == MAX_THREADS
    assert notes == (f"only the first {MAX_THREADS} threads of #7 were read",)


def test_a_page_that_is_refused_ends_the_list_and_the_first_ends_all(hub: FakeGitHub, forge: GitHubForge) -> None:
    for number in range(100, 100 + PER_PAGE):
        hub.add_pull(number).updated_at = "2026-02-01T00:00:00Z"
    hub.fail("POST", "/graphql", 200, {"data": None, "errors": [{"message": "no"}]}, nth=2)
    found, notes = forge.discussions.discussed(0, 100)
    assert len(found) == PER_PAGE
    assert notes[0].startswith(f"only {PER_PAGE} pull requests were read: GitHub refused to list the pull requests")
    bare = hub.add_token("ghs_bare")
    hub.tokens[bare] = Account("github-actions[bot]", "Bot", {"metadata": "read"})
    with GitHubForge(bare, "o/r", api_url=hub.url) as other, pytest.raises(ForgeRefused) as caught:
        other.discussions.discussed(0, 100)
    assert (caught.value.status, "pull-requests: read" in str(caught.value)) == (403, True)


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        None,
        {"data": {"viewer": None}},
        {"data": {"viewer": {"login": "x"}, "repository": {"pullRequests": None}}},
        {"data": {"viewer": {"login": "x"}, "repository": {"pullRequests": {"nodes": [{"number": "7"}]}}}},
    ],
)
def test_any_other_answer_is_a_refusal_in_one_line(hub: FakeGitHub, forge: GitHubForge, body: Any) -> None:
    hub.fail("POST", "/graphql", 200, body, times=9)
    with pytest.raises(ForgeRefused) as caught:
        forge.discussions.discussed(0, 100)
    assert "\n" not in str(caught.value)


NOBODY = st.none()
USERS = st.fixed_dictionaries({"login": st.text(max_size=5), "__typename": st.sampled_from(["Bot", "User"])})
BODIES = st.sampled_from([BODY, BODY.replace("\n", "\r\n"), f"{marker('x-1')}\n```suggestion\n" * 9, ""]) | st.text()
COMMENTS = st.fixed_dictionaries(
    {
        "author": NOBODY | USERS | st.just({"login": "us", "__typename": "User"}),
        "body": BODIES,
        "url": st.text(max_size=5),
        "createdAt": st.just("2026-01-01T00:00:00Z"),
        "isMinimized": st.booleans(),
        "minimizedReason": NOBODY | st.text(max_size=5),
        "originalCommit": NOBODY | st.just({"oid": "a" * 40}),
        "pullRequestReview": NOBODY | st.just({"id": "1"}),
        "down": st.fixed_dictionaries({"nodes": NOBODY | st.lists(NOBODY | st.just({"user": None}), max_size=2)}),
        "up": st.fixed_dictionaries({"totalCount": st.integers(-1, 9)}),
    }
)
LINES = NOBODY | st.integers(-5, 50)
THREADS = st.fixed_dictionaries(
    {
        "isResolved": st.booleans(),
        "path": st.text(max_size=5),
        "originalLine": LINES,
        "originalStartLine": LINES,
        "diffSide": st.sampled_from(["LEFT", "RIGHT"]),
        "resolvedBy": NOBODY | USERS,
        "comments": st.fixed_dictionaries({"nodes": NOBODY | st.lists(NOBODY | COMMENTS, max_size=1)}),
    }
)


@settings(max_examples=60)
@given(THREADS)
def test_whatever_fits_the_schema_is_read(node: dict[str, Any]) -> None:
    text = json.dumps(node).encode("utf-8", "replace")
    found = StartedThread.model_validate_json(text).as_ours("us", {"1": "them"})
    if found is not None:
        assert 0 <= found.first <= found.last
        assert found.suggestion in node["comments"]["nodes"][0]["body"]
        assert node["isResolved"] or not found.resolved_by
