"""What is taken back again before it went out is no part of a deployment, and what is only said to be is."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.domain.gate_evidence import Match
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.errors import ConfigError
from cicd_agent.modes.deploy_gate.signals.reviews import review
from cicd_agent.modes.deploy_gate.subject import read_subject
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import BASE, EVENT, HEAD, OLD, PULL, SHA, GateWorld
from tests.modes.deploy_gate.gate_world import change as change_of
from tests.support.fakes.repository import FakeRepository
from tests.support.repos import TempRepo

MIDDLE = "e" * 40
TEXT = "".join(f"line {number}\n" for number in range(40))


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit({"a.txt": TEXT, "b.txt": "b\n", "c.txt": "c\n"}, "Begin")
    return repo


def change(repo: TempRepo, message: str, **files: str) -> None:
    repo.commit({f"{name}.txt": text for name, text in files.items()}, message)


def revert(repo: TempRepo, ref: str, *options: str) -> None:
    repo.git("revert", "--no-edit", *options, ref)
    repo.git("commit", "--quiet", "--amend", "-m", "take back")


def plain(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n", b="")
    change(repo, "other", c="more\n")
    revert(repo, "HEAD~1")


def nested(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n")
    change(repo, "worse", a="worse\n")
    change(repo, "other", c="more\n")
    revert(repo, "HEAD~1")
    revert(repo, "HEAD~3")


def merged(repo: TempRepo) -> None:
    repo.branch("topic")
    change(repo, "held", a="evil\n")
    change(repo, "held too", b="evil\n")
    repo.switch("main")
    change(repo, "other", c="more\n")
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    change(repo, "last", d="d\n")
    revert(repo, "HEAD~1", "-m", "1")


def partial(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n", b="evil\n")
    change(repo, "other", c="more\n")
    change(repo, 'Revert "held"', a=TEXT)


def larger(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n")
    change(repo, "other", c="more\n")
    change(repo, 'Revert "held"', a=TEXT, d="evil\n")


def again(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n")
    change(repo, "other", c="more\n")
    revert(repo, "HEAD~1")
    change(repo, "last", d="d\n")
    change(repo, "bring back", a="evil\n")


def touched(repo: TempRepo) -> None:
    change(repo, "held", a=TEXT.replace("line 2\n", "evil\n"))
    change(repo, "other", a=TEXT.replace("line 2\n", "evil\n").replace("line 30", "line thirty"))
    revert(repo, "HEAD~1")


def executable(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n")
    change(repo, "other", c="more\n")
    repo.write("a.txt", TEXT).chmod(0o755)
    repo.commit(message='Revert "held"')


def said(repo: TempRepo) -> None:
    change(repo, "held", a="evil\n")
    change(repo, "other", c="more\n")
    change(repo, f'Revert "held"\n\nThis reverts commit {repo.git("rev-parse", "HEAD~1")}.', a="evil as well\n")


@pytest.mark.parametrize(
    ("way", "brought"),
    [
        (plain, ["other"]),
        (nested, ["other"]),
        (merged, ["last", "other"]),
        (again, ["bring back", "last", "other"]),
        (partial, ['Revert "held"', "other", "held"]),
        (larger, ['Revert "held"', "other", "held"]),
        (touched, ["take back", "other", "held"]),
        (executable, ['Revert "held"', "other", "held"]),
        (said, ['Revert "held"', "other", "held"]),
    ],
)
def test_what_was_taken_back_exactly_is_not_brought(
    way: Callable[[TempRepo], None], brought: list[str], repo: TempRepo
) -> None:
    base = repo.head
    way(repo)
    repository = GitRepository(repo.path, {"PATH": os.environ["PATH"]})
    subject = read_subject(repo.head, EVENT, base, repository, Settings())
    assert [each.subject for each in subject.commits if each.sha not in subject.reverted] == brought


class Reverting(FakeRepository):
    """OLD is taken back by SHA, and MIDDLE changes another file."""

    def file_changes(self, shas: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], ...]:
        known = {OLD: {"a": ("x", "y")}, SHA: {"a": ("y", "x")}, MIDDLE: {"b": ("x", "y")}}
        return tuple(known[sha] for sha in shas)


def test_a_pull_request_that_takes_something_back_as_well_is_what_was_reviewed() -> None:
    line = (Commit(SHA, "Take back"), Commit(MIDDLE, "Add"), Commit(OLD, "held"))
    world = GateWorld()
    world.forge.gated.came_from = dict.fromkeys((SHA, MIDDLE), PULL)
    world.repository = Reverting(
        refs={"HEAD": SHA, "main": BASE, "before": BASE},
        changes={("", SHA): change_of(BASE, SHA), ("", HEAD): change_of(OLD, HEAD)},
        ancestry={SHA: (MIDDLE,), MIDDLE: (OLD,), OLD: (BASE,)},
        lines={(BASE, SHA): line},
        patch_ids={(OLD, SHA): "p1", (OLD, HEAD): "p1"},
    )
    gate = world.gate()
    assert [(each.sha, each.match, each.pull) for each in gate.commits] == [(MIDDLE, Match.SAME_PATCH, 5)]
    assert review(gate, EVENT).words == "approved by 1"


Files = Mapping[str, str]


@dataclass
class Line(FakeRepository):
    """A first-parent line of commits with these files, the newest first; the last is what runs now."""

    states: Sequence[Files] = ()
    unreadable: bool = False

    def change(self, base: str, head: str) -> Change:
        return Change(base, head, ChangeSource.GIT, ())

    def between(self, base: str, head: str, most: int) -> tuple[Commit, ...]:  # noqa: ARG002  the port's signature
        return tuple(Commit(str(at), "x") for at in range(len(self.states) - 1)) if base != "0" else ()

    def parents(self, sha: str) -> tuple[str, ...]:
        return (str(int(sha) + 1),)

    def tree_ids(self, shas: Sequence[str]) -> tuple[str, ...]:
        return tuple(repr(sorted(self.states[int(sha)].items())) for sha in shas)

    def file_changes(self, shas: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], ...]:
        if self.unreadable:
            raise ConfigError("a tree is not here")
        return tuple(differences(self.states[int(sha) + 1], self.states[int(sha)]) for sha in shas)


def differences(old: Files, new: Files) -> dict[str, tuple[str, str]]:
    pairs = {path: (old.get(path, ""), new.get(path, "")) for path in {*old, *new}}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


STATES = st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3), min_size=2, max_size=12)


@given(STATES)
def test_what_is_left_changes_the_same_without_what_was_left_out(states: list[Files]) -> None:
    subject = read_subject("0", EVENT, str(len(states) - 1), Line(states=states), Settings())
    files = dict(states[-1])
    for at in sorted({int(each.sha) for each in subject.commits} - {int(sha) for sha in subject.reverted})[::-1]:
        for path, (before, after) in differences(states[at + 1], states[at]).items():
            assert files.get(path, "") == before
            files[path] = after
    assert {path: text for path, text in files.items() if text} == states[0]


@given(STATES)
def test_what_cannot_be_read_stays(states: list[Files]) -> None:
    subject = read_subject("0", EVENT, str(len(states) - 1), Line(states=states, unreadable=True), Settings())
    assert subject.reverted == frozenset()
