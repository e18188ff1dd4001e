import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


def uncommitted(repo: TempRepo, base: str = "HEAD") -> Change:
    return GitRepository(repo.path, ENV).uncommitted(base)


def kinds(seen: Change) -> dict[str, ChangeKind]:
    return {file.path: file.kind for file in seen.files}


def test_staged_unstaged_and_untracked_work_is_seen_ignored_files_are_not(repo: TempRepo) -> None:
    repo.commit({"a": "1\n", "gone": "x\n", "same": "s\n", ".gitignore": "*.log\n"})
    repo.write(".git/info/exclude", "private\n")
    repo.write("a", "2\n")
    repo.write("staged", "s\n")
    repo.git("add", "staged")
    (repo.path / "gone").unlink()
    repo.write("dir/new", "n\n")
    repo.write("x.log", "no\n")
    repo.write("private", "no\n")
    seen = uncommitted(repo)
    assert kinds(seen) == {
        "a": ChangeKind.MODIFIED,
        "dir/new": ChangeKind.ADDED,
        "gone": ChangeKind.DELETED,
        "staged": ChangeKind.ADDED,
    }
    assert (seen.head, seen.source) == ("", ChangeSource.WORKTREE)
    assert seen.texts == {"a": "2\n", "dir/new": "n\n", "staged": "s\n"}
    assert seen.paths == (".gitignore", "a", "dir/new", "same", "staged")


def test_what_calibrate_has_written_is_reviewed_when_it_is_committed(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.write("a", "2\n")
    repo.write(".github/cicd-agent-risk.json", "{}\n")
    assert set(kinds(uncommitted(repo))) == {"a"}
    base = repo.git("rev-parse", "HEAD").strip()
    repo.commit(message="Calibrate")
    assert ".github/cicd-agent-risk.json" in kinds(uncommitted(repo, base))


def test_commits_since_the_merge_base_are_part_of_it(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.branch("topic")
    head = repo.commit({"b": "1\n"})
    repo.write("c", "1\n")
    seen = uncommitted(repo, "main")
    assert set(kinds(seen)) == {"b", "c"}
    assert [commit.sha for commit in seen.commits] == [head]


def test_the_checkouts_index_is_left_alone(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.write("a", "2\n")
    before = (repo.path / ".git/index").read_bytes()
    uncommitted(repo)
    assert (repo.path / ".git/index").read_bytes() == before
    assert repo.git("status", "--porcelain") == " M a"


def test_links_are_shown_as_links_and_never_followed(repo: TempRepo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("hush\n")
    repo.commit({"d/f": "1\n", "a": "1\n"})
    (repo.path / "out").symlink_to(tmp_path / "secret")
    (repo.path / "a").unlink()
    (repo.path / "a").symlink_to("/proc/self/environ")
    (repo.path / "d/f").unlink()
    (repo.path / "d").rmdir()
    (repo.path / "d").symlink_to(tmp_path / "outside")
    seen = uncommitted(repo)
    shown = [line.text for file in seen.files for line in file.added]
    assert shown == ["/proc/self/environ", str(tmp_path / "outside"), str(tmp_path / "secret")]
    assert seen.texts == {}


def test_what_is_not_a_regular_file_is_refused_with_a_note(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    (repo.path / "a").unlink()
    os.mkfifo(repo.path / "a")
    os.mkfifo(repo.path / "untracked")
    repo.write("b", "1\n")
    seen = uncommitted(repo)
    assert kinds(seen) == {"b": ChangeKind.ADDED}
    assert seen.notes == ("a is not looked at as it is now: it is not a regular file",)


def test_a_sparse_file_of_two_gigabytes_is_not_read(repo: TempRepo) -> None:
    repo.commit()
    with (repo.path / "sparse").open("wb") as file:
        file.truncate(2 << 30)
    seen = uncommitted(repo)
    assert seen.files == ()
    assert seen.notes == ("sparse is not looked at as it is now: it is over 20 MB",)


def test_a_repository_inside_is_noted_not_read(repo: TempRepo) -> None:
    repo.commit()
    TempRepo(repo.path / "inner").commit({"a": "1\n"})
    seen = uncommitted(repo)
    assert seen.files == ()
    assert seen.notes == ("inner/ is not looked at as it is now: it is a repository of its own",)


def test_a_file_may_become_a_directory_and_the_other_way_round(repo: TempRepo) -> None:
    repo.commit({"f": "1\n", "d/x": "1\n"})
    (repo.path / "f").unlink()
    repo.write("f/inner", "2\n")
    (repo.path / "d/x").unlink()
    (repo.path / "d").rmdir()
    repo.write("d", "3\n")
    assert uncommitted(repo).paths == ("d", "f/inner")


def test_an_unfinished_merge_is_seen_with_its_markers(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.branch("topic")
    repo.commit({"a": "2\n"})
    repo.switch("main")
    repo.commit({"a": "3\n"})
    with pytest.raises(AssertionError):
        repo.git("merge", "topic")
    assert "<<<<<<< HEAD" in uncommitted(repo).texts["a"]


def test_a_file_only_announced_is_seen(repo: TempRepo) -> None:
    repo.commit()
    repo.write("soon", "1\n")
    repo.git("add", "--intent-to-add", "soon")
    assert uncommitted(repo).texts == {"soon": "1\n"}


def test_a_split_index_and_names_of_any_kind_work(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.git("update-index", "--split-index")
    for name in (b"-rf", b"new\nline", b"caf\xe9", b'"q"'):
        repo.write(name, "x\n")
    assert set(kinds(uncommitted(repo))) == {"-rf", "new\nline", "caf\\xe9", '"q"'}


def test_line_ends_follow_the_attributes(repo: TempRepo) -> None:
    repo.commit({".gitattributes": "* text=auto\n", "a": "1\n2\n"})
    repo.write("a", "1\r\n3\r\n")
    assert [line.text for line in uncommitted(repo).files[0].lines] == ["1", "2", "3"]
