"""The library of a real repository: one commit's files, whatever the commit, the checkout and the patterns are like."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.adapters.git import diff as git_diff
from cicd_agent.adapters.git import library as git_lookup
from cicd_agent.adapters.git.library import GitLibrary
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.library import BadPattern, Entry, EntryKind, Match, Unreadable
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


def opened(repo: TempRepo, base: str = "HEAD~1", head: str = "HEAD") -> GitLibrary:
    repository = GitRepository(repo.path, ENV)
    return repository.library(repository.change(base, head))


def files(library: GitLibrary, *paths: str) -> list[Entry]:
    return [library.entries[path] for path in paths or library.entries]


def forged_blob(repo: TempRepo, size: int, content: bytes = b"hush\n") -> str:
    """An object that says it has this size: what a blob of 2 GB looks like before anybody reads it."""
    id_ = f"{size:040x}"
    path = repo.path / ".git/objects" / id_[:2] / id_[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(b"blob %d\0" % size + content))
    return id_


def commit_of(repo: TempRepo, *rows: str) -> str:
    """A commit of a tree with these rows, as `git mktree` reads them."""
    tree = repo.run("mktree", "-z", "--missing", stdin="".join(f"{row}\0" for row in rows).encode()).decode().strip()
    return repo.git("commit-tree", tree, "-p", "HEAD", "-m", "made by hand")


def test_files_links_and_submodules_are_told_apart(repo: TempRepo) -> None:
    repo.commit({"a/b.txt": "one\n"})
    (repo.path / "link").symlink_to("/etc/passwd")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.git("add", "link")
    repo.git("commit", "--quiet", "-m", "more")
    library = opened(repo)
    assert [(entry.path, entry.kind, entry.size) for entry in files(library)] == [
        ("a/b.txt", EntryKind.FILE, 4),
        ("link", EntryKind.LINK, 11),
        ("sub", EntryKind.SUBMODULE, -1),
    ]
    assert library.contents(files(library, "link", "a/b.txt")) == (b"/etc/passwd", b"one\n")
    assert library.search("o", files(library), 9).found == (Match("a/b.txt", 1, "one"),)


def test_the_commit_is_read_and_not_the_working_tree_or_another_commit(repo: TempRepo) -> None:
    repo.commit({"a": "first\n"})
    repo.commit({"a": "second\n"})
    repo.commit({"a": "third\n", "later": "third\n"})
    repo.write("a", "uncommitted\n")
    library = opened(repo, "HEAD~2", "HEAD~1")
    assert list(library.entries) == ["a"]
    assert library.contents(files(library)) == (b"second\n",)
    assert [match.text for match in library.search(".+", files(library), 9).found] == ["second"]
    assert [commit.subject for commit in library.history("a", 9)] == ["change", "change"]
    assert library.history("later", 9) == ()


def test_a_search_knows_perl_and_stops_at_its_limit(repo: TempRepo) -> None:
    repo.commit()
    repo.commit({"a": "aa\nbb\nab1\n", "b": "ab2\n", "-c": "ab3\n", "bin": b"ab4\0"})
    library = opened(repo)
    found = library.search(r"(?<=a)b\d", files(library, "b", "a", "-c", "bin"), 9)
    assert found.found == (Match("b", 1, "ab2"), Match("a", 3, "ab1"), Match("-c", 1, "ab3"))
    assert not found.more
    assert library.search("b", files(library), 2).more
    assert library.search("nothing", files(library), 9).found == ()
    assert library.search("b", [], 9).found == ()


def test_a_word_is_a_word_and_no_expression(repo: TempRepo) -> None:
    repo.commit()
    repo.commit({"a": "user\nusers\nuse_r\nu.er\n"})
    library = opened(repo)
    assert [match.line for match in library.search("user", files(library), 9, word=True).found] == [1]
    assert [match.line for match in library.search("u.er", files(library), 9, word=True).found] == [4]


@pytest.mark.parametrize("pattern", ["(", "[", "(?P<x", "a{5000000}", "(?R)"])
def test_a_pattern_that_does_not_compile_is_a_bad_one(repo: TempRepo, pattern: str) -> None:
    repo.commit()
    repo.commit({"a": "a\n"})
    library = opened(repo)
    with pytest.raises(BadPattern):
        library.search(pattern, files(library), 9)


@pytest.mark.parametrize("pattern", ["--open-files-in-pager=touch trapped", "-f/etc/passwd", "-O", "--", ":(attr:x)"])
def test_a_pattern_is_never_an_option(repo: TempRepo, pattern: str) -> None:
    repo.commit()
    repo.commit({"a": f"x {pattern} x\n"})
    library = opened(repo)
    assert [
        match.path for match in library.search(pattern.replace("(", r"\(").replace(")", r"\)"), files(library), 9).found
    ]
    assert not (repo.path / "trapped").exists()


def test_a_catastrophic_pattern_is_given_up(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_lookup, "SEARCH_SECONDS", 0.3)
    repo.commit()
    repo.commit({"a": f"{'a' * 80}\n" * 50_000, "b": "a" * 5_000 + "!\n"})
    library = opened(repo)
    with pytest.raises(BadPattern, match=r"took longer than 0\.3 s"):
        library.search(r"a*a*a*a*b|[a-z]*a[a-z]*a[a-z]*a[a-z]*b", files(library, "a"), 9)
    with pytest.raises(BadPattern, match="limit"):
        library.search(r"(?:a|a)*(?:a|a)*b|(a+)+\1c", files(library, "b"), 9)


def test_what_was_found_before_the_time_was_over_is_kept(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_lookup, "SEARCH_SECONDS", 0.5)
    repo.commit()
    lines = "b\n" * 5_000
    repo.commit({"a": lines, "z": f"{'a' * 80}\n" * 200_000})
    library = opened(repo)
    found = library.search(r"^b|[a-z]*a[a-z]*a[a-z]*a[a-z]*b", files(library), 100_000)
    assert found.found
    assert (found.more, found.note) == (True, "stopped after 0.5 s")


def test_without_perl_expressions_the_pattern_is_plain_text_and_that_is_told(repo: TempRepo, tmp_path: Path) -> None:
    repo.commit()
    repo.commit({"a": "f(x)\nfx\n"})
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    refusal = "fatal: cannot use Perl-compatible regexes when not compiled with USE_LIBPCRE"
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" -P "*) echo "{refusal}" >&2; exit 128;; esac\nPATH={ENV["PATH"]} exec git "$@"\n'
    )
    wrapper.chmod(0o755)
    repository = GitRepository(repo.path, {"PATH": f"{wrapper.parent}:{ENV['PATH']}"})
    library = repository.library(repository.change("HEAD~1", "HEAD"))
    found = library.search("f(x)", files(library), 9)
    assert found.found == (Match("a", 1, "f(x)"),)
    assert "plain text" in found.note


def test_a_long_line_is_kept_as_its_beginning(repo: TempRepo) -> None:
    repo.commit()
    repo.commit({"a": "x" * 3_000_000 + "\nnext x\n"})
    found = opened(repo).search("x", files(opened(repo)), 9).found
    assert [(match.line, len(match.text)) for match in found] == [(1, found[0].text.count("x")), (2, 6)]
    assert len(found[0].text) < 2_000


def test_a_huge_blob_is_listed_by_its_size_and_never_read(repo: TempRepo) -> None:
    repo.commit({"a": "hush\n"})
    small = repo.git("rev-parse", "HEAD:a")
    head = commit_of(repo, f"100644 blob {forged_blob(repo, 2 << 30)}\thuge", f"100644 blob {small}\tsmall")
    library = GitRepository(repo.path, ENV).library(
        Change("", head, GitRepository(repo.path, ENV).change("HEAD", "HEAD").source, ())
    )
    assert library.entries["huge"].size == 2 << 30
    assert [match.path for match in library.search("hush", files(library, "small"), 9).found] == ["small"]


def test_an_old_version_that_is_huge_is_not_held_in_memory(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_lookup, "MEMORY", "1m")
    repo.commit({"a": "x\n" * 2_000_000})
    repo.commit({"a": "small\nx\n"})
    library = opened(repo)
    assert len(library.history("a", 9)) == 2
    with pytest.raises(Unreadable, match="over limit"):
        library.blame("a", 1, 2)


def test_names_that_no_checkout_could_hold_are_only_names(repo: TempRepo) -> None:
    repo.commit({"a": "hush\n"})
    id_ = repo.git("rev-parse", "HEAD:a")
    names = ["..", "-rf", ".git", "a\nb", "a\tb", "::error::x", ":(top)x", "*", "x" * 3_000]
    repository = GitRepository(repo.path, ENV)
    head = commit_of(repo, *(f"100644 blob {id_}\t{name}" for name in sorted(names)))
    library = repository.library(Change("", head, repository.change("HEAD", "HEAD").source, ()))
    assert set(library.entries) == set(names)
    assert {match.path for match in library.search("hush", files(library), 99).found} == set(names)
    for name in names:
        assert library.contents(files(library, name)) == (b"hush\n",)
    with pytest.raises(Unreadable, match="outside repository"):
        library.history("..", 3)
    for name in names[1:]:
        assert [commit.subject for commit in library.history(name, 3)] == ["made by hand"]
        assert [line.text for line in library.blame(name, 1, 1)] == ["hush"]


def test_a_name_that_is_not_utf8_is_readable_under_the_name_that_is_shown(repo: TempRepo) -> None:
    repo.commit()
    repo.commit({b"caf\xe9".decode(errors="surrogateescape"): "hush\n"})
    library = opened(repo)
    assert library.contents(files(library, r"caf\xe9")) == (b"hush\n",)
    assert library.history(r"caf\xe9", 3) == ()
    with pytest.raises(Unreadable):
        library.blame(r"caf\xe9", 1, 1)


def test_a_tree_without_an_end_is_listed_up_to_a_limit(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The "git bomb": ten folders in ten folders, each level one object only."""
    monkeypatch.setattr(git_lookup, "PATHS", 500)
    monkeypatch.setattr(git_diff, "PATHS", 500)
    repo.commit({"a": "x\n"})
    row = f"100644 blob {repo.git('rev-parse', 'HEAD:a')}"
    tree = ""
    for _ in range(12):
        rows = "".join(f"{row}\td{number}\0" for number in range(10))
        tree = repo.run("mktree", "-z", stdin=rows.encode()).decode().strip()
        row = f"040000 tree {tree}"
    head = repo.git("commit-tree", tree, "-m", "bomb")
    repository = GitRepository(repo.path, ENV)
    library = repository.library(Change("", head, repository.change("HEAD", "HEAD").source, ()))
    assert len(library.entries) >= 500
    assert len(library.entries) < 10_000
    assert "only the first 500 files are known" in library.limits


