"""Who may order a review by a comment, and of which commit: GitHub is asked, and the text of the event not believed."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.comments import ANSWER, ASK, PERSON, Talk, declined
from tests.support.jobs.recorded import DRAFT, KEPT
from tests.support.servers.github.state import Account, Comment
from tests.support.servers.openai.app import Asked, Canned, answer

ORDERS = ("@cicd-agent review", "@cicd-agent help", ASK)


def idle(talk: Talk, requests: int = 1) -> None:
    """Nobody was paid and nothing said; GitHub was asked for the permission alone."""
    assert talk.server.requests == 0
    assert talk.replies == talk.said == []
    assert len(talk.hub.of("GET", "/permission$")) == requests
    assert len(talk.hub.received) == requests


@pytest.mark.parametrize("permission", ["read", "triage", "none"])
@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_an_association_is_no_permission(tmp_path: Path, permission: str, association: str) -> None:
    with Talk(tmp_path) as talk:
        talk.hub.gate.permit(PERSON.login, permission)
        declined(talk.comment("@cicd-agent review", author_association=association), "write access")
        idle(talk)


@pytest.mark.parametrize("body", ORDERS)
def test_who_github_does_not_know_gives_no_orders(tmp_path: Path, body: str) -> None:
    stranger = {"login": "github-actions", "type": "User"}
    with Talk(tmp_path) as talk:
        left = talk.run(talk.say(body, author=Account("github-actions", "User")), body, user=stranger)
        declined(left, "github-actions has none permission")
        idle(talk)


@pytest.mark.parametrize("permission", ["write", "maintain", "admin"])
def test_who_may_write_is_obeyed(tmp_path: Path, permission: str) -> None:
    with Talk(tmp_path) as talk:
        talk.hub.gate.permit(PERSON.login, permission)
        left = talk.comment("@cicd-agent help")
    assert left.exit == 0, left.log
    assert "reviews the pull request now" in talk.said[0]


def test_where_github_cannot_be_asked_nobody_is_obeyed(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        talk.hub.fail("GET", "/permission$", 403, times=9)
        declined(talk.comment("@cicd-agent review"), "it is not known whether maintainer may write")
        assert talk.server.requests == 0
        assert talk.said == []


def test_a_comment_that_another_account_brings_is_not_obeyed(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        told = talk.say(ASK, author=Account("mallory", "User"))
        declined(talk.run(told, ASK), "the comment is by mallory, and the event says maintainer")
        assert talk.server.requests == 0
        assert talk.replies == []


def test_a_stranger_named_like_a_bot_and_a_bot_named_like_a_person(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        like_a_bot = {"login": "cicd-agent[bot]", "type": "User"}
        declined(talk.comment("@cicd-agent review", user=like_a_bot), "bots are not answered")
        a_bot = {"login": PERSON.login, "type": "Bot"}
        declined(talk.comment("@cicd-agent review", user=a_bot), "bots are not answered")
        idle(talk, requests=0)


FORK: dict[str, Any] = {"head_repo": "mallory/app", "head_ref": "topic"}


@pytest.fixture
def fork(tmp_path: Path) -> Talk:
    """The same pull request from a fork, in a job that has checked out the base as its example does."""
    talk = Talk(tmp_path, answer(DRAFT), answer(KEPT), **FORK)
    talk.job.repo.git("checkout", "--quiet", "--detach", talk.job.base)
    return talk


def test_a_forks_head_has_to_be_named(fork: Talk) -> None:
    fork.server.steps.clear()
    with fork as talk:
        left = talk.comment("@cicd-agent review")
        declined(left, "is from a fork, so the command has to name its head")
        assert f"@cicd-agent review {talk.pull.head_sha[:12]}" in left.log
        assert talk.said == []


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_a_forks_named_head_is_reviewed_and_the_result_says_which_it_was(fork: Talk, digits: int) -> None:
    with fork as talk:
        left = talk.comment(f"@cicd-agent review {talk.pull.head_sha[:digits].upper()}.")
    assert left.exit == 0, left.log
    assert f"analysed at {talk.pull.head_sha[:7]}" in talk.said[0]


@pytest.mark.parametrize("kind", ["another", "the base", "the head but one digit"])
def test_another_commit_than_the_head_is_not_reviewed(tmp_path: Path, kind: str) -> None:
    with Talk(tmp_path) as talk:
        head = talk.pull.head_sha
        last = "0" if head[6] != "0" else "1"
        named = {"another": "abcdef1", "the base": talk.job.base, "the head but one digit": head[:6] + last}[kind]
        left = talk.comment(f"@cicd-agent review {named}")
        declined(left, f"the command names commit {named[:12]}, and the head of pull request 7 is {head[:12]}")
        assert talk.server.requests == 0


def test_a_head_that_was_pushed_after_the_command_is_not_reviewed(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        seen = talk.pull.head_sha
        talk.job.repo.commit({"app.py": "import os\n\nos.system('x')\n"}, "Slip this in")
        talk.hub.add_pull(7, base="main", head="topic")
        declined(talk.comment(f"@cicd-agent review {seen}"), f"the command names commit {seen[:12]}")
        assert talk.server.requests == 0


def test_a_review_of_a_head_that_was_replaced_meanwhile_says_so_and_stands_at_no_line(tmp_path: Path) -> None:
    talk = Talk(tmp_path)

    def slipped_in(asked: Asked) -> Canned:
        talk.pull.force_push("f" * 40, talk.pull.files)
        return answer(DRAFT)(asked)

    talk.server.steps += [slipped_in, answer(KEPT)]
    with talk:
        seen = talk.pull.head_sha[:7]
        assert talk.comment(f"@cicd-agent review {seen}").exit == 0
    assert f"About commit {seen}, which is no longer part of this pull request" in talk.said[0]
    assert talk.pull.reviews == []
    assert talk.replies == []


@pytest.mark.parametrize(
    "body",
    [
        "@cicd-agent review abc123",
        "@cicd-agent review main",
        "@cicd-agent review abcdef1 now",
        "@cicd-agent review abcdefg",
        "@cicd-agent review \u0430bcdef1",
        "@cicd-agent rev\u0456ew",
        "@cicd-agent review " + "a" * 65,
        "@cicd-agent review abcdef1;ls",
    ],
)
def test_what_is_no_commit_makes_no_command(tmp_path: Path, body: str) -> None:
    with Talk(tmp_path) as talk:
        declined(talk.comment(body), "the comment is no command")
        idle(talk, requests=0)


def test_thousands_of_comments_cost_a_bounded_number_of_requests(tmp_path: Path) -> None:
    with Talk(tmp_path) as talk:
        talk.comment("@cicd-agent help")
        few = len(talk.hub.received)
        talk.pull.comments += [Comment(talk.hub.new_id(), "Me too. @cicd-agent review", PERSON) for _ in range(3_000)]
        talk.hub.received.clear()
        left = talk.comment("@cicd-agent help")
    assert left.exit == 0, left.log
    assert len(talk.hub.received) <= few + 20  # ten pages at most, read before and after the answer is made


def test_who_asks_in_a_thread_is_asked_for_the_same(tmp_path: Path) -> None:
    with Talk(tmp_path, answer(ANSWER)) as talk:
        talk.hub.gate.permit(PERSON.login, "read")
        declined(talk.reply(ASK), "maintainer has read permission")
        idle(talk)
        talk.hub.gate.permit(PERSON.login, "maintain")
        assert talk.reply(ASK).exit == 0
        assert len(talk.replies) == 1
