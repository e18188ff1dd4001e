import json
import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git import diff as git_diff
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.errors import ConfigError
from tests.support.repos import WHO, TempRepo

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


def opened(repo: TempRepo) -> GitRepository:
    return GitRepository(repo.path, ENV)


def change(repo: TempRepo, base: str, head: str = "HEAD") -> Change:
    return opened(repo).change(base, head)


def by_path(seen: Change) -> dict[str, FileDiff]:
    return {file.path: file for file in seen.files}


def test_a_change_goes_from_the_merge_base_to_the_head(repo: TempRepo) -> None:
    start = repo.commit({"a": "1\n"})
    repo.branch("topic")
    head = repo.commit({"b": "new\n"}, "Add b\n\nBecause.")
    repo.switch("main")
    base = repo.commit({"a": "moved on\n"})
    seen = change(repo, base, head)
    assert (seen.base, seen.head, seen.source) == (start, head, ChangeSource.GIT)
    assert [file.path for file in seen.files] == ["b"]
    (commit,) = seen.commits
    assert (commit.sha, commit.subject, commit.body, commit.author) == (head, "Add b", "Because.", WHO)
    assert commit.when > 1_700_000_000
    assert seen.paths == ("a", "b")
    assert seen.notes == ()


def test_the_working_tree_does_not_matter_to_a_change_of_commits(repo: TempRepo) -> None:
    base = repo.commit({"a": "1\n"})
    repo.branch("topic")
    head = repo.commit({"a": "2\n"})
    repo.switch("main")
    repo.commit({"b": "b\n"})
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    repo.write("a", "not this\n")
    seen = change(repo, base, head)
    assert seen.texts == {"a": "2\n"}
    assert seen.paths == ("a",)


def test_renames_modes_deletions_and_empty_files_are_told_apart(repo: TempRepo) -> None:
    body = "".join(f"line {number}\n" for number in range(20))
    base = repo.commit({"old": body, "gone": "x\n", "run.sh": "#!\n"})
    repo.git("mv", "old", "new")
    repo.write("new", body + "more\n")
    repo.git("rm", "--quiet", "gone")
    (repo.path / "run.sh").chmod(0o755)
    seen = by_path(change(repo, base, repo.commit({"void": ""})))
    assert (seen["new"].kind, seen["new"].old_path) == (ChangeKind.RENAMED, "old")
    assert [line.text for line in seen["new"].added] == ["more"]
    assert seen["gone"].kind is ChangeKind.DELETED
    assert (seen["run.sh"].old_mode, seen["run.sh"].new_mode, seen["run.sh"].hunks) == ("100644", "100755", ())
    assert (seen["void"].kind, seen["void"].hunks, seen["void"].omitted) == (ChangeKind.ADDED, (), "")


def test_texts_are_read_on_both_sides_under_their_own_names(repo: TempRepo) -> None:
    body = "".join(f"line {number}\n" for number in range(20))
    base = repo.commit({"old": body, "gone": "x\n"})
    repo.git("mv", "old", "new")
    repo.git("rm", "--quiet", "gone")
    seen = change(repo, base, repo.commit({"new": body + "more\n"}))
    assert seen.texts == {"new": body + "more\n"}
    assert seen.old_texts == {"old": body, "gone": "x\n"}


def test_binary_files_are_named_and_not_read(repo: TempRepo) -> None:
    base = repo.commit({"logo": b"\x00\x01"})
    seen = change(repo, base, repo.commit({"logo": b"\x00\x02"}))
    assert (seen.files[0].binary, seen.files[0].omitted) == (True, "binary")
    assert (seen.texts, seen.old_texts) == ({}, {})


def test_carriage_returns_and_a_missing_last_newline_survive(repo: TempRepo) -> None:
    base = repo.commit({"a": "x\r\ny"})
    seen = change(repo, base, repo.commit({"a": "x\r\nz\r\n"}))
    assert [(line.text, line.no_newline) for line in seen.files[0].lines] == [
        ("x\r", False),
        ("y", True),
        ("z\r", False),
    ]
    assert seen.texts["a"] == "x\r\nz\r\n"


