"""The past of a real repository: whatever its messages, names and clones are like, and what makes two patches one."""

import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git import history as git_history
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.repository.history import Past
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


def past(repo: TempRepo, sha: str = "HEAD", most: int = 100, counted: int = 100) -> Past:
    repository = GitRepository(repo.path, ENV)
    return repository.past(repository.resolve(sha) or "", most, counted)


def cloned(repo: TempRepo, *options: str) -> TempRepo:
    place = repo.path.parent / "clone"
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "--quiet", *options, repo.path.as_uri(), str(place))
    return TempRepo(place)


def made_by_hand(repo: TempRepo, message: bytes, **people: str) -> str:
    """An empty commit onto HEAD with exactly this message."""
    env = {f"GIT_AUTHOR_{field.upper()}": value for field, value in people.items()}
    commit = repo.run("commit-tree", "HEAD^{tree}", "-p", "HEAD", stdin=message, env=env).decode().strip()
    repo.git("reset", "--quiet", "--soft", commit)
    return commit


def test_names_of_all_and_lines_of_the_newest(repo: TempRepo) -> None:
    first = repo.commit({"a.py": "1\n2\n3\n", "dir/b": b"\0\1"}, "Start")
    second = repo.commit({"a.py": "1\n2\n4\n5\n", "dir/b": b"\0\2"}, "Fix it")
    third = repo.commit({"c": "1\n"})
    seen = past(repo, counted=2)
    assert [commit.sha for commit in seen.commits] == [third, second, first]
    assert seen.commits[1].paths == ("a.py", "dir/b")
    assert seen.commits[1].churn == ((2, 1), (0, 0))
    assert (seen.commits[2].paths, seen.commits[2].churn) == (("a.py", "dir/b"), ())
    assert (seen.commits[1].subject, seen.commits[1].when) == ("Fix it", 1_700_000_002)
    assert (seen.limits, seen.shallow) == ((), False)
    assert [commit.sha for commit in past(repo, most=2, counted=1).commits] == [third, second]
    assert [commit.churn for commit in past(repo, most=2, counted=0).commits] == [(), ()]


