"""Whatever one function of a project becomes: each test that then ends otherwise is among those that are chosen."""

import sys
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.test_selection.map_builder import build_map
from cicd_agent.analysis.test_selection.selection import affected
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.trials.test_run import Outcome, RunResult, TestOutcome, TestTrace

COMMIT = "a" * 40
SOURCE, TESTS = "src/app.py", "tests/test_app.py"


@dataclass(frozen=True)
class Project:
    """Function n returns a number plus what those that it calls return; the constants call some at import."""

    functions: tuple[tuple[int, tuple[int, ...]], ...]
    constants: tuple[int, ...]
    tests: tuple[tuple[int, int], ...]
    """Which function each calls, and whose result at import it looks at."""

    def source(self) -> str:
        lines = ["TABLE = {}"]
        for at, (number, called) in enumerate(self.functions):
            lines += [
                f"def f{at}():",
                "    " + " + ".join([f"    return {number}".strip(), *(f"f{n}()" for n in called)]),
            ]
        # What is called at import is kept, and read by whichever function comes after.
        lines += [f"TABLE[{at}] = f{at}()" for at in self.constants]
        return "\n".join([*lines, "def kept(at):", "    return TABLE.get(at, 0)", ""])

    def wanted(self) -> tuple[int, ...]:
        space: dict[str, Any] = {}
        exec(self.source(), space)
        return tuple(space[f"f{at}"]() + space["kept"](other) for at, other in self.tests)

    def test_source(self, wanted: tuple[int, ...]) -> str:
        return "".join(
            f"def test_{n}():\n    assert f{at}() + kept({other}) == {wanted[n]}\n\n"
            for n, (at, other) in enumerate(self.tests)
        )


def run(project: Project, wanted: tuple[int, ...]) -> RunResult:
    """What a traced run of the tests would tell."""
    seen: set[CodeType] = set()

    def watch(frame: FrameType, *_: object) -> Any:
        if frame.f_code.co_filename in {SOURCE, TESTS}:
            seen.add(frame.f_code)
        return watch

    def traced(call: Any) -> bool:
        seen.clear()
        before = sys.gettrace()
        sys.settrace(watch)
        try:
            call()
        except AssertionError:
            return False
        finally:
            sys.settrace(before)
        return True

    space: dict[str, Any] = {}
    traced(lambda: exec(compile(project.source(), SOURCE, "exec"), space))
    traces = [TestTrace("", tuple(f"{code.co_filename}::{code.co_qualname}" for code in seen))]
    exec(compile(project.test_source(wanted), TESTS, "exec"), space)
    outcomes = []
    for n, _ in enumerate(project.tests):
        name = f"{TESTS}::test_{n}"
        passed = traced(space[f"test_{n}"])
        outcomes.append(TestOutcome(name, Outcome.PASSED if passed else Outcome.FAILED))
        traces.append(TestTrace(name, tuple(f"{code.co_filename}::{code.co_qualname}" for code in seen)))
    return RunResult("suite", completed=True, tests=tuple(outcomes), traces=tuple(traces))


def unwatched(suite: RunResult) -> RunResult:
    """A run that says nothing of what came before its tests."""
    return replace(suite, traces=suite.traces[1:])


@st.composite
def changes(draw: st.DrawFn) -> tuple[Project, Project]:
    size = draw(st.integers(1, 8))
    functions = tuple(
        (draw(st.integers(0, 3)), tuple(draw(st.lists(st.integers(0, at - 1), max_size=3))) if at else ())
        for at in range(size)
    )
    some = st.lists(st.integers(0, size - 1), max_size=6)
    pairs = st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), min_size=1, max_size=6)
    before = Project(functions, tuple(draw(some)), tuple(draw(pairs)))
    at = draw(st.integers(0, size - 1))
    called = tuple(draw(st.lists(st.integers(0, at - 1), max_size=3))) if at else ()
    fresh = (draw(st.integers(0, 3)), called)
    return before, Project((*functions[:at], fresh, *functions[at + 1 :]), before.constants, before.tests)


@given(both=changes(), watched=st.booleans())
def test_each_test_that_ends_otherwise_is_chosen(*, both: tuple[Project, Project], watched: bool) -> None:
    before, after = both
    wanted = before.wanted()
    suite = run(before, wanted)
    texts = {SOURCE: before.source(), TESTS: before.test_source(wanted)}
    test_map = build_map(suite if watched else unwatched(suite), texts, COMMIT, "3.12.1")
    files = (FileDiff(SOURCE, SOURCE, ChangeKind.MODIFIED),) if after != before else ()
    since = Change(COMMIT, "", ChangeSource.WORKTREE, files, texts={SOURCE: after.source()}, paths=(SOURCE, TESTS))
    chosen = affected(test_map, since, since, "3.12.1")
    ends = {test.nodeid: test.outcome for test in run(after, wanted).tests}
    otherwise = {test.nodeid for test in suite.tests if test.outcome is not ends[test.nodeid]}
    assert {nodeid for nodeid in otherwise if not chosen.selects(nodeid)} == set()
    if not files:
        assert chosen.scope == "none"
