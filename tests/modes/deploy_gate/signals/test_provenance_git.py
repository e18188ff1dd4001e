"""The ways in which GitHub merges a pull request, made with git itself: each is what was reviewed, and no more."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.gate_evidence import Match, OriginPull, PullCommit, ReviewState
from cicd_agent.modes.deploy_gate.signals.reviews import approvals, match_commits, match_pulls, with_earlier_approvals
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


def update(repo: Branches) -> None:
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge branch 'main' into topic", "main")


def onto_main(repo: Branches) -> None:
    repo.git("rebase", "--quiet", "main")


def amend(repo: Branches) -> None:
    repo.git("commit", "--quiet", "--amend", "-m", "Say it better")


def counted(repo: Branches, way: Callable[[Branches], None], changed: dict[str, str] | None = None) -> list[str]:
    """Who has approved what goes out, of the commit before the branch was brought up to date and merged."""
    repo.switch("topic")
    way(repo)
    for name, content in (changed or {}).items():
        repo.write(name, content)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--amend", "--no-edit")
    head = repo.head
    repo.switch("main")
    squash(repo)
    reviews = (ReviewState("bob", "APPROVED", repo.reviewed), ReviewState("ann", "APPROVED", repo.reviewed))
    pull = OriginPull(5, "ann", "main", head, repo.head, authors=("ann",), reviews=reviews)
    repository = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    commits = repository.between(repo.base, repo.head, 50)
    deployed, _ = match_commits(commits, {commit.sha: pull for commit in commits}, repository, "")
    [standing], gaps = with_earlier_approvals(deployed, (pull,), repository, "")
    assert gaps == ()
    return [each.author for each in approvals(standing)]


@pytest.mark.parametrize("way", [update, onto_main, amend])
def test_an_approval_stands_when_the_patch_is_the_same(way: Callable[[Branches], None], tmp_path: Path) -> None:
    assert counted(Branches(tmp_path / "repo"), way) == ["bob"]


@pytest.mark.parametrize("way", [update, onto_main])
@pytest.mark.parametrize(
    "changed",
    [
        {"b.txt": "new\nevil\n"},
        {"c.txt": "evil\n"},
        # What came from the base branch is taken back.
        {"a.txt": TEXT.replace("line 30", "line thirty").replace("line 2\n", "line too\n")},
    ],
)
def test_what_the_update_itself_has_changed_was_approved_by_nobody(
    way: Callable[[Branches], None], changed: dict[str, str], tmp_path: Path
) -> None:
    assert counted(Branches(tmp_path / "repo"), way, changed) == []


def test_an_approval_that_cannot_be_compared_is_named_and_does_not_count(tmp_path: Path) -> None:
    repo = Branches(tmp_path / "repo")
    squash(repo)
    reviews = (ReviewState("bob", "APPROVED", "f" * 40),)
    pull = OriginPull(5, "ann", "main", repo.reviewed, repo.head, authors=("ann",), reviews=reviews)
    repository = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    commits = repository.between(repo.base, repo.head, 50)
    deployed, _ = match_commits(commits, {commit.sha: pull for commit in commits}, repository, "")
    [standing], gaps = with_earlier_approvals(deployed, (pull,), repository, "")
    assert [*approvals(standing)] == []
    assert "an earlier approval of pull request 5 could not be compared" in gaps[0].why


def clean(repo: Branches) -> None:
    update(repo)


def evil(repo: Branches) -> None:
    update(repo)
    repo.write("c.txt", "evil\n")
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--amend", "--no-edit")


def ours(repo: Branches) -> None:
    repo.git("merge", "--quiet", "--no-ff", "--strategy=ours", "-m", "Merge branch 'main' into topic", "main")


def elsewhere(repo: Branches) -> None:
    """Another branch that leads nowhere yet, by the same kind of merge."""
    repo.git("switch", "--quiet", "-c", "other", "main")
    repo.commit({"d.txt": "evil\n"})
    repo.switch("topic")
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge branch 'main' into topic", "other")


def and_more(repo: Branches) -> None:
    update(repo)
    repo.commit({"b.txt": "new\nevil\n"}, "bob: add")


def conflicting(repo: Branches) -> None:
    repo.switch("main")
    repo.commit({"b.txt": "theirs\n"})
    repo.switch("topic")
    repo.git("merge", "--quiet", "--no-ff", "--strategy-option=ours", "-m", "Merge branch 'main' into topic", "main")


@pytest.mark.parametrize(
    ("way", "counted_by"),
    [(clean, ["bob"]), (evil, []), (ours, []), (elsewhere, []), (and_more, []), (conflicting, [])],
)
def test_who_has_but_brought_the_branch_up_to_date_may_approve_it(
    way: Callable[[Branches], None], counted_by: list[str], tmp_path: Path
) -> None:
    repo = Branches(tmp_path / "repo")
    repo.switch("topic")
    written = {*repo.git("rev-list", "topic").split()}
    way(repo)
    head = repo.head
    commits = tuple(
        PullCommit(sha, tuple(parents), ("ann" if sha in written else "bob",))
        for sha, *parents in map(
            str.split, repo.git("rev-list", "--reverse", "--parents", f"main..{head}").splitlines()
        )
    )
    repo.switch("main")
    before = repo.head
    merge(repo)
    reviews = (ReviewState("bob", "APPROVED", head), ReviewState("ann", "APPROVED", head))
    pull = OriginPull(5, "ann", "main", head, repo.head, authors=("ann", "bob"), reviews=reviews, commits=commits)
    repository = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    line = repository.between(before, repo.head, 50)
    _, pulls, gaps = match_pulls(line, {each.sha: pull for each in line}, repository, "")
    assert gaps == ()
    assert [each.author for each in approvals(pulls[5])] == counted_by


def test_of_what_is_not_here_or_cut_off_no_merge_is_known_to_be_clean(tmp_path: Path) -> None:
    repo = Branches(tmp_path / "repo")
    repo.switch("topic")
    update(repo)
    repository, merged = GitRepository(repo.path, {"PATH": os.environ["PATH"]}), repo.head
    assert repository.is_clean_merge(merged, "main")
    assert not repository.is_clean_merge(merged, "main~1")
    assert not any(repository.is_clean_merge(sha, "main") for sha in ("f" * 40, repo.reviewed, ""))
    assert not repository.is_clean_merge(merged, "f" * 40)
    (repo.path / ".git/shallow").write_text(f"{repo.reviewed}\n")
    assert not GitRepository(repo.path, {"PATH": os.environ["PATH"]}).is_clean_merge(merged, "main")
