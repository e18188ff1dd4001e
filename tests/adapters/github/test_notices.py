"""Comments on commits and issues on GitHub's own terms, through the real client."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.text.markdown import marker
from cicd_agent.errors import ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment, Issue, Repo

SHA = "a" * 40
BOT = Account("github-actions[bot]")
MALLORY = Account("mallory", "User")
MARKER = marker("failure-7c1e")
BODY = f"{MARKER}\nIt fails."


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").shas.add(SHA)
        hub.add_pull(7, body=BODY, author=BOT, labels=("cicd-agent",))
        yield hub


@pytest.fixture
def repo(hub: FakeGitHub) -> Repo:
    return hub.repos["o/r"]


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    token = hub.add_token("ghs_all", contents="write", issues="write")
    with GitHubForge(token, "o/r", api_url=hub.url, timeout=1, sleep=lambda _: None) as forge:
        yield forge


def test_a_comment_on_a_commit_is_posted_found_and_edited(repo: Repo, forge: GitHubForge) -> None:
    assert forge.notices.commit_comments(SHA, MARKER) == ()
    posted = forge.notices.post_commit_comment(SHA, BODY)
    assert posted.url.endswith(f"#commitcomment-{posted.id}")
    assert [one.id for one in forge.notices.commit_comments(SHA, MARKER)] == [posted.id]
    assert forge.notices.edit_commit_comment(posted.id, "other").body == "other"
    assert [one.body for one in repo.commit_comments[SHA]] == ["other"]


def test_whose_comment_it_is_is_judged_by_its_author(hub: FakeGitHub, repo: Repo, forge: GitHubForge) -> None:
    said = [Comment(hub.new_id(), BODY, author) for author in (MALLORY, BOT)]
    repo.commit_comments[SHA] = [*said, Comment(hub.new_id(), "mine", MALLORY)]
    found = forge.notices.commit_comments(SHA, MARKER)
    assert [(one.author, one.is_ours) for one in found] == [("mallory", False), ("github-actions[bot]", True)]


def test_ours_is_found_among_hundreds_of_comments(hub: FakeGitHub, repo: Repo, forge: GitHubForge) -> None:
    others = [Comment(hub.new_id(), "noise", MALLORY) for _ in range(250)]
    repo.commit_comments[SHA] = [*others, Comment(1, BODY, BOT)]
    assert [one.id for one in forge.notices.commit_comments(SHA, MARKER)] == [1]
    assert len(hub.of("GET", "/comments$")) == 2


def test_an_issue_is_opened_with_our_label_found_in_one_request_and_edited(
    hub: FakeGitHub, repo: Repo, forge: GitHubForge
) -> None:
    assert forge.notices.issues(MARKER) == ()
    opened = forge.notices.open_issue("It fails", BODY)
    [issue] = repo.issues
    assert (opened.id, opened.title, issue.labels) == (issue.number, "It fails", ("cicd-agent",))
    already = len(hub.received)
    assert [one.id for one in forge.notices.issues(MARKER)] == [issue.number]
    assert len(hub.received) == already + 1
    assert forge.notices.edit_issue(issue.number, "It still fails", f"{BODY} Again.").title == "It still fails"
    assert (issue.title, issue.body) == ("It still fails", f"{BODY} Again.")


def test_an_issue_whose_label_somebody_took_off_is_found_by_its_author(repo: Repo, forge: GitHubForge) -> None:
    repo.issues += [Issue(3, "a", BODY, BOT), Issue(4, "b", "else", BOT, labels=("cicd-agent",))]
    assert [one.id for one in forge.notices.issues(MARKER)] == [3]


@pytest.mark.parametrize(
    "other",
    [
        Issue(9, "a", BODY, MALLORY, labels=("cicd-agent",)),
        Issue(9, "a", BODY, Account("github-actions", "User"), labels=("cicd-agent",)),
        Issue(9, "a", BODY, None, labels=("cicd-agent",)),
        Issue(9, "a", BODY, BOT, labels=("cicd-agent",), state="closed"),
        Issue(9, "a", marker("another"), BOT, labels=("cicd-agent",)),
    ],
    ids=["another author", "a user of that name", "nobody", "closed", "another failure"],
)
def test_an_issue_that_is_not_this_open_one_of_ours_is_left_alone(repo: Repo, forge: GitHubForge, other: Issue) -> None:
    repo.issues.append(other)
    assert forge.notices.issues(MARKER) == ()


def test_an_author_whom_github_does_not_know_has_opened_nothing(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.fail("GET", "/issues$", 422, {"message": "Validation Failed"}, nth=2)
    assert forge.notices.issues(MARKER) == ()


def test_a_refusal_of_the_labels_is_no_answer(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.fail("GET", "/issues$", 422, {"message": "Validation Failed"})
    with pytest.raises(ForgeRefused):
        forge.notices.issues(MARKER)


def test_where_issues_are_switched_off_it_says_so(repo: Repo, forge: GitHubForge) -> None:
    repo.has_issues = False
    with pytest.raises(ForgeRefused, match="switched off in this repository"):
        forge.notices.open_issue("It fails", BODY)


Work = Callable[[GitHubForge], object]
NEEDS: dict[str, tuple[Work, str]] = {
    "list the comments": (lambda forge: forge.notices.commit_comments(SHA, MARKER), "contents: write"),
    "comment on a commit": (lambda forge: forge.notices.post_commit_comment(SHA, BODY), "contents: write"),
    "edit a comment": (lambda forge: forge.notices.edit_commit_comment(1, BODY), "contents: write"),
    "list issues": (lambda forge: forge.notices.issues(MARKER), "issues: write"),
    "open an issue": (lambda forge: forge.notices.open_issue("t", BODY), "issues: write"),
    "edit an issue": (lambda forge: forge.notices.edit_issue(1, "t", BODY), "issues: write"),
}


@pytest.mark.parametrize(("work", "needs"), NEEDS.values(), ids=NEEDS)
def test_without_its_permission_the_refusal_names_it(hub: FakeGitHub, work: Work, needs: str) -> None:
    nothing = hub.add_token("ghs_nothing", contents="")
    with (
        GitHubForge(nothing, "o/r", api_url=hub.url) as forge,
        pytest.raises(ForgeRefused, match=f"lacks `{needs}`") as caught,
    ):
        work(forge)
    assert caught.value.status == 403


@pytest.mark.parametrize(("work", "needs"), NEEDS.values(), ids=NEEDS)
def test_what_is_not_there_names_the_permission_without_which_it_is_hidden(
    hub: FakeGitHub, forge: GitHubForge, work: Work, needs: str
) -> None:
    hub.fail("GET", "", 404, {"message": "Not Found"}, times=9)
    hub.fail("POST", "", 404, {"message": "Not Found"}, times=9)
    hub.fail("PATCH", "", 404, {"message": "Not Found"}, times=9)
    with pytest.raises(ForgeRefused, match=f"the job needs `{needs}`"):
        work(forge)


POSTS: dict[str, tuple[Work, Callable[[Repo], int]]] = {
    "comment": (NEEDS["comment on a commit"][0], lambda repo: len(repo.commit_comments.get(SHA, ()))),
    "issue": (NEEDS["open an issue"][0], lambda repo: len(repo.issues)),
}
FAULTS: dict[str, dict[str, Any]] = {
    "502": {"status": 502},
    "502 after acting": {"status": 502, "acts": True},
    "dropped": {},
    "dropped after acting": {"acts": True},
}


def strike(hub: FakeGitHub, fault: dict[str, Any]) -> None:
    (hub.fail if "status" in fault else hub.drop)("POST", "/(comments|issues)$", **fault)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("post", POSTS)
def test_without_an_answer_it_is_looked_for_and_never_made_twice(
    hub: FakeGitHub, repo: Repo, forge: GitHubForge, post: str, fault: dict[str, Any]
) -> None:
    work, count = POSTS[post]
    strike(hub, fault)
    work(forge)
    assert count(repo) == 1


@pytest.mark.parametrize(("work", "count"), POSTS.values(), ids=POSTS)
def test_what_may_still_be_under_way_is_not_sent_again(
    hub: FakeGitHub, repo: Repo, forge: GitHubForge, work: Work, count: Callable[[Repo], int]
) -> None:
    hub.fail("POST", "/(comments|issues)$", 504)
    with pytest.raises(ForgeRefused, match="may have been done all the same"):
        work(forge)
    assert count(repo) == 0
    assert len(hub.of("POST", "/(comments|issues)$")) == 1


@pytest.mark.parametrize(("work", "count"), POSTS.values(), ids=POSTS)
def test_the_same_text_of_somebody_else_is_not_taken_for_ours(
    hub: FakeGitHub, repo: Repo, forge: GitHubForge, work: Work, count: Callable[[Repo], int]
) -> None:
    repo.commit_comments[SHA] = [Comment(1, BODY, MALLORY)]
    repo.issues.append(Issue(9, "t", BODY, MALLORY))
    strike(hub, {"status": 502})
    work(forge)
    assert count(repo) == 2
