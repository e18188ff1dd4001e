"""A checkout whose own configuration, attributes and hooks name programs: none of them may run."""

import os
from pathlib import Path

import pytest

from cicd_agent.adapters.git import process as git_process
from cicd_agent.adapters.git.process import Git, GitFailed
from cicd_agent.adapters.git.repository import GitRepository
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}
BODY = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    return TempRepo(tmp_path / "repo")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    return tmp_path / "trapped"


def build(repo: TempRepo) -> tuple[str, str]:
    base = repo.commit({"a.txt": BODY, "b.dat": "1\n", "é": "1\n"})
    repo.git("mv", "a.txt", "z.txt")
    head = repo.commit({"z.txt": BODY.replace("line 5\n", "line five\n"), "b.dat": "2\n", "é": "2\n"})
    return base, head


def plant(repo: TempRepo, trap: Path) -> None:
    """Everything that makes git run a program or print something else, in every place that belongs to the checkout."""
    script = repo.path / ".git" / "evil.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {trap}\ncat\n')
    script.chmod(0o755)
    command = str(script)
    for key, value in {
        "core.fsmonitor": command,
        "core.pager": command,
        "core.editor": command,
        "core.sshCommand": command,
        "core.askPass": command,
        "core.gitProxy": command,
        "core.alternateRefsCommand": command,
        "core.hooksPath": str(repo.path / ".git" / "planted"),
        "core.attributesFile": str(repo.path / ".git" / "attributes-file"),
        "credential.helper": f"!{command}",
        "diff.external": command,
        "diff.evil.command": command,
        "diff.evil.textconv": command,
        "diff.evil.binary": "true",
        "filter.evil.clean": command,
        "filter.evil.smudge": command,
        "filter.evil.process": command,
        "filter.evil.required": "true",
        "gpg.program": command,
        "log.showSignature": "true",
        "pager.diff": command,
        "pager.log": command,
        "alias.diff": f"!{command}",
        "alias.cat-file": f"!{command}",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.renames": "false",
        "diff.algorithm": "patience",
        "diff.context": "0",
        "diff.interHunkContext": "9",
        "diff.submodule": "log",
        "diff.ignoreSubmodules": "all",
        "diff.orderFile": str(repo.path / ".git" / "order"),
        "diff.relative": "true",
        "diff.suppressBlankEmpty": "true",
        "diff.wsErrorHighlight": "all",
        "color.ui": "always",
        "core.quotePath": "false",
        "core.bigFileThreshold": "1",
        "log.mailmap": "true",
        "i18n.logOutputEncoding": "latin1",
        "uploadpack.packObjectsHook": command,
        "remote.origin.url": f"ext::{command}",
        "remote.origin.uploadpack": command,
        "remote.origin.vcs": "evil",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "include.path": "/nonexistent/config",
    }.items():
        repo.git("config", key, value)
    repo.git("config", "core.repositoryFormatVersion", "1")
    for place in ("hooks", "planted"):
        for hook in (
            "post-index-change",
            "reference-transaction",
            "post-checkout",
            "pre-auto-gc",
            "fsmonitor-watchman",
        ):
            path = repo.path / ".git" / place / hook
            path.parent.mkdir(exist_ok=True)
            path.write_text(script.read_text())
            path.chmod(0o755)
    lines = "* diff=evil filter=evil\n*.txt -diff\n*.dat binary linguist-generated\n"
    for name in (".git/info/attributes", ".git/attributes-file", ".gitattributes"):
        repo.write(name, lines)
    repo.write(".git/order", "z*\n")


def test_nothing_planted_runs_or_changes_what_is_read(repo: TempRepo, trap: Path) -> None:
    base, head = build(repo)
    before = GitRepository(repo.path, ENV).change(base, head)
    assert before.files[1].old_path == "a.txt"
    plant(repo, trap)
    repository = GitRepository(repo.path, ENV)
    assert repository.change(base, head) == before
    assert repository.resolve("main") == head
    assert repository.resolve("1" * 40) is None
    assert repository.blob(head, "b.dat") == b"2\n"
    assert not trap.exists()


