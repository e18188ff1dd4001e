from collections.abc import Iterator

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.effects import InlineComment, Review, ReviewEvent
from cicd_agent.domain.repository.diff import Side
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, PullFile
from tests.support.servers.github.state import Review as Standing

PATCH = "@@ -1,4 +1,5 @@\n one\n-two\n+2\n+2b\n three\n four\n@@ -20,2 +21,2 @@ def f():\n-a\n+b\n c"
BOT = Account("github-actions[bot]")


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        hub.add_pull(7, files=(PullFile("a.py", patch=PATCH), PullFile("logo.png")))
        yield hub


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url) as forge:
        yield forge


def at(line: int, side: Side = Side.RIGHT, start: int = 0, path: str = "a.py", body: str = "why") -> InlineComment:
    return InlineComment(key="k", path=path, line=line, side=side, body=body, start=start)


def review(
    *comments: InlineComment, commit: str = "a" * 40, event: ReviewEvent = ReviewEvent.COMMENT, body: str = "all in all"
) -> Review:
    return Review(key="review", pull=7, commit=commit, event=event, body=body, comments=comments)


def test_a_review_is_one_request_with_all_its_comments(hub: FakeGitHub, forge: GitHubForge) -> None:
    url = forge.post_review(review(at(2), at(4, start=2), at(2, Side.LEFT), at(21)))
    assert forge.requests == 1
    (sent,) = hub.of("POST", "/reviews$")
    assert sent.body == {
        "commit_id": "a" * 40,
        "event": "COMMENT",
        "body": "all in all",
        "comments": [
            {"path": "a.py", "line": 2, "side": "RIGHT", "body": "why"},
            {"path": "a.py", "line": 4, "side": "RIGHT", "body": "why", "start_line": 2, "start_side": "RIGHT"},
            {"path": "a.py", "line": 2, "side": "LEFT", "body": "why"},
            {"path": "a.py", "line": 21, "side": "RIGHT", "body": "why"},
        ],
    }
    (standing,) = hub.repos["o/r"].pulls[7].reviews
    assert url.endswith(f"#pullrequestreview-{standing.id}")
    assert len(hub.repos["o/r"].pulls[7].review_comments) == 4


def test_an_earlier_commit_of_the_pull_request_can_still_be_reviewed(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.repos["o/r"].pulls[7]
    pull.push("c" * 40, ())
    forge.post_review(review(at(2)))
    assert pull.reviews[0].commit == "a" * 40


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (review(at(10)), "Line could not be resolved"),
        (review(at(2), at(21, Side.LEFT, path="a.py"), at(1, path="b.py")), "path is invalid"),
        (review(at(1, path="logo.png")), "Line could not be resolved"),
        (review(at(22, start=2)), "same hunk"),
        (review(at(2, start=2)), "start line must precede the end line"),
        (review(at(2, start=3)), "start line must precede the end line"),
        (review(at(2), commit="f" * 40), "not part of the pull request"),
        (review(body="x" * 65_537), "Body is too long"),
        (review(at(2, body="x" * 65_537)), "Body is too long"),
        (review(body=""), "Body can't be blank"),
    ],
)
def test_one_bad_part_makes_github_refuse_the_whole_review_and_its_reason_is_told(
    hub: FakeGitHub, forge: GitHubForge, refused: Review, reason: str
) -> None:
    with pytest.raises(ForgeRefused, match="refused to post the review") as caught:
        forge.post_review(refused)
    assert caught.value.status == 422
    assert reason in str(caught.value)
    assert forge.requests == 1
    assert hub.repos["o/r"].pulls[7].reviews == []


def test_a_review_that_our_bot_has_begun_is_discarded_when_it_stands_in_the_way(
    hub: FakeGitHub, forge: GitHubForge
) -> None:
    pull = hub.repos["o/r"].pulls[7]
    pull.reviews.append(Standing(1, hub.tokens[hub.token], "", "PENDING", "a" * 40))
    forge.post_review(review(at(2)))
    assert [each.state for each in pull.reviews] == ["COMMENTED"]
    assert forge.requests == 4


def test_a_review_that_a_person_has_begun_stands_in_the_way_and_the_remedy_says_so(hub: FakeGitHub) -> None:
    token = hub.add_token("ghp_person", login="octocat", kind="User", pull_requests="write")
    pull = hub.repos["o/r"].pulls[7]
    pull.reviews.append(Standing(1, hub.tokens[token], "not done yet", "PENDING", "a" * 40))
    with (
        GitHubForge(token, "o/r", api_url=hub.url) as forge,
        pytest.raises(ForgeRefused, match="Submit or discard the review"),
    ):
        forge.post_review(review())
    assert [each.state for each in pull.reviews] == ["PENDING"]


@pytest.mark.parametrize("commits", [1, 101, 250])
def test_a_commit_that_was_pushed_over_is_no_longer_held(hub: FakeGitHub, forge: GitHubForge, commits: int) -> None:
    pull = hub.repos["o/r"].pulls[7]
    assert forge.holds(7, "a" * 40)
    pull.force_push("c" * 40, ())
    for number in range(commits - 1):
        pull.push(f"{number:040x}", ())
    # Where the list is cut, nothing follows from not being on it.
    assert forge.holds(7, "a" * 40) == (commits >= 250)
    assert forge.holds(7, "c" * 40)


def test_approving_ones_own_pull_request_is_refused(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.repos["o/r"].pulls[7].author = hub.tokens[hub.token]
    with pytest.raises(ForgeRefused, match="approve your own pull request"):
        forge.post_review(review(event=ReviewEvent.APPROVE))


def test_inline_comments_are_found_by_their_marker_and_author(hub: FakeGitHub, forge: GitHubForge) -> None:
    forge.post_review(review(at(2, body="<!-- cicd-agent:k1 --> first"), at(4, body="<!-- cicd-agent:k2 -->")))
    stranger = hub.add_token("t2", "mallory", "User", pull_requests="write")
    with GitHubForge(stranger, "o/r", api_url=hub.url) as other:
        other.post_review(review(at(2, body="<!-- cicd-agent:k3 -->"), at(2, body="no marker")))
    found = forge.review_comments(7, "<!-- cicd-agent:")
    assert [(comment.body[:19], comment.is_ours) for comment in found] == [
        ("<!-- cicd-agent:k3 ", False),
        ("<!-- cicd-agent:k2 ", True),
        ("<!-- cicd-agent:k1 ", True),
    ]
