"""Objects are asked of one process that stays: it answers rightly, within its limits, and ends with who asks."""

import os
import threading
from pathlib import Path

import pytest

from cicd_agent.adapters.git import process as git_process
from cicd_agent.adapters.git.process import Git, GitFailed, Trees
from cicd_agent.adapters.git.repository import GitRepository
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}
MISSING = "1" * 40


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    made = TempRepo(tmp_path / "repo")
    made.commit({"a": "one\n", "folder/deep/b": "two\n" * 3, "empty": ""})
    return made


def git_of(repo: TempRepo, env: dict[str, str] | None = None) -> Git:
    return Git(repo.path / ".git", env or ENV)


def standing_for(directory: Path, script: str) -> dict[str, str]:
    """An environment in which `git` is this script; in it, `exec git` is the real one."""
    program = directory / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nPATH={ENV['PATH']}\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{ENV['PATH']}"}


def test_ids_are_looked_up_in_order_and_what_is_not_here_is_none(repo: TempRepo) -> None:
    git = git_of(repo)
    blob = repo.git("rev-parse", "HEAD:a")
    names = [MISSING, blob, f"{repo.head}^{{tree}}", f"{blob}^{{commit}}"] * 60
    tree = repo.git("rev-parse", "HEAD^{tree}")
    assert [found and found[:2] for found in git.heads(names)] == [None, (blob, "blob"), (tree, "tree"), None] * 60
    assert git.heads([]) == []
    assert git.content(MISSING, 10) is None
    assert git.content(blob, 4) == b"one\n"


def test_what_is_over_the_limit_is_refused_and_the_next_question_answered(repo: TempRepo) -> None:
    git = git_of(repo)
    long, empty = repo.git("rev-parse", "HEAD:folder/deep/b"), repo.git("rev-parse", "HEAD:empty")
    with pytest.raises(GitFailed, match="more than 0 MB"):
        git.content(long, 11)
    assert git.content(long, 12) == b"two\n" * 3
    assert git.content(empty, 0) == b""


def test_contents_of_a_megabyte_and_what_comes_later_are_found(repo: TempRepo) -> None:
    git = git_of(repo)
    assert git.heads([MISSING]) == [None]
    large = os.urandom(1_500_000)
    repo.write("large", large)
    id_ = repo.git("hash-object", "-w", "large")
    assert git.heads([id_]) == [(id_, "blob", len(large))]
    assert git.content(id_, len(large)) == large


def test_threads_get_their_own_answers(repo: TempRepo) -> None:
    git = git_of(repo)
    contents = {repo.git("rev-parse", f"HEAD:{name}"): text for name, text in (("a", b"one\n"), ("empty", b""))}
    wrong: list[str] = []

    def ask(id_: str) -> None:
        wrong.extend(id_ for _ in range(50) if git.content(id_, 100) != contents[id_])

    threads = [threading.Thread(target=ask, args=(id_,)) for id_ in contents for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_process_that_dies_is_told_and_replaced(repo: TempRepo, tmp_path: Path) -> None:
    script = f'if mkdir "{tmp_path}/died"; then echo "fatal: out of luck" >&2; exit 3; fi; exec git "$@"'
    git = git_of(repo, standing_for(tmp_path, script))
    with pytest.raises(GitFailed, match="out of luck") as failed:
        git.heads([repo.head])
    assert failed.value.code == 3
    assert git.heads([repo.head]) != [None]


def test_one_that_never_answers_is_ended(repo: TempRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_process, "SECONDS", 0.2)
    git = git_of(repo, standing_for(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 600"))
    with pytest.raises(GitFailed, match=r"took longer than 0\.2 s"):
        git.heads([repo.head])
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_process_is_gone_with_who_asked(repo: TempRepo, tmp_path: Path) -> None:
    git = git_of(repo, standing_for(tmp_path, f'echo $$ >>{tmp_path}/pids; exec git "$@"'))
    assert git.content(f"{repo.head}^{{tree}}", 1_000) is not None
    assert git.heads([repo.head]) != [None]
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    os.kill(pids[0], 0)
    del git
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_file_is_found_by_its_directories(repo: TempRepo) -> None:
    (repo.path / "link").symlink_to("folder")
    head = repo.commit({"folder/x.py": "x\n"})
    trees = Trees(git_of(repo))
    assert trees.find(head, b"folder/deep/b") == (b"100644", repo.git("rev-parse", "HEAD:folder/deep/b"))
    assert trees.find(head, b"link") == (b"120000", repo.git("rev-parse", "HEAD:link"))
    assert trees.find(head, b"folder") == (b"40000", repo.git("rev-parse", "HEAD:folder"))
    for absent in (b"", b"/a", b"a/", b"./a", b"folder//x.py", b"a/b", b"link/x.py", b"folder/../a", b"A", b"*"):
        assert trees.find(head, absent) is None, absent
    assert trees.find(MISSING, b"a") is None


def test_a_change_takes_few_processes_however_much_is_asked_of_it(repo: TempRepo, tmp_path: Path) -> None:
    base = repo.head
    head = repo.commit({f"folder/{number}.py": "x\n" for number in range(60)})
    env = standing_for(tmp_path, f'echo "$1" >>{tmp_path}/started; exec git "$@"')
    repository = GitRepository(repo.path, env)
    assert repository.ensure([base, head]) == ""
    assert len(repository.change(base, head).texts) == 60
    assert [repository.blob(head, f"folder/{number}.py") for number in range(60)] == [b"x\n"] * 60
    assert sorted((tmp_path / "started").read_text().split()) == [
        *("cat-file", "cat-file", "diff", "diff", "diff-tree", "log", "ls-tree", "merge-base", "rev-parse"),
    ]