def test_blame_names_who_wrote_each_line(repo: TempRepo) -> None:
    first = repo.commit({"a": "one\ntwo\nthree\n"}, "start")
    second = repo.commit({"a": "one\n2\n\tthree\n"}, "change two")
    blamed = opened(repo).blame("a", 1, 3)
    assert [(line.line, line.text, line.sha, line.subject) for line in blamed] == [
        (1, "one", first, "start"),
        (2, "2", second, "change two"),
        (3, "\tthree", second, "change two"),
    ]
    assert {line.when for line in blamed} == {1_700_000_001, 1_700_000_002}
    with pytest.raises(Unreadable):
        opened(repo).blame("a", 7, 9)


def test_a_shallow_clone_says_that_its_history_ends_early(repo: TempRepo, tmp_path: Path) -> None:
    for number in range(3):
        repo.commit({"a": f"{number}\n"})
    repo.git("clone", "--quiet", "--depth=2", repo.path.as_uri(), str(tmp_path / "shallow"))
    library = opened(TempRepo(tmp_path / "shallow"))
    assert len(library.history("a", 9)) == 2
    assert library.limits == ["the clone is shallow, so that history ends early"]


def test_what_a_partial_clone_lacks_is_not_fetched(repo: TempRepo, tmp_path: Path) -> None:
    repo.commit({"a": "hush\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "--quiet", "--bare", "--filter=blob:none", repo.path.as_uri(), str(tmp_path / "part/.git"))
    clone = TempRepo(tmp_path / "part")
    clone.git("config", "core.bare", "false")
    repository = GitRepository(clone.path, ENV)
    source = repository.change("HEAD", "HEAD").source
    library = repository.library(Change("", repo.head, source, ()))
    assert library.entries["a"].size == -1
    assert library.search("hush", files(library), 9).found == ()
    with pytest.raises(Unreadable, match="not in this clone"):
        library.contents(files(library))
    with pytest.raises(Unreadable):
        library.blame("a", 1, 1)


def test_uncommitted_work_is_read_as_it_was_when_the_change_was_read(repo: TempRepo) -> None:
    repo.commit({"a": "one\n", ".gitignore": "ignored\n"}, "start")
    repo.write("a", "one\nmine\n")
    repo.write("new", "mine\n")
    repo.write("ignored", "mine\n")
    os.mkfifo(repo.path / "pipe")
    (repo.path / "link").symlink_to("/etc/passwd")
    with (repo.path / "sparse").open("wb") as sparse:
        sparse.truncate(2 << 30)
    repository = GitRepository(repo.path, ENV)
    change = repository.uncommitted("HEAD")
    library = repository.library(change)
    assert list(library.entries) == [".gitignore", "a", "link", "new"]
    assert {match.path for match in library.search("mine", files(library), 9).found} == {"a", "new"}
    assert [(line.author, line.when) for line in library.blame("a", 1, 2)] == [
        ("author", 1_700_000_001),
        ("not committed yet", 0),
    ]
    assert [commit.subject for commit in library.history("a", 9)] == ["uncommitted work", "start"]


@pytest.mark.parametrize(
    "alter",
    [
        lambda path: (path / "a").write_text("another\n"),
        lambda path: (path / "a").unlink(),
        lambda path: (path / "b").write_text("another\n"),
    ],
)
def test_uncommitted_work_that_went_on_is_refused(repo: TempRepo, alter: Callable[[Path], object]) -> None:
    repo.commit({"a": "one\n"})
    repo.write("a", "two\n")
    repository = GitRepository(repo.path, ENV)
    change = repository.uncommitted("HEAD")
    alter(repo.path)
    with pytest.raises(ConfigError, match="the working tree has changed since it was read"):
        repository.library(change)


def test_a_change_cannot_name_the_tree_that_is_read(repo: TempRepo) -> None:
    repo.commit({"secret": "hush\n"})
    other = repo.git("rev-parse", "HEAD^{tree}")
    repo.git("rm", "--quiet", "secret")
    repo.commit({"a": "one\n"})
    repository = GitRepository(repo.path, ENV)
    change = repository.uncommitted("HEAD")
    forged = Change(change.base, "", change.source, (), tree=other)
    with pytest.raises(ConfigError):
        repository.library(forged)


def test_a_change_of_a_commit_that_is_not_here_has_no_library(repo: TempRepo) -> None:
    repo.commit()
    repository = GitRepository(repo.path, ENV)
    source = repository.change("HEAD", "HEAD").source
    for head in ("1" * 40, "", "--all", "HEAD\n"):
        with pytest.raises(ConfigError):
            repository.library(Change("", head, source, ()))
