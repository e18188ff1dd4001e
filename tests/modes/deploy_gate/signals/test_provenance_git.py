"""The ways in which GitHub merges a pull request, made with git itself: each is what was reviewed, and no more."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.gate_evidence import Match, OriginPull
from cicd_agent.modes.deploy_gate.signals.reviews import match_commits
from tests.support.repos import TempRepo

TEXT = "".join(f"line {number}\n" for number in range(40))


class Branches(TempRepo):
    """`main`, and a branch of two commits beside it, while `main` went on elsewhere in the same file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.commit({"a.txt": TEXT, "b.txt": ""})
        self.branch("topic")
        self.commit({"a.txt": TEXT.replace("line 30", "line thirty")})
        self.reviewed = self.commit({"b.txt": "new\n"})
        self.switch("main")
        self.base = self.commit({"a.txt": TEXT.replace("line 2\n", "line two\nand more\n")})

    def matches(self, tampered: dict[str, str] | None = None) -> list[Match]:
        """Of all that is on `main` since `base`; `tampered` is written into the last commit."""
        for name, content in (tampered or {}).items():
            self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--amend", "--no-edit")
        repository = GitRepository(self.path, {"PATH": os.environ["PATH"]})
        commits = repository.between(self.base, self.head, 50)
        pull = OriginPull(5, "ann", "main", self.reviewed, self.head)
        deployed, gaps = match_commits(commits, {commit.sha: pull for commit in commits}, repository, "")
        assert gaps == ()
        return [each.match for each in deployed]


def merge(repo: Branches) -> None:
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #5", "topic")


def squash(repo: Branches) -> None:
    repo.git("merge", "--quiet", "--squash", "topic")
    repo.commit(message="Add b (#5)")


def rebase(repo: Branches) -> None:
    repo.git("cherry-pick", "main..topic")


@pytest.mark.parametrize(
    ("way", "expected"),
    [(merge, [Match.EXACT]), (squash, [Match.SAME_PATCH]), (rebase, [Match.SAME_PATCH] * 2)],
)
def test_what_was_merged_is_what_was_reviewed(
    way: Callable[[Branches], None], expected: list[Match], tmp_path: Path
) -> None:
    repo = Branches(tmp_path / "repo")
    way(repo)
    assert repo.matches() == expected


@pytest.mark.parametrize("way", [merge, squash, rebase])
def test_a_line_that_was_slipped_in_with_the_merge_is_not(way: Callable[[Branches], None], tmp_path: Path) -> None:
    repo = Branches(tmp_path / "repo")
    way(repo)
    assert set(repo.matches({"b.txt": "new\nevil\n"})) == {Match.NONE}
