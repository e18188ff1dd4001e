import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.errors import ConfigError
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment, Pull, PullFile, ReviewComment
from tests.support.servers.openapi import github

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
MARK = "<!-- cicd-agent:summary -->"
MALLORY = Account("mallory", "User")


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        yield hub


@pytest.fixture
def forge(hub: FakeGitHub) -> Iterator[GitHubForge]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url) as forge:
        yield forge


def say(hub: FakeGitHub, pull: Pull, body: str, author: Account = MALLORY) -> Comment:
    pull.comments.append(Comment(hub.new_id(), body, author))
    return pull.comments[-1]


def test_it_is_a_forge(forge: GitHubForge) -> None:
    typed: Forge = forge
    assert typed is forge


def test_a_pull_request_is_read_whole(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(7, title="T", body="B", draft=True, labels=("a", "b"), head_repo="someone/r", association="MEMBER")
    state = forge.pull(7)
    assert (state.pull.number, state.pull.title, state.pull.body) == (7, "T", "B")
    assert (state.pull.draft, state.pull.is_open, state.pull.from_fork) == (True, True, True)
    assert state.pull.labels == ("a", "b")
    assert (state.pull.author.login, state.pull.author.is_bot, state.pull.author.association) == (
        "contributor",
        False,
        "MEMBER",
    )
    assert (state.base.name, state.base.sha, state.base.repo) == ("main", "b" * 40, "o/r")
    assert (state.head.name, state.head.sha, state.head.repo) == ("change", "a" * 40, "someone/r")


def test_a_deleted_fork_a_deleted_author_and_an_empty_body_are_no_obstacle(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(7, head_repo=None, author=None, body=None, state="closed")
    state = forge.pull(7)
    assert (state.head.repo, state.pull.from_fork, state.pull.author.login, state.pull.body) == ("", True, "ghost", "")
    assert not state.pull.is_open


def test_files_come_with_kinds_names_and_hunks(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(
        7,
        files=(
            PullFile("new.py", "added", "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file"),
            PullFile("gone.py", "removed", "@@ -1 +0,0 @@\n-a"),
            PullFile("b.py", "renamed", "@@ -1,2 +1,2 @@ def f():\n x\n-a\n+b", previous_filename="a.py"),
            PullFile("moved.py", "renamed", previous_filename="still.py"),
            PullFile("empty.py", "added", sha=EMPTY_BLOB),
            PullFile("logo.png", "modified"),
        ),
    )
    files, notes = forge.files(7)
    assert [(file.path, file.old_path, file.kind, len(file.hunks)) for file in files] == [
        ("new.py", "new.py", ChangeKind.ADDED, 1),
        ("gone.py", "gone.py", ChangeKind.DELETED, 1),
        ("b.py", "a.py", ChangeKind.RENAMED, 1),
        ("moved.py", "still.py", ChangeKind.RENAMED, 0),
        ("empty.py", "empty.py", ChangeKind.ADDED, 0),
        ("logo.png", "logo.png", ChangeKind.MODIFIED, 0),
    ]
    assert [file.omitted for file in files] == ["", "", "", "", "", "no patch from the API"]
    assert files[2].hunks[0].section == "def f():"
    assert notes == ("1 of 6 files came without their whole patch: binary, too large, or mode only",)


def test_a_patch_that_shows_less_than_the_file_counts_is_called_truncated(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(7, files=(PullFile("a.py", patch="@@ -0,0 +1 @@\n+a\n+hidden\n+hidden"),))
    (file,), notes = forge.files(7)
    assert file.omitted == "truncated"
    assert len(notes) == 1


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (300, 3)])
def test_a_hundred_files_cost_one_request(hub: FakeGitHub, forge: GitHubForge, count: int, requests: int) -> None:
    hub.add_pull(7, files=tuple(PullFile(f"f{number}.py", patch="@@ -0,0 +1 @@\n+a") for number in range(count)))
    files, notes = forge.files(7)
    assert (len(files), notes, forge.requests) == (count, (), requests)
    assert len({file.path for file in files}) == count


def test_the_cap_of_the_files_endpoint_is_told(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.add_pull(7, files=tuple(PullFile(f"f{number}", patch="@@ -0,0 +1 @@\n+a") for number in range(3_010)))
    files, notes = forge.files(7)
    assert len(files) == 3_000
    assert notes == ("the API lists 3,000 files of a pull request at most: there may be more",)


@pytest.mark.parametrize("path", ["a.py", "a dir/ä.py", "100%.txt", "what?.py", "no#1;x.py", "-rf", "a\nb"])
def test_a_text_file_is_read_at_a_commit_whatever_its_name(hub: FakeGitHub, forge: GitHubForge, path: str) -> None:
    hub.put(path, "main", "fünf\r\n".encode())
    assert forge.text_at(path, "main") == "fünf\r\n"
    assert forge.text_at(path, "other") is None


@pytest.mark.parametrize(
    "data",
    [
        [github().sample("content-file", path="d/x")],
        github().sample("content-symlink", target="../../etc/passwd"),
        github().sample("content-submodule"),
        b"\x89PNG\0\0",
        b"x" * 1_000_001,
    ],
    ids=["directory", "symlink", "submodule", "binary", "large"],
)
def test_what_is_no_text_file_is_not_there(hub: FakeGitHub, forge: GitHubForge, data: object) -> None:
    hub.put("d", "main", data)
    assert forge.text_at("d", "main") is None


def test_text_that_is_not_utf8_is_read_with_its_flaws_visible(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.put("a", "main", b"caf\xe9")
    assert forge.text_at("a", "main") == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("path", ["../../pulls/1", "a/../b", "/etc/passwd", "a//b", "", ".", "a/"])
def test_a_path_that_git_cannot_have_is_not_asked_for(forge: GitHubForge, path: str) -> None:
    assert forge.text_at(path, "main") is None
    assert forge.requests == 0


def test_a_comment_is_posted_found_and_edited_in_place(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7)
    posted = forge.post_comment(7, f"{MARK} one")
    assert forge.comments(7, MARK) == (posted,)
    assert posted.is_ours
    assert posted.url
    edited = forge.edit_comment(posted.id, f"{MARK} two")
    assert [comment.body for comment in pull.comments] == [f"{MARK} two"]
    assert edited.id == posted.id


def test_a_marker_in_somebody_elses_comment_is_not_ours(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7)
    say(hub, pull, f"{MARK} fake")
    say(hub, pull, f"{MARK} fake", Account("github-actions", "User"))
    say(hub, pull, f"{MARK} fake", Account("other-app[bot]"))
    assert [comment.is_ours for comment in forge.comments(7, MARK)] == [False, False, False]


def test_who_we_are_is_asked_once_and_only_when_a_marker_is_found(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7)
    say(hub, pull, "hello")
    assert forge.comments(7, MARK) == ()
    assert forge.review_comments(7, MARK) == ()
    assert hub.of("POST", "/graphql") == []
    say(hub, pull, MARK)
    forge.comments(7, MARK)
    forge.comments(7, MARK)
    assert len(hub.of("POST", "/graphql")) == 1


@pytest.mark.parametrize(
    ("login", "kind", "viewer"),
    [("my-app[bot]", "Bot", ""), ("my-app[bot]", "Bot", "my-app"), ("Ana", "User", "ana"), ("robot", "User", "")],
)
def test_apps_and_people_know_their_own_comments(hub: FakeGitHub, login: str, kind: str, viewer: str) -> None:
    token = hub.add_token("t1", login, kind, viewer, pull_requests="write")
    hub.add_pull(7)
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        forge.post_comment(7, MARK)
        assert [comment.is_ours for comment in forge.comments(7, MARK)] == [True]


def test_without_an_answer_to_who_we_are_the_actions_account_is_assumed(hub: FakeGitHub, forge: GitHubForge) -> None:
    hub.viewer_refused = True
    pull = hub.add_pull(7)
    say(hub, pull, MARK, Account("github-actions[bot]"))
    say(hub, pull, MARK)
    assert [(comment.author, comment.is_ours) for comment in forge.comments(7, MARK)] == [
        ("github-actions[bot]", True),
        ("mallory", False),
    ]


def test_our_comment_is_found_first_or_last_in_a_long_conversation(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7)
    for _ in range(320):
        say(hub, pull, "talk")
    last = forge.post_comment(7, MARK)
    before = forge.requests
    assert forge.comments(7, MARK) == (last,)
    assert forge.requests - before == 3  # the first page, the last, and who we are
    assert forge.notes == ()


def test_only_so_much_of_an_endless_conversation_is_read_and_that_is_told(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7)
    for number in range(1_500):
        say(hub, pull, f"{MARK} {number}")
        pull.review_comments.append(ReviewComment(hub.new_id(), 1, MALLORY, "a" * 40, {"path": "a", "body": MARK}))
    comments = forge.comments(7, MARK)
    assert [comments[0].body, comments[100].body] == [f"{MARK} 0", f"{MARK} 600"]
    assert len(comments) == 1_000
    inline = forge.review_comments(7, MARK)
    assert len(inline) == 1_000
    assert inline[0].id == pull.review_comments[-1].id
    assert len(forge.notes) == 2


def test_a_review_run_of_300_files_costs_eight_requests(hub: FakeGitHub, forge: GitHubForge) -> None:
    pull = hub.add_pull(7, files=tuple(PullFile(f"f{n}", patch="@@ -0,0 +1 @@\n+a") for n in range(300)))
    say(hub, pull, MARK, Account("github-actions[bot]"))
    forge.files(7)
    (ours,) = forge.comments(7, MARK)
    forge.review_comments(7, MARK)
    forge.edit_comment(ours.id, f"{MARK} again")
    assert forge.requests == 7
    assert forge.requests == len(hub.received)  # one is left for the review


def test_an_enterprise_server_is_asked_under_its_own_paths() -> None:
    with FakeGitHub("/api/v3") as hub:
        hub.add_repo("o/r")
        hub.add_pull(7)
        with GitHubForge(hub.token, "o/r", api_url=hub.url + "/") as forge:
            forge.post_comment(7, MARK)
            assert [comment.is_ours for comment in forge.comments(7, MARK)] == [True]
        assert {request.path for request in hub.received} == {
            "/api/v3/repos/o/r/issues/7/comments",
            "/api/graphql",
        }


def test_the_files_of_a_pull_request_can_come_from_a_git_repository(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (tmp_path / "a.py").write_text("one\ntwo\n")
    git("add", ".")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "topic")
    (tmp_path / "a.py").write_text("one\n2\n")
    git("commit", "-qam", "second")
    with FakeGitHub() as hub:
        hub.add_repo("o/r", tmp_path)
        pull = hub.add_pull(7, base="main", head="topic")
        with GitHubForge(hub.token, "o/r", api_url=hub.url) as forge:
            (file,), _ = forge.files(7)
            assert [line.text for line in file.added] == ["2"]
            assert forge.text_at("a.py", pull.base_sha) == "one\ntwo\n"
            assert forge.text_at("b.py", pull.base_sha) is None


def test_the_client_library_is_not_imported_before_the_first_request() -> None:
    code = (
        "import sys; from cicd_agent.adapters.github.forge import GitHubForge; GitHubForge('t', 'o/r').close();"
        "sys.exit('github' in sys.modules or 'requests' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "src"})


@pytest.mark.parametrize("token", ["", "  ", "two words", "tab\there", "line\nbreak", "schlüssel"])
def test_what_cannot_be_a_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GitHubForge(token, "o/r")
    assert "github-token" in str(caught.value)
    assert len(token.strip()) < 2 or token not in str(caught.value)


def test_blanks_around_a_pasted_token_do_no_harm(hub: FakeGitHub) -> None:
    hub.add_pull(7)
    with GitHubForge(f" {hub.token}\n", "o/r", api_url=hub.url) as forge:
        assert forge.pull(7).pull.number == 7


@pytest.mark.parametrize("repo", ["", "o", "o/r/x", "o/r?x=1", "../..", "o/..", "o/r\n"])
def test_a_repository_that_is_not_owner_and_name_is_refused(repo: str) -> None:
    with pytest.raises(ConfigError, match="owner/name"):
        GitHubForge("t", repo)


@pytest.mark.parametrize("url", ["", "api.github.com", "ftp://x", "https://"])
def test_an_api_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="GITHUB_API_URL"):
        GitHubForge("t", "o/r", api_url=url)