def test_merges_are_left_out_and_what_they_merge_is_not(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.branch("topic")
    topic = repo.commit({"b": "1\n"})
    repo.switch("main")
    main = repo.commit({"c": "1\n"})
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    repository = GitRepository(repo.path, ENV)
    assert {commit.sha for commit in past(repo).commits} == {main, topic, repo.git("rev-parse", "topic~1")}
    assert repository.parents(repo.head) == (main, topic)
    assert repository.parents(repo.git("rev-parse", "topic~1")) == ()
    assert repository.parents("1" * 40) == ()
    assert [commit.sha for commit in repository.between(topic, repo.head, 10)] == [repo.head, main]
    assert [commit.subject for commit in repository.between(topic, repo.head, 1)] == ["merge"]
    with pytest.raises(ConfigError, match="names no commit"):
        repository.between("1" * 40, repo.head, 10)


def test_a_renamed_file_is_one_where_lines_are_counted_and_two_where_only_names_are(repo: TempRepo) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    repo.commit({"old": text})
    repo.git("mv", "old", "new")
    repo.commit({"new": text + "more\n", "other": "1\n"})
    assert (past(repo).commits[0].paths, past(repo).commits[0].churn) == (("new", "other"), ((1, 0), (1, 0)))
    assert past(repo, counted=0).commits[0].paths == ("new", "old", "other")


@pytest.mark.parametrize("counted", [0, 100])
def test_no_message_and_no_name_of_a_file_can_forge_a_commit(repo: TempRepo, counted: int) -> None:
    start = repo.commit({"a": "1\n"})
    forged = f"\n\n{start}\n1\nx@y\nsubject\n\nbody\n"
    repo.write(b"\xff\xfe", "1\n")
    repo.commit({"ab" * 20: "1\n", "\n\nb": "1\n", "tab\there": "1\n"}, f"Odd{forged}")
    made_by_hand(repo, b"\xff\xfe not UTF-8\r\n\r\nThis reverts commit\n" + b"x" * 300_000)
    made_by_hand(repo, b"")
    made_by_hand(repo, b"\x1b[31m" + b"long " * 1_000)
    seen = past(repo, counted=counted).commits
    assert len(seen) == 5
    assert [commit.paths for commit in seen[:3]] == [(), (), ()]
    assert set(seen[3].paths) == {"ab" * 20, "\n\nb", "tab\there", r"\xff\xfe"}
    assert all(pair == (1, 0) for pair in seen[3].churn)
    assert (seen[1].subject, len(seen[0].subject), seen[4].sha) == ("", 300, start)
    assert all(commit.reverts == "" for commit in seen)


def test_what_a_commit_takes_back_is_read_from_its_body_alone(repo: TempRepo) -> None:
    sha = repo.commit({"a": "1\n"}, "Add a")
    repo.git("revert", "--no-edit", sha)
    made_by_hand(repo, f"This reverts commit {sha}.\n".encode())
    made_by_hand(repo, f"Speak\n\nHe said: This reverts commit {sha}.\n".encode())
    made_by_hand(repo, f"Short\n\nWhy not.\n\nThis reverts commit {sha[:10].upper()}.\n".encode())
    assert [commit.reverts for commit in past(repo).commits] == [sha[:10], "", "", sha, ""]


def test_people_are_told_apart_by_their_mapped_address_and_not_named(repo: TempRepo) -> None:
    repo.commit({".mailmap": "One <one@example.com> <alias@example.com>\n"})
    made_by_hand(repo, b"1", email="One@Example.com", name="One")
    made_by_hand(repo, b"2", email="alias@example.com", name="Alias")
    made_by_hand(repo, b"3", email="two@example.com", name="One")
    authors = [commit.author for commit in past(repo).commits]
    assert authors[1] == authors[2] != authors[0]
    assert all(len(author) == 12 and set(author) <= set("0123456789abcdef") for author in authors)


def test_a_shallow_clone_does_not_take_its_last_commit_for_one_that_made_every_file(repo: TempRepo) -> None:
    for number in range(4):
        repo.commit({f"file{number}": "1\n"})
    seen = past(cloned(repo, "--depth=2"))
    assert [commit.paths for commit in seen.commits] == [("file3",)]
    assert seen.shallow
    assert seen.limits == (
        "the clone is shallow: it has only 1 past commits that can be read; set `fetch-depth: 0` on actions/checkout",
    )


def test_a_clone_without_contents_has_names_and_says_what_it_lacks(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.commit({"a": "2\n"})
    repo.commit({"a": "3\n"})
    seen = past(cloned(repo, "--filter=blob:none", "--no-checkout"))
    assert [commit.paths for commit in seen.commits] == [("a",), ("a",), ("a",)]
    assert not any(commit.churn for commit in seen.commits)
    assert not seen.shallow
    (limit,) = seen.limits
    assert limit.startswith("the lines of only 0 past commits were counted: git log failed (")
    assert limit.endswith("set `fetch-depth: 0` and no `filter` on actions/checkout")


def test_a_clone_without_trees_says_that_it_has_no_past(repo: TempRepo) -> None:
    repo.commit({"dir/a": "1\n"})
    repo.commit({"dir/a": "2\n"})
    seen = past(cloned(repo, "--filter=tree:0", "--no-checkout"))
    assert (seen.commits, seen.shallow) == ((), True)
    assert [limit[:40] for limit in seen.limits] == [
        "the lines of only 0 past commits were co",
        "the past was read back to 0 commits only",
    ]


def test_a_log_without_end_is_cut_where_the_last_whole_commit_ends(
    repo: TempRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        repo.commit({f"file{number}": "1\n"}, "x" * 2_000)
    monkeypatch.setattr(git_history, "BYTES", 5_000)
    monkeypatch.setattr(git_history, "_CHUNK", 1_000)
    seen = past(repo, counted=0)
    assert [commit.paths for commit in seen.commits] == [("file2",)]
    assert "git log printed more than" in seen.limits[0]
    assert seen.shallow


def test_an_empty_commit_and_a_first_one_are_commits(repo: TempRepo) -> None:
    repo.commit({}, "Nothing")
    assert [(commit.subject, commit.paths) for commit in past(repo).commits] == [("Nothing", ())]
    with pytest.raises(ConfigError, match="names no commit"):
        GitRepository(repo.path, ENV).past("1" * 40, 10, 10)


TEXT = "".join(f"    line {number}\n" for number in range(40))


def patched(repo: TempRepo, before: dict[str, str | bytes], after: dict[str, str | bytes]) -> str:
    base = repo.commit(before)
    repo.commit(after)
    return GitRepository(repo.path, ENV).patch_id(base, repo.head)


def test_a_patch_that_was_rebased_is_the_same_one(repo: TempRepo) -> None:
    changed = TEXT.replace("line 20", "line twenty")
    first = patched(repo, {"a.py": TEXT}, {"a.py": changed})
    assert first == patched(repo, {"a.py": "import os\n" + TEXT, "b": "1\n"}, {"a.py": "import os\n" + changed})
    assert GitRepository(repo.path, ENV).patch_id(repo.head, repo.head) == ""


@pytest.mark.parametrize(
    "after",
    [
        {"a.py": TEXT.replace("    line 20", "        line 20")},
        {"a.py": TEXT.replace("line 20", "line twenty"), "more": ""},
        {"a.py": TEXT.replace("line 21", "line twenty")},
        {"b.py": TEXT},
        {"data": b"\0\2"},
        {"data": b"\0\3"},
    ],
    ids=["indentation", "a file more", "another line", "another file", "binary", "other binary"],
)
def test_a_patch_that_does_something_else_is_another_one(repo: TempRepo, after: dict[str, str | bytes]) -> None:
    before: dict[str, str | bytes] = {"a.py": TEXT, "data": b"\0\1"}
    others: list[dict[str, str | bytes]] = [
        {"a.py": TEXT.replace("line 20", "line twenty")},
        {"a.py": TEXT.replace("    line 20", "  line 20")},
        {"data": b"\0\4"},
    ]
    base = repo.commit(before)
    repository = GitRepository(repo.path, ENV)
    ids = []
    for files in (*others, after):
        repo.git("checkout", "--quiet", "--detach", base)
        ids.append(repository.patch_id(base, repo.commit(files)))
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_a_patch_without_end_has_no_id(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_history, "PATCH_BYTES", 100)
    with pytest.raises(ConfigError, match="printed more than"):
        patched(repo, {"a": ""}, {"a": TEXT})