def test_content_that_is_not_utf8_is_replaced_and_noted(repo: TempRepo) -> None:
    base = repo.commit()
    seen = change(repo, base, repo.commit({"latin": b"caf\xe9\n", "real": "\ufffd\n"}))
    assert seen.texts == {"latin": "caf\ufffd\n", "real": "\ufffd\n"}
    assert next(seen.files[0].added).text == "caf\ufffd"
    assert seen.notes == ("not UTF-8, bytes replaced: latin",)


def test_strange_names_arrive_and_fit_into_json(repo: TempRepo) -> None:
    base = repo.commit()
    names = [b"-rf", b"new\nline", 'ä "q"\t'.encode(), b"caf\xe9", b" b/x y", b":(glob)*", b"dir/--output=x"]
    for name in names:
        repo.write(name, "x\n")
    seen = change(repo, base, repo.commit())
    shown = {"-rf", "new\nline", 'ä "q"\t', "caf\\xe9", " b/x y", ":(glob)*", "dir/--output=x"}
    assert set(by_path(seen)) == set(seen.texts) == set(seen.paths) == shown
    assert all(len(file.hunks) == 1 for file in seen.files)
    json.dumps(seen.paths, ensure_ascii=False).encode()


def test_a_submodule_shows_the_commits_it_moves_between(repo: TempRepo) -> None:
    base = repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.git("commit", "--quiet", "-m", "sub")
    seen = change(repo, base)
    assert seen.files[0].is_submodule
    assert next(seen.files[0].added).text == f"Subproject commit {'1' * 40}"
    assert seen.texts == {}


def test_a_file_that_becomes_a_link_goes_and_comes(repo: TempRepo) -> None:
    base = repo.commit({"a": "text\n", "z": "1\n"})
    (repo.path / "a").unlink()
    (repo.path / "a").symlink_to("/proc/self/environ")
    seen = change(repo, base, repo.commit({"z": "2\n"}))
    assert [(file.path, file.kind, file.new_mode) for file in seen.files] == [
        ("a", ChangeKind.DELETED, ""),
        ("a", ChangeKind.ADDED, "120000"),
        ("z", ChangeKind.MODIFIED, "100644"),
    ]
    assert next(seen.files[1].added).text == "/proc/self/environ"
    assert seen.texts == {"z": "2\n"}


def test_attributes_are_those_of_the_base(repo: TempRepo) -> None:
    base = repo.commit(
        {
            ".gitattributes": "*.lock linguist-generated\nvendor/** linguist-vendored=true\n*.js -diff\n*.bin binary\n",
            "sub/.gitattributes": "own.lock linguist-generated=false\n",
            "kept/a.py": "a = 1\n" * 9,
        }
    )
    (repo.path / "kept/a.py").rename(repo.path / "moved.py")
    head = repo.commit(
        {
            ".gitattributes": "evil.py linguist-generated\nevil.py -diff\n",
            "a.lock": "x\n",
            "sub/own.lock": "x\n",
            "vendor/b.c": "x\n",
            "c.min.js": "x\n",
            "d.bin": "text all the same\n",
            "evil.py": "x\n",
        }
    )
    seen = by_path(change(repo, base, head))
    assert seen["a.lock"].attributes == ("linguist-generated",)
    assert seen["sub/own.lock"].attributes == ()
    assert seen["vendor/b.c"].attributes == ("linguist-vendored",)
    assert seen["c.min.js"].attributes == ("-diff",)
    assert seen["evil.py"].attributes == ()
    assert all(seen[name].hunks for name in ("c.min.js", "d.bin", "evil.py"))


def test_moving_a_file_among_vendored_ones_does_not_hide_it(repo: TempRepo) -> None:
    base = repo.commit({".gitattributes": "vendor/** linguist-vendored\n", "a.py": "a = 1\n" * 9})
    (repo.path / "vendor").mkdir()
    (repo.path / "a.py").rename(repo.path / "vendor/a.py")
    seen = change(repo, base, repo.commit())
    assert (seen.files[0].kind, seen.files[0].attributes) == (ChangeKind.RENAMED, ())


