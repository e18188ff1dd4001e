"""Real changes of a published package: one file as a later release has it, the tests as they were before."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.releases import Release, history, releases
from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.domain.trials.candidate import Expectation
from cicd_agent.domain.trials.test_run import Mutant
from cicd_agent.modes.gen_tests.questions import ProposedTest, TestsDraft, Unreachable
from tests.support.samples.changes import change_of

PACKAGE = "more-itertools"
MODULE = "more_itertools/recipes.py"
COMMAND = "python -m pytest tests/test_recipes.py"
CHANGES = (("9.0.0", "9.1.0"), ("10.1.0", "10.2.0"), ("10.2.0", "10.3.0"))

_SAID: Mapping[str, Sequence[str]] = {
    "transpose": ["assert list(transpose([(1, 2, 3), (11, 22, 33)])) == [(1, 11), (2, 22), (3, 33)]"],
    "matmul": [
        "assert list(matmul([(7, 5), (3, 5)], [(2, 5), (7, 9)])) == [(49, 80), (41, 60)]",
        "assert list(matmul([(1, 2)], [(3,), (4,)])) == [(11,)]",
    ],
    "factor": ["assert list(factor(360)) == [2, 2, 2, 3, 3, 5]", "assert list(factor(1)) == []"],
    "iter_index": [
        "assert list(iter_index('AABCADEAF', 'A', 1, 7)) == [1, 4]",
        "assert list(iter_index(iter('AABCADEAF'), 'A', 2)) == [4, 7]",
    ],
    "reshape": ["assert list(reshape([(0, 1), (2, 3), (4, 5)], 3)) == [(0, 1, 2), (3, 4, 5)]"],
    "totient": ["assert [totient(n) for n in (1, 2, 9, 12)] == [1, 1, 6, 4]", "assert totient(6) == 3"],
    "unique": [
        "assert list(unique([[1, 2], [3, 4], [1, 2]])) == [[1, 2], [3, 4]]",
        "assert list(unique('ABBcCAD', key=str.casefold, reverse=True)) == ['D', 'c', 'B', 'A']",
    ],
    "all_equal": ["assert all_equal('AaaA', key=str.casefold)", "assert not all_equal('AaBb', key=str.casefold)"],
}
"""What the scripted model asserts, by function; `totient(6) == 3` is wrong, and must not be kept."""


@dataclass(frozen=True, slots=True)
class RealChange:
    """A repository with the change on a branch that is checked out, the file on both sides, and its planted faults."""

    name: str
    repo: Path
    before: str
    after: str

    @property
    def faults(self) -> tuple[Mutant, ...]:
        """Those of the changed lines."""
        [file] = change_of((MODULE, self.before, self.after)).files
        lines = [line.new for line in file.added if line.new is not None]
        return mutants(MODULE, self.after, lines, 300)


def real_changes(cache: Path, folder: Path, index: str) -> tuple[RealChange, ...]:
    """The changes, each in a repository of its own below `folder`."""
    versions = {version for pair in CHANGES for version in pair}
    wanted: list[Release] = [each for each in releases(PACKAGE, 60, index) if each.version in versions]
    source, commits = history(PACKAGE, wanted, cache)
    known = dict(commits)
    return tuple(_planted(source, known[old], known[new], folder / f"{old}-{new}") for old, new in CHANGES)


def proposed(function: str) -> TestsDraft:
    """What the scripted model answers when it is asked about a function."""
    tests = tuple(
        ProposedTest(
            name=f"test_{function}_as_scripted_{number}",
            imports=(f"from more_itertools import {function}",),
            code=f"def test_{function}_as_scripted_{number}():\n    {said}\n",
            expected_from=Expectation.CODE,
            quote=None,
            why=f"An example of {function}.",
        )
        for number, said in enumerate(_SAID.get(function, ()), 1)
    )
    return TestsDraft(tests=tests, unreachable=() if tests else (Unreachable(goal="all", reason="not in the script"),))


def _planted(source: Path, old: str, new: str, repo: Path) -> RealChange:
    repo.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", old], cwd=source, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x"], cwd=repo, input=archive, check=True)
    before = (repo / MODULE).read_text("utf-8")
    _git(repo, "init", "--quiet", "--initial-branch=main", "--template=")
    _git(repo, "add", ".")
    _git(repo, "commit", "--quiet", "--message", "before")
    _git(repo, "checkout", "--quiet", "-b", "change")
    after = subprocess.run(["git", "show", f"{new}:{MODULE}"], cwd=source, check=True, capture_output=True).stdout
    (repo / MODULE).write_bytes(after)
    _git(repo, "commit", "--quiet", "--all", "--message", "after")
    return RealChange(repo.name, repo, before, after.decode())


def _git(repo: Path, *args: str) -> None:
    who = ["-c", "user.name=real", "-c", "user.email=real@example.invalid"]
    subprocess.run(["git", *who, *args], cwd=repo, check=True, capture_output=True)
