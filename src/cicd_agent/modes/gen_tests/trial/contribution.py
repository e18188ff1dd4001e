"""Where a test of a file would stand, and what it can be good for: what nothing executes, and what nobody notices."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.analysis.python_tests.syntax import fixtures
from cicd_agent.analysis.python_tests.test_modules import dotted, home, new_home
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.trials.candidate import Candidate
from cicd_agent.domain.trials.test_run import Fate, Mutant
from cicd_agent.modes.gen_tests.evidence import Suite, known
from cicd_agent.modes.shared.change_reader import changed


@dataclass(frozen=True, slots=True)
class CoverageTargets:
    """Changed lines and branches of one file that the project's tests do not execute, and mutants they let live."""

    lines: frozenset[int] = frozenset()
    branches: frozenset[tuple[int, int]] = frozenset()
    mutants: tuple[Mutant, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a candidate is tried and would stay. `text` and `base_text` are the home's, None where there is none."""

    home: str
    text: str | None
    base_text: str | None

    def sibling(self, key: str) -> str:
        """A module of its own beside the home, where the same fixtures and helpers are in reach."""
        location = PurePosixPath(self.home)
        return location.with_name(f"{location.stem}__{key[:8]}.py").as_posix()


def coverage_targets_of(path: str, evidence: Evidence) -> CoverageTargets:
    """What is left to do for the file at `path`."""
    suite = known(evidence).suite
    lines = {line.new for file in changed(evidence).files if file.path == path for line in file.added if line.new}
    mutants = tuple(mutant for mutant in surviving(suite) if mutant.path == path)
    coverage = next((file for file in suite.coverage if file.path == path), None)
    if coverage is None:
        return CoverageTargets(frozenset(lines), frozenset(), mutants)
    branches = {branch for branch in set(coverage.branches) - set(coverage.taken) if branch[0] in lines}
    missing = lines & (set(coverage.statements) - set(coverage.executed))
    return CoverageTargets(frozenset(missing), frozenset(branches), mutants)


def surviving(suite: Suite) -> list[Mutant]:
    killed = {outcome.id for outcome in suite.outcomes if outcome.fate is Fate.KILLED}
    return [mutant for mutant in suite.mutants if mutant.id not in killed]


def slot_of(candidate: Candidate, evidence: Evidence) -> Slot:
    """The home of the candidate: one whose text is known, since nothing is written over what nobody has read."""
    tests, change = known(evidence), changed(evidence)
    path = home(candidate.path, tests.suite.coverage, tests.paths)
    if path in tests.paths and path not in tests.modules:
        path = new_home(candidate.path, tests.paths)
    text = base_text = tests.modules.get(path)
    if file := next((file for file in change.files if file.path == path), None):
        base_text = None if file.kind is ChangeKind.ADDED else change.old_texts.get(file.old_path)
    return Slot(path, text, base_text)


def surroundings_of(candidate: Candidate, evidence: Evidence) -> Surroundings:
    """What the static check judges a candidate beside."""
    modules, change = known(evidence).modules, changed(evidence)
    near = PurePosixPath(slot_of(candidate, evidence).home)
    return Surroundings(
        source=change.texts.get(candidate.path, ""),
        modules=modules,
        paths=change.paths,
        module=dotted(candidate.path, change.paths, modules.values()),
        fixtures={
            fixture.name
            for path, text in modules.items()
            if path == near.as_posix()
            or (path.endswith("conftest.py") and near.is_relative_to(PurePosixPath(path).parent))
            for fixture in fixtures(text)
        },
    )