def test_nothing_planted_runs_when_the_working_tree_is_read(repo: TempRepo, trap: Path) -> None:
    base, _ = build(repo)
    plant(repo, trap)
    repo.write("b.dat", "3\n")
    repo.write("new.txt", "text\n")
    seen = GitRepository(repo.path, ENV).uncommitted(base)
    assert seen.texts["b.dat"] == "3\n"
    assert [line.text for file in seen.files if file.path == "new.txt" for line in file.added] == ["text"]
    assert all(file.attributes == () for file in seen.files)
    assert not trap.exists()


def test_nothing_planted_runs_when_history_is_to_be_fetched(repo: TempRepo, trap: Path) -> None:
    build(repo)
    plant(repo, trap)
    reason = GitRepository(repo.path, ENV).ensure(["1" * 40], "token")
    assert "transport 'ext' not allowed" in reason
    assert not trap.exists()


def test_a_partial_clone_fetches_nothing_on_its_own(repo: TempRepo, trap: Path, tmp_path: Path) -> None:
    build(repo)
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    repo.git("clone", "--quiet", "--bare", "--filter=blob:none", repo.path.as_uri(), str(partial / ".git"))
    clone = TempRepo(partial)
    clone.git("config", "core.bare", "false")
    plant(clone, trap)
    repository = GitRepository(partial, ENV)
    assert repository.resolve("2" * 40) is None
    with pytest.raises(GitFailed, match="git diff failed"):
        repository.change("main~1", "main")
    assert not trap.exists()


def test_children_inherit_nothing_but_what_they_need(repo: TempRepo, tmp_path: Path) -> None:
    base, head = build(repo)
    log = tmp_path / "log"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nenv >> {log}\nPATH={ENV["PATH"]} exec git "$@"\n')
    wrapper.chmod(0o755)
    env = {
        "PATH": f"{wrapper.parent}:{ENV['PATH']}",
        "https_proxy": "http://proxy.example",
        "INPUT_GITHUB_TOKEN": "hush",
        "OPENAI_API_KEY": "hush",
        "LD_PRELOAD": "/hush.so",
        "GIT_EXTERNAL_DIFF": "hush",
        "GIT_SSH_COMMAND": "hush",
        "GIT_CONFIG_PARAMETERS": "'hush.hush'='hush'",
        "GIT_TRACE": "/hush",
    }
    repository = GitRepository(repo.path, env)
    repository.change(base, head)
    repository.uncommitted(base)
    seen = log.read_text()
    assert "hush" not in seen
    assert "https_proxy=http://proxy.example" in seen
    names = {line.partition("=")[0] for line in seen.splitlines()}
    ours = {name for name in names if name.startswith("GIT_")}
    assert "OLDPWD" not in names
    assert ours == {
        "GIT_ALLOW_PROTOCOL",
        "GIT_ATTR_NOSYSTEM",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NO_LAZY_FETCH",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OPTIONAL_LOCKS",
        "GIT_TERMINAL_PROMPT",
        "GIT_WORK_TREE",
    }


def test_a_configuration_that_never_ends_is_cut_short(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_process, "SECONDS", 0.2)
    repo.commit()
    os.mkfifo(repo.path / "endless")
    repo.git("config", "include.path", str(repo.path / "endless"))
    with pytest.raises(GitFailed, match="took longer"):
        GitRepository(repo.path, ENV)


def test_replaced_objects_do_not_show(repo: TempRepo) -> None:
    base, head = build(repo)
    honest = GitRepository(repo.path, ENV).change(base, head)
    repo.git("replace", repo.git("rev-parse", f"{head}:b.dat"), repo.git("rev-parse", f"{base}:b.dat"))
    assert GitRepository(repo.path, ENV).change(base, head) == honest


def test_a_process_that_takes_too_long_is_killed_with_its_children(repo: TempRepo) -> None:
    repo.commit()
    git = Git(repo.path / ".git", ENV)
    endless = ("-c", "alias.endless=!sleep 600 & sleep 600", "endless")
    with pytest.raises(GitFailed, match=r"took longer than 0\.2 s"):
        git.run(*endless, seconds=0.2)


def test_a_complaint_of_git_is_one_printable_line(repo: TempRepo) -> None:
    repo.commit()
    with pytest.raises(GitFailed) as caught:
        Git(repo.path / ".git", ENV).run("cat-file", "-p", "x\n::error::\x1b[31my")
    assert str(caught.value).isprintable()
