"""A small project whose tests end as a table says, for tests of the trial: nothing of it is ever run."""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.domain.trials.test_run import (
    Fate,
    FileCoverage,
    Mutant,
    MutantOutcome,
    Outcome,
    PytestRun,
    RunResult,
    TestOutcome,
)
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from tests.support.fakes.test_runner import FakePytestRunner
from tests.support.samples.changes import change_of

OLD = "def grade(points):\n    return 'B'\n"
NEW = (
    "def grade(points):\n    if points >= 90:\n        return 'A'\n    return 'B'\n\n\ndef half(n):\n    return n / 2\n"
)
HOME = "tests/test_calc.py"
TESTS = "from calc import grade\n\n\ndef test_other():\n    assert grade(1) == 'B'\n"
BOUNDARY = Mutant("m1", "calc.py", 2, "grade", "relational", 25, 27, "> ", "`>=` → `>`")
CONSTANT = Mutant("m2", "calc.py", 3, "grade", "constant", 45, 48, "'x'", "`'A'` → `'x'`")
DIVISION = Mutant("m3", "calc.py", 8, "half", "arithmetic", 90, 91, "*", "`/` → `*`")

Ending = Callable[[PytestRun, str], TestOutcome | None]
"""By the run, and "head" or "base"."""


@dataclass
class Project:
    """What each test does, by the name of its function (a number of a renamed one aside)."""

    endings: dict[str, Ending] = field(default_factory=dict)
    executes: dict[str, set[int]] = field(default_factory=dict)
    kills: dict[str, dict[str, str]] = field(default_factory=dict)
    """By test, the exception by mutant."""
    unreached: set[str] = field(default_factory=set)
    """Mutants that no test executes."""
    leaves: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    """Tests with which the process ends early, and what is said of that."""
    spoils: dict[str, str] = field(default_factory=dict)
    """By test, the existing test that fails after it."""
    needs_place: bool = False
    """Whether the existing tests fail in another directory."""

    def pytest_runner(self) -> FakePytestRunner:
        return FakePytestRunner(self.run)

    def run(self, run: PytestRun, files: Mapping[str, str], tree: str) -> RunResult:
        nodeids = list(self._selected(run, {HOME: TESTS, **files}))
        names = [nodeid.split("::")[1].split("[")[0] for nodeid in nodeids]
        for name in names:
            if name in self.ends:
                return RunResult(run.name, completed=False, problem=self.ends[name], seconds=1.0)
        tests = tuple(self._ended(nodeid, name, run, names, tree) for nodeid, name in zip(nodeids, names, strict=True))
        executed = set().union(*(self.executes.get(name, set()) for name in names))
        by = {mutant: (name, what) for name in names for mutant, what in self.kills.get(name, {}).items()}
        fates = [
            MutantOutcome(one.id, Fate.KILLED, *by[one.id])
            if one.id in by
            else MutantOutcome(one.id, Fate.NOT_RUN if one.id in self.unreached else Fate.SURVIVED)
            for one in run.mutants
        ]
        covered = [FileCoverage(path, (1, 2, 3, 4, 7, 8), tuple(sorted(executed))) for path in run.measured]
        left = tuple(path for name in names for path in self.leaves.get(name, ()))
        seen = tuple(test.nodeid for test in tests)
        return RunResult(run.name, True, "", seen, tests, tuple(covered), tuple(fates), left=left, seconds=0.5)  # noqa: FBT003

    def _selected(self, run: PytestRun, files: Mapping[str, str]) -> Iterable[str]:
        for entry in run.select or sorted(files):
            if "::" in entry:
                yield entry
                continue
            for path in [entry] if entry in files else [path for path in files if path.startswith(f"{entry}/")]:
                for node in ast.parse(files[path]).body:
                    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                        yield f"{path}::{node.name}"

    def _ended(self, nodeid: str, name: str, run: PytestRun, names: list[str], tree: str) -> TestOutcome:
        if name == "test_other" and self.needs_place and run.perturbation.elsewhere:
            return TestOutcome(nodeid, Outcome.FAILED, message="no such file")
        if any(self.spoils.get(other) == name for other in names):
            return TestOutcome(nodeid, Outcome.FAILED, message="spoiled")
        ending = self.endings.get(name)
        found = ending(run, tree) if ending else failed("assert 'B' == 'A'") if tree == "base" else None
        if not found:
            return TestOutcome(nodeid, Outcome.PASSED, 0.001)
        return replace(found, nodeid=found.nodeid or nodeid, seconds=0.001)


def failed(message: str, exception: str = "AssertionError") -> TestOutcome:
    return TestOutcome("", Outcome.FAILED, 0.001, message, exception, "calc.py:3")


def evidence(*mutants: Mutant, tests: str = TESTS, paths: tuple[str, ...] = (HOME,)) -> Evidence:
    coverage = FileCoverage(
        "calc.py",
        (1, 2, 3, 4, 7, 8),
        (1, 2, 4, 7),
        ((2, 3), (2, 4)),
        ((2, 4),),
        (f"{HOME}::test_other",),
    )
    suite = Suite(SuiteState.GREEN, tests=1, coverage=(coverage,), mutants=mutants or (BOUNDARY, CONSTANT, DIVISION))
    return Evidence(event=Event(kind=EventKind.LOCAL), change=change_of(("calc.py", OLD, NEW), paths=[HOME])).put(
        TEST_EVIDENCE, TestEvidence(suite, {HOME: tests}, paths)
    )


def candidate(
    name: str = "test_best",
    code: str = "",
    *imports: str,
    function: str = "grade",
    expectation: Expectation = Expectation.CODE,
) -> Candidate:
    body = code or "assert grade(90) == 'A'"
    text = body if "def " in body else f"def {name}():\n    {body}\n"
    imported = imports or (f"from calc import {function}",)
    return keyed(Candidate("", "calc.py", function, name, imported, text, Origin.MODEL, expectation))
