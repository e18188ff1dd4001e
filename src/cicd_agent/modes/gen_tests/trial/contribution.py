"""What a test of a file can be good for: the changed lines that nothing executes, the faults that nothing notices."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.static.scope import Surroundings
from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.analysis.python_tests.test_modules import dotted, home, new_home
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.trials.candidate import Candidate
from cicd_agent.domain.trials.test_run import Fate, Mutant
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence


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
    text: str | None = None
    base_text: str | None = None

    def sibling(self, key: str) -> str:
        """A module of its own beside the home, where the same fixtures and helpers are in reach."""
        location = PurePosixPath(self.home)
        return location.with_name(f"{location.stem}__{key[:8]}.py").as_posix()


def coverage_targets_of(path: str, evidence: Evidence) -> CoverageTargets:
    """What is left to do for the file at `path`."""
    tests = evidence.get(TEST_EVIDENCE)
    if not tests or not evidence.change:
        return CoverageTargets()
    suite = tests.suite
    changed = {
        line.new for file in evidence.change.files if file.path == path for line in file.added if line.new is not None
    }
    killed = {outcome.id for outcome in suite.outcomes if outcome.fate is Fate.KILLED}
    mutants = tuple(one for one in suite.mutants if one.path == path and one.id not in killed)
    for file in suite.coverage:
        if file.path == path:
            lines = changed & (set(file.statements) - set(file.executed))
            branches = {arc for arc in set(file.branches) - set(file.taken) if arc[0] in changed}
            return CoverageTargets(frozenset(lines), frozenset(branches), mutants)
    return CoverageTargets(frozenset(changed), frozenset(), mutants)


def slot_of(candidate: Candidate, evidence: Evidence) -> Slot:
    """The home of the candidate: one whose text is known, since nothing is written over what nobody has read."""
    tests = evidence.get(TEST_EVIDENCE)
    if not tests:
        return Slot(new_home(candidate.path, ()))
    result = home(candidate.path, tests.suite.coverage, tests.paths)
    if result in tests.paths and result not in tests.modules:
        result = new_home(candidate.path, tests.paths)
    return Slot(result, tests.modules.get(result), _before(result, evidence, tests))


def surroundings_of(candidate: Candidate, evidence: Evidence) -> Surroundings:
    """What the static check judges a candidate beside."""
    tests = evidence.get(TEST_EVIDENCE)
    modules = tests.modules if tests else {}
    paths = evidence.change.paths if evidence.change else ()
    texts = evidence.change.texts if evidence.change else {}
    near = PurePosixPath(slot_of(candidate, evidence).home)
    fixtures = {
        name
        for path, text in modules.items()
        if path == near.as_posix() or (path.endswith("conftest.py") and near.is_relative_to(PurePosixPath(path).parent))
        for name in _fixtures(text)
    }
    return Surroundings(
        source=texts.get(candidate.path, ""),
        modules=modules,
        paths=paths,
        module=dotted(candidate.path, paths, modules.values()),
        fixtures=fixtures,
    )


def _before(path: str, evidence: Evidence, tests: TestEvidence) -> str | None:
    """The text that a test module had before the change."""
    if evidence.change:
        for file in evidence.change.files:
            if file.path == path:
                return None if file.kind is ChangeKind.ADDED else evidence.change.old_texts.get(file.old_path)
    return tests.modules.get(path)


def _fixtures(text: str) -> Iterator[str]:
    for node in ast.walk(parsed(text) or ast.Module([], [])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if ast.unparse(called).split(".")[-1] == "fixture":
                    yield node.name