def test_of_several_merge_bases_the_first_is_taken_and_noted(repo: TempRepo) -> None:
    root = repo.commit({"a": "1\n"})
    left = repo.commit({"l": "1\n"})
    repo.branch("other", root)
    right = repo.commit({"r": "1\n"})
    repo.git("merge", "--quiet", "-m", "one", left)
    repo.switch("main")
    repo.git("merge", "--quiet", "-m", "two", right)
    seen = change(repo, "main", "other")
    assert seen.base in {left, right}
    assert seen.notes == (f"2 merge bases; compared with {seen.base[:12]}",)


def test_unrelated_histories_are_a_clear_error(repo: TempRepo) -> None:
    repo.commit({"a": "1\n"})
    repo.git("checkout", "--quiet", "--orphan", "island")
    repo.commit({"b": "1\n"})
    with pytest.raises(ConfigError, match=r"no common ancestor\. Compare with a branch"):
        change(repo, "main", "island")


def test_a_long_list_of_commits_is_cut_with_a_note(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_diff, "COMMITS", 2)
    base = repo.commit()
    for number in range(3):
        repo.commit(message=f"number {number}")
    seen = change(repo, base)
    assert [commit.subject for commit in seen.commits] == ["number 2", "number 1"]
    assert seen.notes == ("commit list cut at 2",)


def test_a_long_list_of_paths_is_cut_with_a_note(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_diff, "PATHS", 2)
    base = repo.commit()
    seen = change(repo, base, repo.commit(dict.fromkeys("abc", "x\n")))
    assert seen.paths == ("a", "b")
    assert seen.notes == ("path list cut at 2",)


def test_a_diff_over_a_megabyte_is_left_out_with_a_note(repo: TempRepo) -> None:
    base = repo.commit()
    seen = change(repo, base, repo.commit({"big": "x" * 1_100_000 + "\n", "small": "x\n"}))
    files = by_path(seen)
    assert (files["big"].omitted, files["big"].hunks, files["small"].omitted) == ("too large", (), "")
    assert seen.texts == {"small": "x\n"}
    assert seen.notes == (
        "diff left out as too large: big",
        "not read in full (over 1 MB, or 20 MB in all): big",
    )


def test_a_file_too_large_for_git_to_look_at_is_too_large_not_binary(repo: TempRepo) -> None:
    base = repo.commit()
    head = repo.commit({"huge": b"text\n" * 5_000_000})
    seen = change(repo, base, head)
    assert seen.files[0].omitted == "too large"
    assert opened(repo).blob(head, "huge") is None


def test_when_the_whole_is_too_heavy_the_largest_files_give_way(
    repo: TempRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_diff, "WEIGHT", 60_000)
    base = repo.commit()
    contents = {"a": "x\n" * 200, "b": "x\n", "c": "x\n" * 190, "d": "x\n"}
    seen = by_path(change(repo, base, repo.commit(contents)))
    assert {name: file.omitted for name, file in seen.items()} == {"a": "too large", "b": "", "c": "", "d": ""}


def test_when_the_texts_are_too_many_the_smallest_are_read(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_diff, "TEXTS", 10)
    base = repo.commit()
    seen = change(repo, base, repo.commit({"a": "x" * 9 + "\n", "b": "b\n", "c": "c\n"}))
    assert set(seen.texts) == {"b", "c"}
    assert "not read in full" in seen.notes[0]


def test_no_difference_is_an_empty_change(repo: TempRepo) -> None:
    head = repo.commit({"a": "1\n"})
    seen = change(repo, head, head)
    assert (seen.files, seen.commits, seen.texts, seen.paths) == ((), (), {}, ("a",))


def test_what_a_commit_changes_is_told_by_itself_and_nothing_of_a_merge(repo: TempRepo) -> None:
    first = repo.commit({"a": "one\ntwo\n"})
    second = repo.commit({"a": "two\n"})
    repo.git("checkout", "--quiet", "-b", "side", first)
    repo.commit({"b": "x\n"})
    repo.git("merge", "--quiet", "--no-edit", second)
    git = opened(repo)
    [file] = git.commit_files(second)
    assert [line.text for line in file.deleted] == ["one"]
    assert git.commit_files(first) == git.commit_files("HEAD") == ()
    with pytest.raises(ConfigError, match="names no commit"):
        git.commit_files("0" * 40)
