"""A program that lies in the repository is somebody's change: whatever PATH says, it is never run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.adapters.programs import find_program, search_path
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo

SYSTEM = os.environ["PATH"]
REAL = shutil.which("git") or ""
PATHS = [".:", ":", "bin:", "{repo}/bin:", "{repo}/bin/../bin:", "{repo}/.git:", "{outside}/to-bin:", "{outside}/one:"]
"""What comes before the machine's own PATH. `to-bin` is a link to a directory of the repository, in `one` are links."""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that is there once a program of the repository has run."""
    return tmp_path / "has-run"


@pytest.fixture
def repo(tmp_path: Path, canary: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    planted = f'#!/bin/sh\necho "$0" >>{canary}\nexec {REAL} "$@"\n'
    for name in ("git", "docker", "uv", "bin/git", "bin/docker", ".git/git"):
        file = repo.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(planted)
        file.chmod(0o755)
    (tmp_path / "outside/one").mkdir(parents=True)
    (tmp_path / "outside/to-bin").symlink_to(repo.path / "bin")
    for name in ("git", "docker"):
        (tmp_path / "outside/one" / name).symlink_to(repo.path / name)
    repo.commit({"a.py": "x = 1\n"})
    repo.git("switch", "--quiet", "--create", "change")
    repo.commit({"a.py": "x = 2\n"})
    return repo


def path_of(repo: TempRepo, before: str) -> str:
    return before.format(repo=repo.path, outside=repo.path.parent / "outside") + SYSTEM


@pytest.mark.parametrize("before", PATHS)
def test_git_is_never_taken_from_the_repository(
    repo: TempRepo, canary: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.chdir(repo.path)
    repository = GitRepository(repo.path, {"PATH": path_of(repo, before)})
    assert [file.path for file in repository.change("main", "change").files] == ["a.py"]
    assert repository.uncommitted("main").files
    assert not canary.exists()


def test_nothing_of_the_repository_runs_at_a_terminal(repo: TempRepo, canary: Path) -> None:
    linked = repo.path.parent / "linked"
    repo.git("worktree", "add", "--quiet", str(linked), "main")
    env = {"HOME": str(repo.path.parent), "PATH": path_of(repo, "".join(PATHS))}
    for folder in (repo.path, linked):  # GitPython finds the linked one, and would ask git for its version
        for arguments in (["review", "--base", "main"], ["doctor"]):
            command = [sys.executable, "-P", "-m", "cicd_agent", *arguments]
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
            assert arguments == ["doctor"] or done.returncode == 0, done.stderr
    assert not canary.exists(), canary.read_text()


def test_a_machine_whose_only_git_is_the_repositorys_is_a_clear_error(repo: TempRepo, canary: Path) -> None:
    with pytest.raises(ConfigError, match=r"outside of the repository.*Install git") as refused:
        GitRepository(repo.path, {"PATH": f".::{repo.path}/bin:{repo.path.parent}/outside/one"})
    assert "\n" not in str(refused.value)
    assert not canary.exists()


def test_what_a_program_starts_is_not_looked_for_in_the_repository_either(repo: TempRepo, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path = f":.:bin:{repo.path}:{other}:{repo.path}/bin:{tmp_path}/outside/to-bin:{tmp_path}/gone:"
    assert search_path(path, [repo.path]) == f"{other}:{tmp_path}/gone"
    assert search_path(path).split(":") == [
        *(str(each) for each in (repo.path, other, repo.path / "bin", tmp_path / "outside/to-bin", tmp_path / "gone")),
    ]


def test_the_first_program_outside_is_the_one(repo: TempRepo, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "git").symlink_to(REAL)
    (real / "uv").mkdir()
    (real / "docker").write_text("not executable")
    path = f"{repo.path}/bin:{tmp_path}/outside/one:{real}:{SYSTEM}"
    assert find_program("git", path, [repo.path]) == str(real / "git")
    assert find_program("git", path) == str(repo.path / "bin/git")
    for absent in ("uv", "docker"):
        assert find_program(absent, f"{repo.path}:{repo.path}/bin:{real}", [repo.path]) is None
    assert find_program("git", "", [repo.path]) is None
